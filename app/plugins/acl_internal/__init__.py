"""`emqx_mod_acl_internal`: access rules from a file, in EMQX's rule language."""

from app.plugins.acl_internal.language import Rule, RuleError, parse_rules
from app.plugins.acl_internal.module import AclInternal
from app.plugins.acl_internal.rules import RuleSet

__all__ = ["AclInternal", "Rule", "RuleError", "RuleSet", "parse_rules"]
