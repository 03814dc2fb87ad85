"""The plugin. Source: EMQX 4.4 `emqx_auth_pgsql`."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.config.auth_sql import PGSQL
from app.plugins.auth_sql.plugin import Prepared, SqlAuth

if TYPE_CHECKING:
    from app.backends.pgsql import PgsqlConnector


class AuthPgsql(SqlAuth):
    """Authentication and access rules from PostgreSQL."""

    name = "emqx_auth_pgsql"
    description = "EMQX Authentication/ACL with PostgreSQL"
    rows = PGSQL
    parameters = PGSQL.all

    def prepare(self, config: Mapping[str, Any]) -> Prepared:
        """Take the queries apart, and load the driver: that takes longer than the loop may stand still."""
        import app.backends.pgsql as _loaded  # noqa: F401

        return super().prepare(config)

    def connector(self, config: Mapping[str, Any], tls: ssl.SSLContext | None) -> PgsqlConnector:
        """Return the driver, set up by the parameters; the context has shown that the files can be read."""
        from app.backends.pgsql import PgsqlConnector  # loaded by `prepare`

        server = config[PGSQL.server.key]
        options = {
            "host": server.host,
            "port": str(server.port),
            "user": config[PGSQL.username.key],
            "password": config[PGSQL.password.key],
            "dbname": config[PGSQL.database.key],
            "client_encoding": "utf8",
            "application_name": "godwit",
            **_tls_options(config, tls),
        }
        return PgsqlConnector(options, config[PGSQL.query_timeout.key])


def _tls_options(config: Mapping[str, Any], tls: ssl.SSLContext | None) -> dict[str, str]:
    """Return the same in libpq's words."""
    if tls is None:
        return {"sslmode": "disable"}
    files = {
        "sslcert": config[PGSQL.ssl_certfile.key],
        "sslkey": config[PGSQL.ssl_keyfile.key] or config[PGSQL.ssl_certfile.key],
    }
    options = {word: file for word, file in files.items() if file}
    if tls.verify_mode is ssl.CERT_NONE:
        return {"sslmode": "require", **options}
    options["sslrootcert"] = config[PGSQL.ssl_cacertfile.key] or "system"
    return {"sslmode": "verify-full" if tls.check_hostname else "verify-ca", **options}
