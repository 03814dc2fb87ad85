"""`emqx_auth_pgsql`: authentication and access rules from PostgreSQL."""

from app.plugins.auth_pgsql.plugin import AuthPgsql

__all__ = ["AuthPgsql"]
