"""`emqx_auth_mysql`: authentication and access rules from MySQL or MariaDB."""

from app.plugins.auth_mysql.plugin import AuthMysql

__all__ = ["AuthMysql"]
