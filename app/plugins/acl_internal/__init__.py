"""`emqx_mod_acl_internal`: access rules from a file, in EMQX's rule language."""

from app.plugins.acl_internal.module import AclInternal

__all__ = ["AclInternal"]
