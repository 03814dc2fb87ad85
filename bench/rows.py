"""The table of what is measured: a row is one load, asked of several servers, beside several API loads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

NEARLY_EQUAL: Final = 0.99
"""A fixed rate is kept up or it is not; what lies between is when the clocks were read."""


class Kind(StrEnum):
    """What a row is about, and so which of the figures are compared."""

    MESSAGES = "messages"
    CONNECTS = "connects"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class Target:
    """What we want to reach; 0 where nothing is asked.

    Attributes:
        rate: Our messages (or connects) per second over Mosquitto's.
        cpu: Mosquitto's CPU time per message (or connect) over ours.
        bytes_each: Resident memory of a connection, at most.
    """

    rate: float = 0
    cpu: float = 0
    bytes_each: int = 0


@dataclass(frozen=True, slots=True)
class Load:
    """What the MQTT clients do; see `load.c`.

    A `rate` (messages/s of all publishers together) makes an open loop; without one each publisher
    has `window` messages in flight, from PUBLISH to the last subscriber that gets it. `filters` is
    for the scheme `wildcards`: how many each subscriber has.
    """

    publishers: int
    subscribers: int
    scheme: str = "pair"
    qos: int = 0
    payload: int = 64
    window: int = 1
    rate: int = 0
    idle: int = 0
    filters: int = 0
    json: bool = False
    """Whether payloads are JSON objects, with a number `temp` of 21.5 in each."""
    receivers: Literal["", "kept", "away"] = ""
    """Whether the subscribers' sessions are kept, and they themselves there or away."""
    acks_only: bool = False
    """Whether a window is of messages unacknowledged, delivered or not."""

    def options(self) -> list[str]:
        """Return the options of the load generator."""
        options = ["-P", self.publishers, "-S", self.subscribers, "-t", self.scheme]
        options += ["-q", self.qos, "-l", self.payload, "-I", self.idle]
        options += ["-r", self.rate] if self.rate else ["-w", self.window]
        options += ["-F", self.filters] if self.filters else []
        options += ["-j"] if self.json else []
        options += {"": [], "kept": ["-C"], "away": ["-O"]}[self.receivers]
        options += ["-a"] if self.acks_only else []
        return [str(option) for option in options]


