"""What the rule engine's SQL and its functions share: values, how they compare, the ways into them, what a run sees."""
