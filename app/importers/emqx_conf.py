"""Import of EMQX 4's emqx.conf, and of its plugins' files, which have the same form: `key = value`.

Godwit's settings have EMQX's keys, so most lines are taken as they are. Paths are looked for where EMQX would find
them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from app.config.listeners import LISTENER_PROTOCOLS, TLS_PROTOCOLS
from app.config.table import Setting
from app.config.tree import all_rows
from app.importers.plan import ImportPlan, ImportRefusedError, Outcome
from app.importers.text_file import read_text

_REWRITE = re.compile(r"module\.rewrite\.(?:(pub|sub)\.)?rule\.([^.]+)")
_LINE = re.compile(r"([A-Za-z0-9_.$-]+)\s*=\s*(.*)")
_FILES = ("certfile", "keyfile", "cacertfile", "acl_file")
_TLS_VERSIONS = ("tlsv1.3", "tlsv1.2")
_UNKNOWN = "not a key that Godwit knows; it is left out."
_MQTT_HAS_IT = (
    "zones have none of their own; the key with mqtt. instead of zone.NAME. holds for all."
)
_ADVICE = tuple(
    (re.compile(pattern), text)
    for pattern, text in (
        (r"cluster\..*", "nodes do not form clusters by settings of this kind."),
        (r"rpc\..*", "there is no RPC between Erlang nodes here."),
        (r"(node|sysmon)\..*", "it concerns Erlang's virtual machine."),
        (r"log\..*", "the log goes to standard error; log.level sets its weight."),
        (r"(plugins|modules)\..*", "they are part of Godwit, and loaded through the API."),
        (r"telemetry\..*", "Godwit sends nothing to anybody."),
        (
            r"listener\..*\.access\..*",
            "listeners do not look at addresses: use bans, rules with ipaddr, or a firewall.",
        ),
        (
            r"listener\..*\.(check_origin_enable|allow_origin_absence|check_origins)",
            "the Origin of a WebSocket is not checked; a page of another site counts as remote.",
        ),
        (
            r"listener\..*\.(active_n|send_timeout(_close)?|nodelay|reuseaddr|recbuf|sndbuf|buffer|mqtt_piggyback)",
            "it tunes how Erlang handles sockets.",
        ),
        (
            r"(management|dashboard)\.listener\..*",
            "of the HTTP ports the addresses are taken; TLS and limits are for the proxy in front of them.",
        ),
        (r"(coap|lwm2m|mqtt\.sn|stomp|exproto)\..*", "there is no gateway for that protocol."),
        (
            r"exhook\..*",
            "there are no gRPC hooks: web hooks, rules or Python plugins stand for them.",
        ),
        (r"prometheus\..*", "nothing is pushed: have Prometheus read /metrics."),
        (
            r"broker\.(session_locking_strategy|route_batch_clean|perf\..*)",
            "it concerns how Erlang nodes share their tables.",
        ),
        (
            r"zone\.[^.]+\.(enable_stats|force_gc_policy|force_shutdown_policy|bypass_auth_plugins)",
            "zones have nothing of that kind here.",
        ),
        (r"(listener\..*\.)?(enable_)?crl_.*", "certificates' revocation is not asked about."),
        (
            r"zone\.[^.]+\.(acl_deny_action|allow_anonymous)",
            "zones have none of their own; the key without zone.NAME. holds for all.",
        ),
        (
            r"zone\.[^.]+\.(ignore_loop_deliver|strict_mode|retain_available|max_[a-z_]+|response_information)",
            _MQTT_HAS_IT,
        ),
        (
            r"zone\.[^.]+\.(wildcard|shared|exclusive)_subscription",
            _MQTT_HAS_IT,
        ),
    )
)


def plan_import(path: Path) -> ImportPlan:
    """Return what Godwit can make of the file.

    Raises:
        ImportRefusedError: The file cannot be read, or is none of this kind.
    """
    plan = ImportPlan()
    rows = list(all_rows())
    given = dict(_lines(plan, path))
    if not given:
        raise ImportRefusedError(f"Give an emqx.conf: {path} has no line `key = value`.")
    for key, value in _renamed(given.items()):
        row = next((row for row in rows if row.takes(key)), None)
        if row is None or not _is_known_listener(key):
            plan.note(Outcome.NO_COUNTERPART, key, _advice(key))
        else:
            _take(plan, path, row, key, value)
    _leave_out_incomplete_tls(plan)
    return plan


def _lines(plan: ImportPlan, path: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(read_text(path).splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        found = _LINE.fullmatch(text)
        if found is None:
            plan.note(
                Outcome.NO_COUNTERPART, f"line {number}", "it is not of the form key = value."
            )
            continue
        yield found[1], _unquoted(found[2])


def _renamed(given: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield what is given under the keys that Godwit has for it; a rewrite rule may be for both directions."""
    for key, value in given:
        found = _REWRITE.fullmatch(key)
        if found is None:
            yield key, value
            continue
        for direction in (found[1],) if found[1] else ("pub", "sub"):
            yield f"rewrite.{direction}.rule.{found[2]}", value


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value


