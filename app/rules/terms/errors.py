"""What a statement fails with when it is run."""

from __future__ import annotations


class RuleError(Exception):
    """Evaluating a statement failed; the rule counts an exception and does nothing else.

    The text begins with EMQX's word for the failure where it has one: `unsupported_type_implicit_conversion`,
    `sql_function_not_supported` and so on.
    """