@dataclass(frozen=True, slots=True)
class ApiLoad:
    """What is asked of the HTTP API meanwhile, as fast as it answers or after a pause."""

    name: str
    connections: int
    paths: tuple[str, ...]
    pause_s: float = 0
    """Between an answer and the next question."""
    fragment: str = ""
    """Of a page of the dashboard, asked for by a browser that is logged in; empty asks the API."""
    asked_per_page_s: float = 0
    """How often one page asks while it is open; what each costs is shown then."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the rule engine."""

    sql: str
    action: str = "do_nothing"
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Variant:
    """Our server with access rules, logins or rules, under a name of its own.

    Attributes:
        settings: What is set otherwise.
        rules: The access rules in `acl.conf`; empty leaves those that are shipped.
        password_hash: How the one login of all clients is kept in the internal database; empty has none there.
        redis_hash: How it is kept in a Redis beside the server; empty has none there.
        made_of: Rules of the rule engine.
        unloaded: A plugin that is unloaded.
    """

    settings: Mapping[str, str] = field(default_factory=dict)
    rules: str = ""
    password_hash: str = ""
    redis_hash: str = ""
    made_of: tuple[Rule, ...] = ()
    unloaded: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: every server is measured, and ours beside each API load as well."""

    name: str
    about: str
    load: Load
    target: Target = Target()
    kind: Kind = Kind.MESSAGES
    api: tuple[ApiLoad, ...] = ()
    variants: tuple[str, ...] = ()
    """Names in `VARIANTS` that are measured in place of the servers; the first is what the others are compared with."""


NO_RULES: Final = "godwit, no access rules"
RULES: Final = "godwit, access rules and their cache"
NO_LOGINS: Final = "godwit, no logins"
HASHES: Final = ("plain", "md5", "sha", "sha256", "sha512")
SLOW_HASHES: Final = ("plain", "salt,sha256", "pbkdf2,sha256,1000,20", "bcrypt", "argon2")
"""What a Redis may keep; bcrypt with 2^10 rounds, argon2 as its library would choose."""
_FROM_REDIS: Final = {
    # Who comes last waits for all the others' hashes.
    f"godwit, Redis, {name.replace(',', ' ')}": Variant(
        {"broker.hook_timeout": "1m", "zone.external.idle_timeout": "1m"}, redis_hash=name
    )
    for name in SLOW_HASHES
}
NO_RULE: Final = "godwit, rule engine without a rule"
_ALL: Final = Rule('SELECT * FROM "bench/#"')
JSON_FILTER: Final = "godwit, 1 rule, JSON filter"
_ON_STREAMS: Final = {
    NO_RULE: Variant(),
    "godwit, rule engine unloaded": Variant(unloaded="emqx_rule_engine"),
    "godwit, 1 rule, select *": Variant(made_of=(_ALL,)),
    JSON_FILTER: Variant(
        made_of=(Rule('SELECT payload.temp as t FROM "bench/#" WHERE payload.temp > 20'),)
    ),
    "godwit, 1 rule, republish": Variant(
        made_of=(
            Rule(_ALL.sql, "republish", {"target_topic": "copies/${topic}", "target_qos": "0"}),
        )
    ),
    "godwit, 100 rules, select *": Variant(made_of=(_ALL,) * 100),
}
_ON_ACKNOWLEDGED: Final = (NO_RULE, JSON_FILTER, "godwit, 1 rule, republish")
MOSQUITTO: Final = "mosquitto"
MOSQUITTO_PERSISTENT: Final = "mosquitto, persistence"
MOSQUITTO_QUEUE: Final = "mosquitto, queues of 1,000"
_QUEUE: Final = {"zone.external.max_mqueue_len": "1000"}
_SYNCED: Final = {
    f"godwit, storage.sync {sync}": Variant({"storage.sync": sync})
    for sync in ("off", "interval", "ack")
}
_OVERLOADED: Final = {
    f"godwit, {overflow}, queues of 1,000": Variant(
        {**_QUEUE, "zone.external.mqueue_overflow": overflow}
    )
    for overflow in ("backpressure", "drop_oldest")
}
_WITH_HASH: Final = {f"godwit, passwords as {name}": Variant(password_hash=name) for name in HASHES}
VARIANTS: Final = {
    # A rule that keeps somebody from publishing has every message asked about.
    RULES: Variant(rules='{deny, {user, "nobody"}, publish, ["secret/#"]}.\n{allow, all}.\n'),
    NO_RULES: Variant({"zone.external.enable_acl": "off"}),
    NO_LOGINS: Variant(),
    **_WITH_HASH,
    **_ON_STREAMS,
    **_SYNCED,
    **_OVERLOADED,
    **_FROM_REDIS,
}
LARGE_PAGES: Final = ApiLoad("large pages", 1, ("/api/v4/clients?_limit=10000",))
_SMALL: Final = ("/api/v4/stats", "/api/v4/nodes")
SMALL_CALLS: Final = ApiLoad("small calls, 1 connection", 1, _SMALL)
SMALL_CALLS_4: Final = ApiLoad("small calls, 4 connections", 4, _SMALL)
OVERVIEW_PAGES: Final = 20
"""As many as are open at once: what one costs is less than what differs from run to run."""
_OVERVIEW_EVERY_S: Final = 10
OVERVIEW: Final = ApiLoad(
    f"{OVERVIEW_PAGES} overview pages",
    1,
    ("/dashboard/", "/dashboard/", "/dashboard/overview/series?span=1h"),
    pause_s=_OVERVIEW_EVERY_S / 3 / OVERVIEW_PAGES,
    fragment="now",
    asked_per_page_s=3 / _OVERVIEW_EVERY_S,
)
"""Pages that are looked at: what they fetch again by themselves, the numbers twice as often as the charts."""
_API: Final = (LARGE_PAGES, SMALL_CALLS, SMALL_CALLS_4)
_PAIRS: Final = 200
_FLEET: Final = 1_000
_FLEET_RATE: Final = 20_000
_PAGE_RATE: Final = 5_000
_IDLE: Final = 5_000
_WILDCARD_PAIRS: Final = 10
_WINDOW: Final = 100
_DEEP: Final = 1_000
"""Messages of a publisher on their way at QoS 0 in the pipelined rows: more than a server takes in one
turn, so that it never waits for us. Without a bound the queues of whoever reads faster than it
writes would grow through the whole run, and what is still in them counted as lost."""


def _one_in_flight() -> tuple[Row, ...]:
    even, ahead = Target(1.0, 1.0), Target(1.5, 1.5)
    pairs = tuple(
        Row(
            f"pair-qos{qos}",
            f"200 to 200, one in flight, QoS {qos}",
            Load(_PAIRS, _PAIRS, qos=qos),
            even,
        )
        for qos in (0, 1, 2)
    )
    fan_out = Row(
        "fan-out", "1 to 100, one in flight, QoS 0", Load(1, 100, "fan-out"), Target(1.15, 1.15)
    )
    fan_in = tuple(
        Row(
            f"fan-in-qos{qos}",
            f"200 to 1 on bench/+, one in flight, QoS {qos}",
            Load(_PAIRS, 1, "fan-in", qos=qos),
            ahead,
        )
        for qos in (0, 1)
    )
    return (*pairs, fan_out, *fan_in)


def _pipelined() -> tuple[Row, ...]:
    pairs = tuple(
        Row(
            f"pipelined-qos{qos}",
            f"10 to 10, {window:,} in flight each, QoS {qos}",
            Load(10, 10, qos=qos, window=window),
            Target(rate),
        )
        for qos, window, rate in ((0, _DEEP, 12), (1, _WINDOW, 8), (2, _WINDOW, 8))
    )
    fan_out = Row(
        "pipelined-fan-out",
        f"1 to 100, {_DEEP:,} in flight, QoS 0",
        Load(1, 100, "fan-out", window=_DEEP),
        Target(40),
    )
    filters = 100_000 // _WILDCARD_PAIRS
    wildcards = Row(
        "wildcards",
        f"10 to 10, {_DEEP:,} in flight each, QoS 0, 100,000 wildcard filters, "
        "100,000,000 topics that match one each",
        Load(_WILDCARD_PAIRS, _WILDCARD_PAIRS, "wildcards", window=_DEEP, filters=filters),
        Target(4),
    )
    return (*pairs, fan_out, wildcards)


def _fleets() -> tuple[Row, ...]:
    fleets = tuple(
        Row(
            f"fleet-qos{qos}",
            f"1,000 to 1,000 at 20,000 messages/s, QoS {qos}",
            Load(_FLEET, _FLEET, qos=qos, rate=_FLEET_RATE),
            Target(NEARLY_EQUAL, 0.95),
        )
        for qos in (0, 1)
    )
    connect = Row(
        "connect",
        "5,000 clients connect, 64 at a time, then idle",
        Load(0, 0, idle=_IDLE),
        Target(cpu=0.9),
        Kind.CONNECTS,
    )
    memory = Row(
        "idle-memory",
        "19,000 clients connected, idle",
        Load(0, 0, idle=19_000),
        Target(bytes_each=3_000),
        Kind.MEMORY,
    )
    return (*fleets, connect, memory)


def _beside_the_api() -> tuple[Row, ...]:
    return (
        Row(
            "api-rate",
            "1,000 to 1,000 at 20,000 messages/s, QoS 0, 5,000 clients idle",
            Load(_FLEET, _FLEET, rate=_FLEET_RATE, idle=_IDLE),
            api=_API,
        ),
        Row(
            "api-loop-100",
            "closed loop, 100 pairs, one in flight, QoS 0, 5,000 clients idle",
            Load(100, 100, idle=_IDLE),
            api=_API,
        ),
        Row(
            "api-loop-1000",
            "closed loop, 1,000 pairs, one in flight, QoS 0, 5,000 clients idle",
            Load(_FLEET, _FLEET, idle=_IDLE),
            api=_API,
        ),
    )


def _beside_the_dashboard() -> tuple[Row, ...]:
    wanted = f"{OVERVIEW_PAGES} overview pages open; a page may cost less than 1 %"
    return (
        Row(
            "dashboard-rate",
            f"100 to 100 at {_PAGE_RATE:,} messages/s, QoS 0, {wanted} of a core",
            Load(100, 100, rate=_PAGE_RATE),
            api=(OVERVIEW,),
        ),
        Row(
            "dashboard-loop",
            f"closed loop, 200 pairs, one in flight, QoS 0, {wanted} of a core and of the messages",
            Load(_PAIRS, _PAIRS),
            api=(OVERVIEW,),
        ),
        Row(
            "dashboard-pipelined",
            f"10 to 10, {_DEEP:,} in flight each, QoS 0, {wanted} of a core and of the messages",
            Load(10, 10, window=_DEEP),
            api=(OVERVIEW,),
        ),
    )


def _admission() -> tuple[Row, ...]:
    return (
        Row(
            "acl-cached",
            f"10 to 10, {_DEEP:,} in flight each, QoS 0: what the rules said is remembered; 0.9 is wanted",
            Load(10, 10, window=_DEEP),
            variants=(NO_RULES, RULES),
        ),
        Row(
            "acl-cached-one-in-flight",
            "200 to 200, one in flight, QoS 0: what the rules said is remembered; 0.9 is wanted",
            Load(_PAIRS, _PAIRS),
            variants=(NO_RULES, RULES),
        ),
        Row(
            "auth-hashes",
            "2,000 clients connect, 64 at a time, with a password in the internal database",
            Load(0, 0, idle=2_000),
            kind=Kind.CONNECTS,
            variants=(NO_LOGINS, *_WITH_HASH),
        ),
        Row(
            "auth-slow-hashes",
            "24 clients connect at once, with a password in Redis, hashed to take long",
            Load(0, 0, idle=24),
            kind=Kind.CONNECTS,
            variants=(NO_LOGINS, *_FROM_REDIS),
        ),
    )


def _rules() -> tuple[Row, ...]:
    return (
        Row(
            "rules-one-in-flight",
            "200 to 200, one in flight, QoS 0, JSON of 128 bytes: one JSON filter keeps 0.5",
            Load(_PAIRS, _PAIRS, payload=128, json=True),
            variants=tuple(_ON_STREAMS),
        ),
        Row(
            "rules-pipelined",
            f"10 to 10, {_DEEP:,} in flight each, QoS 0, JSON of 128 bytes",
            Load(10, 10, window=_DEEP, payload=128, json=True),
            variants=tuple(_ON_STREAMS),
        ),
        Row(
            "rules-one-in-flight-qos1",
            "200 to 200, one in flight, QoS 1, JSON of 128 bytes: one JSON filter keeps 0.5",
            Load(_PAIRS, _PAIRS, qos=1, payload=128, json=True),
            variants=_ON_ACKNOWLEDGED,
        ),
        Row(
            "rules-pipelined-qos1",
            f"10 to 10, {_WINDOW:,} in flight each, QoS 1, JSON of 128 bytes: 0.5 is wanted with one JSON filter",
            Load(10, 10, qos=1, window=_WINDOW, payload=128, json=True),
            variants=_ON_ACKNOWLEDGED,
        ),
    )


def _durable() -> tuple[Row, ...]:
    servers = (MOSQUITTO, MOSQUITTO_PERSISTENT, *_SYNCED)
    rows = tuple(
        Row(
            f"kept-{name}",
            f"{pairs:,} to {pairs:,}, {window} in flight each, QoS 1, {about}",
            Load(pairs, pairs, qos=1, window=window, receivers=receivers),
            variants=servers,
        )
        for name, pairs, window, receivers, about in _KEPT
    )
    overload = Row(
        "overload",
        "100 to 1 on bench/+, 30 unacknowledged each, QoS 1, more than the subscriber takes: "
        "lost is what was acknowledged and dropped",
        Load(100, 1, "fan-in", qos=1, window=30, acks_only=True),
        variants=(MOSQUITTO_QUEUE, *_OVERLOADED),
    )
    return (*rows, overload)


_KEPT: Final[tuple[tuple[str, int, int, Literal["kept", "away"], str], ...]] = (
    ("online", 100, 30, "kept", "subscribers with kept sessions"),
    ("offline", 100, 30, "away", "subscribers with kept sessions that are away"),
    ("one-in-flight", 1_000, 1, "kept", "subscribers with kept sessions"),
)
ROWS: Final = (
    *_one_in_flight(),
    *_pipelined(),
    *_fleets(),
    *_beside_the_api(),
    *_beside_the_dashboard(),
    *_admission(),
    *_rules(),
    *_durable(),
)
