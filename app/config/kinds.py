"""Kinds of values: how a setting's text is read, and what the operator should write instead.

EMQX's text forms: `1MB`, `15s`, `1h30m`, `on`, `infinity`, `70%`, `0.0.0.0:1883`. A kind knows
nothing of keys or files; it raises a bare `ValueError`, and whoever knows where the text came from
makes the sentence.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
N = TypeVar("N", int, float)


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """One kind of value; `name` and `forms` complete "… is not `name`, write `forms`."."""

    name: str
    forms: str
    parse: Callable[[str], T]

    def __call__(self, text: str) -> T:
        """Return the value that the text stands for.

        Raises:
            ValueError: The text is none of the kind's forms.
        """
        return self.parse(text.strip())


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """Where something listens."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return `host:port`, with brackets around an IPv6 host."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_wildcard(self) -> bool:
        """Tell whether the host stands for every address of the machine."""
        return self.host in {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound

    def overlaps(self, other: Address) -> bool:
        """Tell whether both cannot be listened on at once."""
        same_family = (":" in self.host) == (":" in other.host)
        return self.port == other.port and (
            self.host == other.host or (same_family and (self.is_wildcard or other.is_wildcard))
        )


_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([kmg]?b?)", re.IGNORECASE)
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|[fwdhms]))+")
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|[fwdhms])")
_HOSTNAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_FILE_MODE = re.compile(r"0?[0-7]{3}")
_NODE_NAME = re.compile(r"[A-Za-z0-9_-]+@[A-Za-z0-9._-]+")

_SIZE_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_DURATION_UNITS_S = {
    "ms": 0.001,
    "s": 1.0,
    "m": 60.0,
    "h": 3_600.0,
    "d": 86_400.0,
    "w": 604_800.0,
    "f": 1_209_600.0,
}
_FLAGS = {"true": True, "on": True, "false": False, "off": False}
_DIALECTS = frozenset({"sqlite", "postgresql", "postgres", "mysql", "mariadb"})


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError
    return value


def _size(text: str) -> int:
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError
    number, unit = match.groups()
    return round(_finite(float(number)) * _SIZE_UNITS[unit.lower().removesuffix("b")])


def _duration_s(text: str) -> float:
    if _NUMBER.fullmatch(text):
        return _finite(float(text))
    if not _DURATION.fullmatch(text.lower()):
        raise ValueError
    parts = _DURATION_PART.findall(text.lower())
    return _finite(sum(float(number) * _DURATION_UNITS_S[unit] for number, unit in parts))


def _share(text: str) -> float:
    number = text.removesuffix("%").rstrip()
    if not _NUMBER.fullmatch(number):
        raise ValueError
    share = float(number) / 100 if text.endswith("%") else float(number)
    if not 0 < share <= 1:
        raise ValueError
    return share


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 65_535):
        raise ValueError
    return int(text)


def _address(text: str) -> Address:
    host, colon, port = text.rpartition(":")
    if not colon or not host:
        return Address("0.0.0.0", _port(port))  # noqa: S104 - EMQX's meaning of a bare port
    if host.startswith("[") and host.endswith("]"):
        return Address(str(ipaddress.IPv6Address(host[1:-1])), _port(port))
    if not _HOSTNAME.fullmatch(host):
        raise ValueError
    return Address(host, _port(port))


def _addresses(text: str) -> tuple[Address, ...]:
    if text.lower() in {"", "off"}:
        return ()
    return tuple(_address(part.strip()) for part in text.split(","))


def _database_url(text: str) -> str:
    scheme, separator, _rest = text.partition("://")
    if text and (not separator or scheme.partition("+")[0] not in _DIALECTS):
        raise ValueError
    return text


def _http_url(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme.lower() not in {"http", "https"} or not parts.hostname):
        raise ValueError
    if parts.port == 0 or parts.fragment or not text.isprintable() or " " in text:
        raise ValueError
    return text


def _node_name(text: str) -> str:
    if not _NODE_NAME.fullmatch(text):
        raise ValueError
    return text


def _mqtt_path(text: str) -> str:
    if not text.startswith("/") or any(ch in text for ch in " ?#"):
        raise ValueError
    return text


def _socket_file(text: str) -> str:
    if text.lower() in {"", "off"}:
        return ""
    # The kernel's structure holds 108 bytes, the last one 0.
    if not text.startswith("/") or len(text.encode()) > 107:
        raise ValueError
    return text


def _file_mode(text: str) -> int:
    if not _FILE_MODE.fullmatch(text):
        raise ValueError
    return int(text, 8)


def _not_empty(text: str) -> str:
    if not text:
        raise ValueError
    return text


size = Kind("a size", "a number of bytes or a form such as 64KB, 1MB or 1GB", _size)
duration = Kind(
    "a duration", "seconds or a form such as 500ms, 15s, 5m, 2h, 1d or 1h30m", _duration_s
)
share = Kind("a share", "a percentage such as 30% or a fraction such as 0.3", _share)
address_list = Kind(
    "an address",
    "`host:port`, several with commas between them, a port alone, or off",
    _addresses,
)
database_url = Kind(
    "a database URL",
    "sqlite:///FILE, postgresql://USER:PASSWORD@HOST/NAME or mysql://USER:PASSWORD@HOST/NAME",
    _database_url,
)
http_url = Kind(
    "an HTTP address", "a form such as http://127.0.0.1:8080/path, or nothing", _http_url
)
node_name = Kind("a node name", "a form such as godwit@127.0.0.1", _node_name)
mqtt_path = Kind("a path", "a form such as /mqtt", _mqtt_path)
socket_file = Kind("a socket file", "an absolute path of at most 107 bytes, or off", _socket_file)
file_mode = Kind("a file mode", "three octal digits such as 0660", _file_mode)
any_text = Kind("a text", "any text", str)
word = Kind("a word", "at least one character", _not_empty)


