"""docs/configuration.md, made from the settings table so that it cannot lag behind."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from app.config.load import variable_of
from app.config.table import Setting
from app.config.tree import all_rows

_INTRODUCTION = """\
# Configuration

<!-- Made by `python -m app.cli config-docs > docs/configuration.md`; edit app/config/ instead. -->

A node reads its settings when it starts, from these places; the later one wins:

1. the defaults below,
2. `godwit.toml` in the instance folder,
3. changes made while it ran, for the keys that allow them,
4. the environment: `GODWIT_` and the key in capitals, with `__` for each dot.

The instance folder is `instance/` beside the source; `GODWIT_INSTANCE=DIR` chooses another one. An
unknown key or a value that cannot be used stops the start, with a sentence that says what to write.

In `godwit.toml` a key may be written in quotes or as nested tables, whichever reads better:

```toml
"listener.tcp.external" = "0.0.0.0:1883"
"listener.tcp.external.max_connections" = 5000
allow_anonymous = true

[zone.external]
max_inflight = 64
session_expiry_interval = "1d"
```

In the environment the same is `GODWIT_LISTENER__TCP__EXTERNAL=0.0.0.0:1883` and so on. There, names
that you choose yourself (zones, listeners) are lower case.

Sizes are numbers of bytes or forms such as `64KB`, `1MB`, `1GB` (1KB is 1024 bytes). Durations are
seconds or forms such as `500ms`, `15s`, `5m`, `2h`, `1d`, `1h30m`. Switches are `true`/`false` or
`on`/`off`. An address is `host:port` (`[::1]:1883` for IPv6) or a port alone, which means all IPv4
addresses of the machine; where several are allowed they are separated by commas, and `off` means none.

Keys marked *hot* can be changed while a node runs, with `PUT /api/v4/configs`. Such a change is kept in the
database and is stronger than `godwit.toml`, but not than the environment. The others need a restart.
"""

_TITLES = {
    "node": "Node",
    "access": "Access",
    "broker": "Broker",
    "mqtt": "MQTT",
    "retainer": "Retained messages",
    "client_story": "Stories of clients",
    "delayed": "Delayed messages",
    "rewrite": "Topic rewrite",
    "auth": "Authentication",
    "psk": "Pre-shared keys",
    "reloader": "What is read again when it is changed",
    "module": "Modules",
    "rule_engine": "Rule engine",
    "web": "Web hook",
    "bridge": "Bridges",
    "alarm": "Alarms",
    "os_mon": "Watching the machine",
    "vm_mon": "Watching the node",
    "sysmon": "Watching the loop",
    "zone": "Zones",
    "listener": "Listeners",
    "database": "Database",
    "storage": "Storage",
    "management": "Management API",
    "dashboard": "Dashboard",
    "log": "Log",
}
_NOTES = {
    "zone": (
        "A zone is the policy of all clients that come in through its listeners. `external` and "
        "`internal` always exist; any other name becomes a zone by having a key set."
    ),
    "listener": (
        "Every listener has a protocol (`tcp`, `ssl`, `ws`, `wss` or `unix`) and a name of your choice. "
        "Its first key switches it on; the others need it. Rows from `keyfile` to "
        "`peer_cert_as_clientid` are for ssl and wss. No certificates are shipped: a key that everybody "
        "has protects nobody."
    ),
}


def configuration_page() -> str:
    """Return the page as Markdown."""
    rows = sorted(all_rows(), key=lambda row: list(_TITLES).index(_group(row)))
    parts = [_INTRODUCTION]
    for group, members in groupby(rows, key=_group):
        parts.append(f"\n## {_TITLES[group]}\n")
        if group in _NOTES:
            parts.append(f"\n{_NOTES[group]}\n")
        parts.append("\n| key | default | meaning |\n|---|---|---|\n")
        parts.extend(_line(row) for row in members)
    return "".join(parts)


def _group(row: Setting) -> str:
    group, dot, _ = row.key.partition(".")
    return group if dot else "access"


def _line(row: Setting) -> str:
    hot = " *Hot.*" if row.hot else ""
    return (
        f"| `{row.key}`<br>`{variable_of(row.key)}` | {'<br>'.join(_defaults(row))} "
        f"| {row.doc}{hot} Takes {_escaped(row.kind.forms)}. |\n"
    )


def _defaults(row: Setting) -> Iterator[str]:
    yield f"`{row.default}`" if row.default else "empty"
    for name, text in row.variants.items():
        yield f"{name}: `{text}`"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
