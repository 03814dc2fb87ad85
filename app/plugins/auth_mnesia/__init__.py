"""`emqx_auth_mnesia`: client ids, user names and access rules that the node itself keeps.

The database is the truth and belongs to services; here are the copy that the loop asks and the answers made of it.
"""

from app.plugins.auth_mnesia.plugin import AuthMnesia
from app.plugins.auth_mnesia.tables import AclEntry, Credential, MnesiaTables

__all__ = ["AclEntry", "AuthMnesia", "Credential", "MnesiaTables"]