def closed_set(name: str, words: Mapping[str, T]) -> Kind[T]:
    """Return the kind whose values are these words, in any case."""

    def parse(given: str) -> T:
        try:
            return words[given.lower()]
        except KeyError:
            raise ValueError from None

    return Kind(name, f"one of {', '.join(words)}", parse)


def choice(*words: str) -> Kind[str]:
    """Return the kind whose values are these words themselves."""
    return closed_set("a known choice", {word: word for word in words})


def names_of(*names: str) -> Kind[tuple[str, ...]]:
    """Return the kind of lists that hold some of these names, at least one."""

    def parse(given: str) -> tuple[str, ...]:
        chosen = {part.strip().lower() for part in given.split(",")}
        if not chosen <= set(names):
            raise ValueError
        return tuple(name for name in names if name in chosen)

    forms = f"one or more of {', '.join(names)}, with commas between them"
    return Kind("a list of known names", forms, parse)


flag = closed_set("a switch", _FLAGS)


def _event_message(text: str) -> int | None:
    """Return the QoS of what is on, None of what is off."""
    switch, _, qos = (part.strip().lower() for part in text.partition(","))
    number = {"": 0, "qos0": 0, "qos1": 1, "qos2": 2}.get(qos)
    if switch not in _FLAGS or number is None:
        raise ValueError
    return number if _FLAGS[switch] else None


event_message = Kind("a switch with a QoS", "off, or `on, qos1`", _event_message)


def whole(minimum: int = 0, maximum: int | None = None) -> Kind[int]:
    """Return the kind of whole numbers between two bounds, both included."""

    def parse(given: str) -> int:
        if not (given.isascii() and given.isdecimal()):
            raise ValueError
        value = int(given)
        if value < minimum or (maximum is not None and value > maximum):
            raise ValueError
        return value

    bounds = f"from {minimum} to {maximum}" if maximum is not None else f"of {minimum} or more"
    return Kind("a whole number in range", f"a whole number {bounds}", parse)


@dataclass(frozen=True, slots=True)
class Rate:
    """So much in so many seconds."""

    amount: int
    period_s: float


def rate(amount: Kind[int]) -> Kind[Rate | None]:
    """Return the kind of rates such as `100,10s`; none where it says nothing."""

    def parse(given: str) -> Rate | None:
        if not given:
            return None
        much, comma, period = given.partition(",")
        made = Rate(amount(much), duration(period))
        if not comma or made.amount <= 0 or made.period_s <= 0:
            raise ValueError
        return made

    return Kind("a rate", f"`AMOUNT,PERIOD`, such as 100,10s, AMOUNT {amount.forms}", parse)


@dataclass(frozen=True, slots=True)
class Policy:
    """What is too often, and for how long it has consequences."""

    times: int
    window_s: float
    ban_s: float


def _policy(given: str) -> Policy:
    times, *spans = (part.strip() for part in given.split(","))
    window_s, ban_s = map(duration, spans)
    made = Policy(whole(1)(times), window_s, ban_s)
    if window_s <= 0 or ban_s <= 0:
        raise ValueError
    return made


policy = Kind("a policy", "`TIMES, WINDOW, BAN`, such as `30, 1m, 5m`", _policy)


def topic_numbers(minimum: int, maximum: int) -> Kind[tuple[tuple[str, int], ...]]:
    """Return the kind of lists such as `a/b=1,c=2`: (topic, number) pairs, none where it says `none`."""
    number_kind = whole(minimum, maximum)

    def parse(given: str) -> tuple[tuple[str, int], ...]:
        if given.lower() in {"", "none"}:
            return ()
        pairs: dict[str, int] = {}
        for part in given.split(","):
            topic, equals, number = part.strip().rpartition("=")
            if not equals or not topic or topic in pairs:
                raise ValueError
            pairs[topic] = number_kind(number)
        return tuple(pairs.items())

    forms = f"`TOPIC=N`, several with commas between them, N from {minimum} to {maximum}, or none"
    return Kind("a list of topics with numbers", forms, parse)


def above_zero(kind: Kind[T]) -> Kind[T]:
    """Return the same kind without zero, for what would stand still at zero."""

    def parse(given: str) -> T:
        value = kind(given)
        if value == 0:
            raise ValueError
        return value

    return Kind(f"{kind.name} above zero", kind.forms, parse)


def between(kind: Kind[N], minimum: str, maximum: str) -> Kind[N]:
    """Return the same kind within two bounds, both included."""

    def parse(given: str) -> N:
        value = kind(given)
        if not kind(minimum) <= value <= kind(maximum):
            raise ValueError
        return value

    return Kind(kind.name, f"{kind.forms}, from {minimum} to {maximum}", parse)


def or_infinity(kind: Kind[float]) -> Kind[float]:
    """Return the same kind with EMQX's word for "without end"."""

    def parse(given: str) -> float:
        return math.inf if given.lower() == "infinity" else kind(given)

    return Kind(kind.name, f"{kind.forms}, or infinity", parse)


def or_no_limit(kind: Kind[int]) -> Kind[int]:
    """Return the same kind with EMQX's word for "no limit", which is read as 0."""

    def parse(given: str) -> int:
        return 0 if given.lower() == "infinity" else kind(given)

    return Kind(kind.name, f"{kind.forms}, or infinity", parse)


def _decimal(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError
    return _finite(float(text))


decimal = Kind("a number", "a form such as 0.75", _decimal)
