"""The servers under load, with equal settings: nothing stored, nothing logged, no queue limit.

Each starts fresh for each measurement, on loopback and a free port, pinned to the cores it is given.
"""

from __future__ import annotations

import hashlib
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import argon2
import bcrypt

from bench.baseline import AMQTT_SETTINGS, installed_amqtt
from bench.rows import (
    MOSQUITTO,
    MOSQUITTO_PERSISTENT,
    MOSQUITTO_QUEUE,
    VARIANTS,
    Rule,
    Variant,
)
from tests.harness.node import NodeProcess, eventually
from tests.harness.ports import free_port
from tests.harness.redis_server import RedisProcess

GODWIT: Final = "godwit"
MOSQUITTO_NODELAY: Final = "mosquitto, nodelay"
AMQTT: Final = "amqtt"
SERVERS: Final = (GODWIT, MOSQUITTO, MOSQUITTO_NODELAY, AMQTT)
_START_DEADLINE_S: Final = 10.0
_IN_FLIGHT: Final = 100
"""As many as a publisher has in the rows with a window: no server holds its subscriber back earlier."""
_LOGIN: Final = ("bench", "a-password-of-usual-length")
_BCRYPT_COST: Final = 10
"""What EMQX's documents make such hashes with."""
_OURS: Final = {
    "allow_anonymous": "true",
    "log.level": "warning",
    "zone.external.max_mqueue_len": "0",
    "zone.external.max_inflight": str(_IN_FLIGHT),
}
_MOSQUITTO_SETTINGS: Final = f"""\
listener {{port}} 127.0.0.1
allow_anonymous true
persistence {{persistence}}
persistence_location {{folder}}/
log_dest none
max_queued_messages {{queue}}
max_inflight_messages {_IN_FLIGHT}
set_tcp_nodelay {{nodelay}}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: where it listens, and the process whose CPU time counts."""

    name: str
    port: int
    pid: int
    api_port: int | None
    login: tuple[str, str] | None = None
    """User name and password of all clients, where they need one."""


@contextmanager
def serve(name: str, cores: str, overrides: Mapping[str, str]) -> Iterator[Server]:
    """Run one of `SERVERS` on the given cores, such as `0` or `0,1`.

    Args:
        name: Which server, or which of `VARIANTS`.
        cores: For taskset.
        overrides: Settings of ours to change.
    """
    pinned = ("taskset", "-c", cores)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        if name in VARIANTS:
            with _varied(VARIANTS[name], Path(folder), pinned, overrides) as server:
                yield server
        elif name == GODWIT:
            with NodeProcess(Path(folder), pinned, **{**_OURS, **overrides}) as node:
                yield Server(name, node.ports["tcp"], node.worker_pid, node.ports["management"])
        else:
            with _started(name, Path(folder), pinned) as server:
                yield server


@contextmanager
def _varied(
    variant: Variant, folder: Path, pinned: tuple[str, ...], overrides: Mapping[str, str]
) -> Iterator[Server]:
    settings = {**_OURS, **variant.settings, **overrides}
    with ExitStack() as running:
        if variant.password_hash:
            settings |= {
                "allow_anonymous": "false",
                "auth.mnesia.password_hash": variant.password_hash,
            }
        if variant.redis_hash:
            redis = running.enter_context(RedisProcess(folder))
            _keep_login(redis, variant.redis_hash)
            settings |= {
                "allow_anonymous": "false",
                "auth.redis.server": redis.address,
                "auth.redis.password_hash": variant.redis_hash,
                "auth.redis.auth_cmd": "HMGET mqtt_user:%u password salt",
            }
        node = NodeProcess(folder, pinned, **settings)
        if variant.rules:
            (node.instance / "acl.conf").write_text(variant.rules, "utf-8")
        running.enter_context(node)
        if variant.password_hash:
            _load(node, "emqx_auth_mnesia")
            added = {"username": _LOGIN[0], "password": _LOGIN[1]}
            answer = node.api("POST", "/api/v4/auth_username", added)
            assert answer.status == 200, answer
        if variant.redis_hash:
            _load(node, "emqx_auth_redis")
        if variant.unloaded:
            _load(node, variant.unloaded, "unload")
        for rule in variant.made_of:
            _make_rule(node, rule)
        login = _LOGIN if variant.password_hash or variant.redis_hash else None
        yield Server("godwit", node.ports["tcp"], node.worker_pid, node.ports["management"], login)


def _load(node: NodeProcess, plugin: str, verb: str = "load") -> None:
    answer = node.api("PUT", f"/api/v4/nodes/godwit@127.0.0.1/plugins/{plugin}/{verb}")
    assert (answer.status, answer.body["code"]) == (200, 0), answer


def _keep_login(redis: RedisProcess, hashed: str) -> None:
    """Put the login of all clients into Redis, in one of the forms that `SLOW_HASHES` names."""
    password, salt = _LOGIN[1].encode(), b"a-salt"
    name, *_ = hashed.split(",")
    made: str | bytes = password
    match name:
        case "salt":
            made = hashlib.sha256(salt + password).hexdigest()
        case "pbkdf2":
            _name, digest, rounds, length = hashed.split(",")
            made = hashlib.pbkdf2_hmac(digest, password, salt, int(rounds), int(length)).hex()
        case "bcrypt":
            made = bcrypt.hashpw(password, bcrypt.gensalt(_BCRYPT_COST))
        case "argon2":
            made = argon2.PasswordHasher().hash(password)
    kept = (
        {"password": made}
        if name in {"plain", "bcrypt", "argon2"}
        else {"password": made, "salt": salt}
    )
    with redis.client() as client:
        client.hset(f"mqtt_user:{_LOGIN[0]}", mapping=kept)


def _make_rule(node: NodeProcess, rule: Rule) -> None:
    action = {"name": rule.action, "params": dict(rule.params)}
    made = {"rawsql": rule.sql, "actions": [action]}
    answer = node.api("POST", "/api/v4/rules", made)
    assert answer.body["code"] == 0, answer


@contextmanager
def _started(name: str, folder: Path, pinned: tuple[str, ...]) -> Iterator[Server]:
    port = free_port()
    settings = folder / "server.conf"
    command: tuple[str, ...] = ("mosquitto", "-c")
    if name == AMQTT:
        settings.write_text(AMQTT_SETTINGS.format(port=port))
        command = (str(installed_amqtt()), "-c")
    else:
        text = _MOSQUITTO_SETTINGS.format(
            port=port,
            folder=folder,
            nodelay="true" if name == MOSQUITTO_NODELAY else "false",
            persistence="true" if name == MOSQUITTO_PERSISTENT else "false",
            queue=1_000 if name == MOSQUITTO_QUEUE else 0,
        )
        settings.write_text(text)
    process = subprocess.Popen(
        [*pinned, *command, str(settings)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, process, name)
        yield Server(name, port, process.pid, None)
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_START_DEADLINE_S)
    except subprocess.TimeoutExpired:
        # What was drowned in load may be too busy to obey.
        process.kill()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], name: str) -> None:
    def listens() -> bool:
        if process.poll() is not None:
            raise SystemExit(f"{name} did not start")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    eventually(listens, f"that {name} listens", _START_DEADLINE_S)
