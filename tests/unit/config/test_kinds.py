"""Text forms of values: what is read, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.config import kinds
from app.config.kinds import Address, Kind

SIZES = [
    ("0", 0),
    ("512", 512),
    ("64KB", 65_536),
    ("64kb", 65_536),
    ("1MB", 1_048_576),
    ("1 MB", 1_048_576),
    ("1.5GB", 1_610_612_736),
    ("4M", 4_194_304),
    ("10B", 10),
]
DURATIONS_S = [
    ("0", 0.0),
    ("15", 15.0),
    ("0.5", 0.5),
    ("0.5ms", 0.000_5),
    ("500ms", 0.5),
    ("15s", 15.0),
    ("5m", 300.0),
    ("2h", 7_200.0),
    ("1d", 86_400.0),
    ("1w", 604_800.0),
    ("1f", 1_209_600.0),
    ("1h30m", 5_400.0),
    ("1H30M", 5_400.0),
]
ADDRESSES = [
    ("1883", (Address("0.0.0.0", 1883),)),
    (":1883", (Address("0.0.0.0", 1883),)),
    ("127.0.0.1:1883", (Address("127.0.0.1", 1883),)),
    ("[::1]:1883", (Address("::1", 1883),)),
    ("localhost:1883", (Address("localhost", 1883),)),
    ("8081, 127.0.0.1:8080", (Address("0.0.0.0", 8081), Address("127.0.0.1", 8080))),
    ("", ()),
    ("off", ()),
    ("OFF", ()),
]
REFUSED = [
    (kinds.size, ["", "-1", "1XB", "MB", "1MB2", "٣KB", "1e3", "9" * 400 + "GB", "1TB"]),
    (kinds.duration, ["", "-1s", "1y", "s", "1s 2m", "1h30", "٣s", "9" * 400, "infinity", "nan"]),
    (kinds.share, ["", "0", "0%", "101%", "1.1", "-5%", "half", "%"]),
    (
        kinds.address_list,
        ["0", "65536", "host", "a b:1", "[::1", "[x]:1", "::1:80", "1883,", "-1", "١"],
    ),
    (kinds.topic_numbers(1, 255), ["t", "t=", "=1", "t=0", "t=256", "t=1,", "t=1,t=2", "t=x"]),
    (kinds.flag, ["", "yes", "1", "enabled"]),
    (kinds.whole(1, 9), ["", "0", "10", "1.0", "+1", "²", "9" * 5_000]),
    (kinds.decimal, ["", ".5", "5.", "1e2", "9" * 400]),
    (kinds.above_zero(kinds.duration), ["0", "0s"]),
    (kinds.between(kinds.size, "64", "256MB"), ["63", "257MB", "0"]),
    (kinds.choice("random", "sticky"), ["", "randomly"]),
    (kinds.node_name, ["", "godwit", "@host", "a b@host", "godwit@"]),
    (kinds.mqtt_path, ["", "mqtt", "/a b", "/a?b", "/a#b"]),
    (kinds.database_url, ["godwit.db", "oracle://u:p@h/n", "sqlite", "://"]),
    (kinds.word, ["", "  "]),
]


@pytest.mark.parametrize(("text", "expected"), SIZES)
def test_sizes_are_bytes_in_powers_of_1024(text: str, expected: int) -> None:
    assert kinds.size(text) == expected


@pytest.mark.parametrize(("text", "expected"), DURATIONS_S)
def test_durations_are_seconds(text: str, expected: float) -> None:
    assert kinds.duration(text) == pytest.approx(expected)


@pytest.mark.parametrize(("text", "expected"), ADDRESSES)
def test_addresses_have_a_host_and_a_port(text: str, expected: tuple[Address, ...]) -> None:
    assert kinds.address_list(text) == expected


@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for kind, texts in REFUSED for text in texts]
)
def test_what_is_no_form_of_the_kind_is_refused(kind: Kind[object], text: str) -> None:
    with pytest.raises(ValueError):
        kind(text)


@pytest.mark.parametrize(("text", "expected"), [("70%", 0.7), ("0.3", 0.3), ("100 %", 1.0)])
def test_a_share_is_a_fraction(text: str, expected: float) -> None:
    assert kinds.share(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "expected"), [("on", True), ("TRUE", True), (" off ", False), ("false", False)]
)
def test_switches_are_read_in_any_case(text: str, expected: bool) -> None:
    assert kinds.flag(text) is expected


def test_infinity_is_a_duration_only_where_it_may_be() -> None:
    assert kinds.or_infinity(kinds.duration)("infinity") == math.inf
    assert kinds.or_infinity(kinds.duration)("2h") == 7_200.0


@pytest.mark.parametrize(
    "url", ["", "sqlite:////var/g.db", "postgresql+psycopg://u:p@h/n", "mariadb://u:p@h/n"]
)
def test_database_urls_pass_as_they_are(url: str) -> None:
    assert kinds.database_url(url) == url


@given(number=st.integers(0, 10**12), unit=st.sampled_from(["", "B", "KB", "MB", "GB"]))
def test_every_whole_size_is_read_exactly(number: int, unit: str) -> None:
    factor = {"": 1, "B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}[unit]
    assert kinds.size(f"{number}{unit}") == number * factor


@given(hours=st.integers(0, 999), minutes=st.integers(0, 59), ms=st.integers(0, 999))
def test_parts_of_a_duration_add_up(hours: int, minutes: int, ms: int) -> None:
    expected = hours * 3_600 + minutes * 60 + ms / 1000
    assert kinds.duration(f"{hours}h{minutes}m{ms}ms") == pytest.approx(expected)


@given(text=st.text(max_size=20))
@example("1" * 5_000)
@pytest.mark.parametrize("kind", [kinds.size, kinds.duration, kinds.share, kinds.address_list])
def test_any_text_is_a_value_or_a_value_error(kind: Callable[[str], object], text: str) -> None:
    try:
        value = kind(text)
    except ValueError:
        return
    assert isinstance(value, tuple) or value >= 0  # type: ignore[operator]


def test_an_address_is_written_as_it_is_read() -> None:
    for text in ("127.0.0.1:1883", "[::1]:8083"):
        assert str(kinds.address_list(text)[0]) == text


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("0.0.0.0:1883", "127.0.0.1:1883", True),
        ("127.0.0.1:1883", "127.0.0.1:1883", True),
        ("127.0.0.1:1883", "127.0.0.2:1883", False),
        ("0.0.0.0:1883", "0.0.0.0:1884", False),
        ("0.0.0.0:1883", "[::]:1883", False),
        ("[::1]:1883", "[::]:1883", True),
    ],
)
def test_addresses_overlap_where_both_cannot_be_listened_on(
    first: str, second: str, expected: bool
) -> None:
    (one,), (other,) = kinds.address_list(first), kinds.address_list(second)
    assert one.overlaps(other) is expected
    assert other.overlaps(one) is expected


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("none", ()),
        ("", ()),
        ("a/b=1", (("a/b", 1),)),
        ("a=1, b=c=255", (("a", 1), ("b=c", 255))),
    ],
)
def test_topics_with_numbers_are_read_as_emqx_writes_them(
    text: str, pairs: tuple[tuple[str, int], ...]
) -> None:
    assert kinds.topic_numbers(1, 255)(text) == pairs
