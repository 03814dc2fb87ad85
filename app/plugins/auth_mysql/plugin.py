"""The plugin. Source: EMQX 4.4 `emqx_auth_mysql`."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.config.auth_sql import MYSQL
from app.plugins.auth_sql.plugin import Prepared, SqlAuth

if TYPE_CHECKING:
    from app.backends.mysql import MysqlConnector


class AuthMysql(SqlAuth):
    """Authentication and access rules from MySQL."""

    name = "emqx_auth_mysql"
    description = "EMQX Authentication/ACL with MySQL"
    rows = MYSQL
    parameters = MYSQL.all

    def prepare(self, config: Mapping[str, Any]) -> Prepared:
        """Take the queries apart, and load the driver: that takes longer than the loop may stand still."""
        import app.backends.mysql as _loaded  # noqa: F401

        return super().prepare(config)

    def connector(self, config: Mapping[str, Any], tls: ssl.SSLContext | None) -> MysqlConnector:
        """Return the driver, set up by the parameters."""
        from app.backends.mysql import MysqlConnector  # loaded by `prepare`

        server = config[MYSQL.server.key]
        return MysqlConnector(
            {
                "host": server.host,
                "port": server.port,
                "user": config[MYSQL.username.key],
                "password": config[MYSQL.password.key],
                "database": config[MYSQL.database.key],
                "connect_timeout": config[MYSQL.query_timeout.key],
                "ssl": tls,
            }
        )
