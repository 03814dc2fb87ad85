"""TLS towards every backend of authentication: trusted, not trusted, and cut off in the middle of the handshake."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvloop

from app.plugins import Plugin
from app.plugins.auth_ldap import AuthLdap
from app.plugins.auth_mongo import AuthMongo
from app.plugins.auth_mysql import AuthMysql
from app.plugins.auth_pgsql import AuthPgsql
from app.plugins.auth_redis import AuthRedis
from tests.harness.certificates import Authority, Pair
from tests.harness.cutting_proxy import CuttingProxy
from tests.harness.loaded_plugin import LoadedPlugin
from tests.harness.mongo_double import MongoDouble
from tests.harness.ports import free_port
from tests.harness.redis_server import RedisProcess
from tests.harness.slapd import Slapd
from tests.harness.sql_servers import PASSWORD, SqlServer, serve_mariadb, serve_postgresql

WELCOME, UNAVAILABLE = 0, 0x88
VERIFIES_PEER = ("auth.ldap", "auth.mysql", "auth.pgsql")
"""Those whose `ssl.verify` is in EMQX's other words."""
DIGEST = hashlib.sha256(b"s3cret").hexdigest()
ENTRY = """dn: uid=meter,ou=device,dc=emqx,dc=io
objectClass: mqttUser
uid: meter
userPassword: {SHA}/vNB+F2HQ559kaLUZbmHHvZrXpg=
"""


@dataclass(frozen=True)
class Backend:
    """A server that speaks TLS, and how its plugin is told to use it."""

    plugin: type[Plugin]
    prefix: str
    port: int
    settings: dict[str, str]
    """By the ends of the keys; `server` is filled in."""

    def for_port(self, port: int) -> dict[str, str]:
        named = {f"{self.prefix}.{key}": value for key, value in self.settings.items()}
        if self.prefix == "auth.ldap":
            return {**named, "auth.ldap.servers": "127.0.0.1", "auth.ldap.port": str(port)}
        return {**named, f"{self.prefix}.server": f"127.0.0.1:{port}"}


Serve = Callable[[Pair, Path], AbstractContextManager[Backend]]


@contextmanager
def redis(pair: Pair, folder: Path) -> Iterator[Backend]:
    port = free_port()
    files = ["--tls-cert-file", str(pair.certfile), "--tls-key-file", str(pair.keyfile)]
    options = ["--tls-port", str(port), *files, "--tls-ca-cert-file", str(pair.certfile)]
    with RedisProcess(folder, *options, "--tls-auth-clients", "no") as server:
        with server.client() as stored:
            stored.hset("mqtt_user:meter", mapping={"password": DIGEST})
        told = {"password_hash": "sha256", "query_timeout": "3s", "ssl.enable": "on"}
        yield Backend(AuthRedis, "auth.redis", port, told)


@contextmanager
def mongo(pair: Pair, _folder: Path) -> Iterator[Backend]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certfile, pair.keyfile)
    with MongoDouble(context) as server:
        server.collections["mqtt", "mqtt_user"] = [{"username": "meter", "password": DIGEST}]
        told = {"query_timeout": "3s", "ssl": "on"}
        yield Backend(AuthMongo, "auth.mongo", server.port, told)


@contextmanager
def slapd(pair: Pair, folder: Path) -> Iterator[Backend]:
    with Slapd(folder, ENTRY, pair=pair) as server:
        told = {"timeout": "3s", "ssl.enable": "on"}
        yield Backend(AuthLdap, "auth.ldap", server.tls_port, told)


def _sql(server: SqlServer, plugin: type[Plugin], prefix: str, table: str) -> Backend:
    columns = "username varchar(100), password varchar(200), salt varchar(9), is_superuser int"
    server.execute(f"create table {table} ({columns})")
    server.execute(f"insert into {table} values (%s, %s, %s, %s)", "meter", DIGEST, "", 0)
    account = {"username": "mqtt", "password": PASSWORD, "query_timeout": "3s"}
    return Backend(plugin, prefix, server.port, {**account, "ssl.enable": "on"})


@contextmanager
def mariadb(pair: Pair, _folder: Path) -> Iterator[Backend]:
    with serve_mariadb(pair) as server:
        yield _sql(server, AuthMysql, "auth.mysql", "mqtt.mqtt_user")


@contextmanager
def postgresql(pair: Pair, _folder: Path) -> Iterator[Backend]:
    with serve_postgresql(pair) as server:
        yield _sql(server, AuthPgsql, "auth.pgsql", "mqtt_user")


def needs(program: str, serve: Serve) -> object:
    return pytest.param(serve, marks=pytest.mark.server(program), id=program)


@pytest.mark.parametrize(
    "serve",
    [
        needs("redis-server", redis),
        needs("slapd", slapd),
        needs("mariadb", mariadb),
        needs("postgresql", postgresql),
        pytest.param(mongo, id="mongo double"),
    ],
)
def test_without_a_whole_handshake_with_a_trusted_server_nobody_comes_in(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ours, others = Authority(tmp_path / "ours"), Authority(tmp_path / "others")

    async def answers(backend: Backend, port: int, authority: Authority) -> tuple[int, int]:
        """Return the verdict about a client, and how many were refused."""
        verify = "verify_peer" if backend.prefix in VERIFIES_PEER else "on"
        trusted = {"ssl.cacertfile": str(authority.certfile), "ssl.verify": verify}
        named = {f"{backend.prefix}.{key}": value for key, value in trusted.items()}
        async with LoadedPlugin(backend.plugin(), {**backend.for_port(port), **named}) as loaded:
            reason = await loaded.reason(b"s3cret", username="meter")
            return reason, loaded.plugin.counters.auth_failure

    with serve(ours.issue("server"), tmp_path) as backend, CuttingProxy(backend.port) as proxy:
        assert uvloop.run(answers(backend, backend.port, ours)) == (WELCOME, 0)
        caplog.clear()
        assert uvloop.run(answers(backend, backend.port, others)) == (UNAVAILABLE, 1)
        assert uvloop.run(answers(backend, proxy.port, ours)) == (UNAVAILABLE, 1)
        assert proxy.cut
    for secret in ("s3cret", DIGEST, PASSWORD):
        assert secret not in caplog.text
