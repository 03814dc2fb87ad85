"""The built-in functions of the rule engine's SQL, a module per kind; `table` has them all by name."""
