"""`emqx_auth_ldap`: passwords and access rules that somebody keeps in a directory.

It speaks the three operations of LDAP that it needs (bind, search, unbind) itself, on the loop. The directory is only
read; nothing of it is kept here.
"""

from app.plugins.auth_ldap.plugin import AuthLdap

__all__ = ["AuthLdap"]
