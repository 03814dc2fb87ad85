"""Parameters of the plugins that ask databases of others: emqx_auth_mysql and emqx_auth_pgsql have the same.

Source: EMQX 4.4 `emqx_auth_mysql.conf`, `emqx_auth_pgsql.conf`; `unavailable` is ours.
"""

from __future__ import annotations

from typing import Any

from app.config.kinds import Address, Kind, any_text, between, choice, duration, flag, whole, word
from app.config.password_hash import hash_form
from app.config.table import Setting

AUTH_QUERY = "select password from mqtt_user where username = '%u' limit 1"
SUPER_QUERY = "select is_superuser from mqtt_user where username = '%u' limit 1"
ACL_QUERY = (
    "select allow, ipaddr, username, clientid, access, topic from mqtt_acl where ipaddr = '%a' or username = '%u' "
    "or username = '$all' or clientid = '%c'"
)


def _server(text: str) -> Address:
    host, _, port = text.rpartition(":")
    host = (host or "127.0.0.1").removeprefix("[").removesuffix("]")
    if any(ch.isspace() or ch in "/@" for ch in host):
        raise ValueError
    return Address(host, whole(1, 65_535)(port))


def _checks_name(text: str) -> bool:
    if text.lower() not in ("", "disable"):
        raise ValueError
    return not text


server_address = Kind("an address", "`host:port`, or a port of this machine", _server)
name_check = Kind(
    "a known choice", "nothing to check the certificate's name, or disable", _checks_name
)


class SqlRows:
    """The parameters of one plugin."""

    def __init__(self, prefix: str, port: int, title: str) -> None:
        """Make the rows.

        Args:
            prefix: What EMQX's keys begin with: `auth.mysql`.
            port: Where such servers listen.
            title: What people call them.
        """
        self.title = title
        self._prefix = prefix
        self._make_server_rows(port)
        self._make_query_rows()
        self._make_tls_rows()

    def _row(self, name: str, kind: Kind[Any], default: str, doc: str, **more: Any) -> Setting:
        return Setting(f"{self._prefix}.{name}", kind, default, doc, **more)

    def _make_server_rows(self, port: int) -> None:
        row, title = self._row, self.title
        self.server = row("server", server_address, f"127.0.0.1:{port}", f"Where {title} is.")
        self.pool = row("pool", whole(1, 1_000), "8", "Most connections to it.")
        self.username = row("username", word, "root", "Name to log in there with.")
        self.password = row("password", any_text, "", "Password to log in with.", secret=True)
        self.database = row("database", word, "mqtt", "Database with users and access rules.")
        self.query_timeout = row(
            "query_timeout",
            between(duration, "10ms", "1m"),
            "5s",
            "How long a query may take, and how long making a connection may.",
        )
        self.unavailable = row(
            "unavailable",
            choice("deny", "ignore"),
            "deny",
            f"What becomes of clients while {title} does not answer: `deny` refuses them, `ignore` leaves them to "
            "the next plugin and to `allow_anonymous`.",
        )

    def _make_query_rows(self) -> None:
        row = self._row
        self.auth_query = row(
            "auth_query",
            any_text,
            AUTH_QUERY,
            "Finds a client's password, and its salt as a second column. `'%u'` user name, `'%c'` client id, `'%a'` "
            "address, `'%P'` password, `'%C'` CN of the certificate, `'%d'` its subject. Empty asks about nobody.",
        )
        self.password_hash = row(
            "password_hash", hash_form, "sha256", "How the passwords in the database are hashed."
        )
        self.super_query = row(
            "super_query",
            any_text,
            SUPER_QUERY,
            "Finds 1 for a superuser, whom no access rule concerns. Empty knows none.",
        )
        self.acl_query = row(
            "acl_query",
            any_text,
            ACL_QUERY,
            "Finds access rules: allow (1, 0), ipaddr, username, clientid, access (1 subscribe, 2 publish, 3 both), "
            "topic. The last row that fits decides. Empty knows none.",
        )

    def _make_tls_rows(self) -> None:
        row = self._row
        self.ssl = row("ssl.enable", flag, "off", "Whether to speak TLS.")
        self.ssl_cacertfile = row(
            "ssl.cacertfile", any_text, "", "Authorities that are trusted, as PEM."
        )
        self.ssl_certfile = row("ssl.certfile", any_text, "", "Certificate to show, as PEM.")
        self.ssl_keyfile = row("ssl.keyfile", any_text, "", "Its private key, as PEM.")
        self.ssl_verify = row(
            "ssl.verify",
            choice("verify_peer", "verify_none"),
            "verify_none",
            "Whether the server's certificate must be good.",
        )
        self.ssl_name = row(
            "ssl.server_name_indication",
            name_check,
            "",
            "With verify_peer, `disable` does not look for the server's name in its certificate.",
        )

    @property
    def all(self) -> tuple[Setting, ...]:
        """Return the rows in their order."""
        return tuple(row for row in vars(self).values() if isinstance(row, Setting))


MYSQL = SqlRows("auth.mysql", 3306, "MySQL")
PGSQL = SqlRows("auth.pgsql", 5432, "PostgreSQL")