def _is_known_listener(key: str) -> bool:
    parts = key.split(".")
    return parts[0] != "listener" or parts[1] in (*LISTENER_PROTOCOLS, "unix")


def _advice(key: str) -> str:
    return next((text for pattern, text in _ADVICE if pattern.fullmatch(key)), _UNKNOWN)


def _take(plan: ImportPlan, path: Path, row: Setting, key: str, value: str) -> None:
    name = key.rpartition(".")[2]
    reader = _READERS.get(name)
    text = reader(plan, path, key, value) if reader else value
    if text is None:
        return
    try:
        row.kind(text)
    except ValueError:
        shown = "its value" if row.secret else repr(value)
        plan.note(Outcome.NO_COUNTERPART, key, f"{shown} is none here: write {row.kind.forms}.")
        return
    plan.take(key, key, text, secret=row.secret)


def _file(plan: ImportPlan, path: Path, key: str, value: str) -> str | None:
    """Return where a file is that EMQX names relative to its own folder."""
    home = path.absolute().parent
    below_etc = value.removeprefix("etc/")
    for candidate in (home.parent / value, home / below_etc):
        if value and candidate.is_file():
            return str(candidate)
    plan.note(Outcome.NO_COUNTERPART, key, f"there is no file {value!r} here.")
    return None


def _tls_versions(_plan: ImportPlan, _path: Path, _key: str, value: str) -> str:
    """Leave out what is too old to be spoken here."""
    given = [version.strip() for version in value.split(",")]
    return ",".join(version for version in given if version in _TLS_VERSIONS) or _TLS_VERSIONS[-1]


def _ciphers(plan: ImportPlan, _path: Path, key: str, _value: str) -> None:
    plan.note(
        Outcome.NO_COUNTERPART, key, "OpenSSL's own choice holds; set it anew if you need to."
    )


_READERS: Mapping[str, Callable[[ImportPlan, Path, str, str], str | None]] = MappingProxyType(
    {
        **dict.fromkeys(_FILES, _file),
        "tls_versions": _tls_versions,
        "ciphers": _ciphers,
    }
)


def _leave_out_incomplete_tls(plan: ImportPlan) -> None:
    """A TLS listener without its files would stop the next start."""
    listeners = {
        ".".join(key.split(".")[:3])
        for key in plan.settings
        if key.startswith("listener.") and key.split(".")[1] in TLS_PROTOCOLS
    }
    for listener in sorted(listeners):
        if f"{listener}.certfile" in plan.settings and f"{listener}.keyfile" in plan.settings:
            continue
        below = [key for key in plan.settings if key == listener or key.startswith(listener + ".")]
        plan.drop(
            below, listener, "it has no certfile and keyfile that can be found; it stays off."
        )
