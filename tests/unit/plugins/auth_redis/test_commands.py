"""Commands for Redis, and what is made of the answers."""

from __future__ import annotations

import pytest

from app.auth.placeholders import PlaceholderError, Subject, UnusableValueError
from app.backends.breaker import BackendError
from app.broker.client_info import ClientInfo
from app.config import ZoneConfig
from app.plugins.auth_redis.commands import (
    Command,
    allows,
    read_password,
    read_rules,
    read_superuser,
)

COMMAND = Command.parse("HMGET mqtt_user:%u  password salt")


def client(clientid: str = "c1", username: str | None = "u1") -> ClientInfo:
    return ClientInfo(
        ZoneConfig("external"), "mqtt:tcp:external", "10.0.0.1", 1, 1883, clientid, username
    )


@pytest.mark.parametrize(
    "username",
    ["u 1", "u1 password\r\nFLUSHALL\r\n", "%c", "*", "\u00fc"],
)
def test_whatever_a_client_is_called_stays_within_one_word(username: str) -> None:
    words = COMMAND.render(Subject(client(username=username)))
    assert words == ["HMGET", f"mqtt_user:{username}", "password", "salt"]


def test_a_client_without_the_name_is_not_asked_for() -> None:
    assert COMMAND.render(Subject(client(username=None))) is None


def test_nul_is_no_name() -> None:
    with pytest.raises(UnusableValueError):
        COMMAND.render(Subject(client(username="a\0b")))


def test_no_words_are_no_command() -> None:
    assert not Command.parse("  ")
    assert Command.parse("GET x")


@pytest.mark.parametrize("text", ["%u x", "%C"])
def test_what_cannot_be_asked_is_said_when_it_is_read(text: str) -> None:
    with pytest.raises(PlaceholderError):
        Command.parse(text)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, None),
        ([], None),
        ([None], None),
        ([None, b"salt"], None),
        (b"digest", ("digest", None)),
        ([b"digest"], ("digest", None)),
        ([b"digest", b"salt"], ("digest", "salt")),
        ([b"digest", None], ("digest", None)),
        ([b"\xff", b"salt"], (None, "salt")),
    ],
)
def test_the_first_value_is_the_password_and_the_second_the_salt(
    answer: object, expected: tuple[str | None, str | None] | None
) -> None:
    stored = read_password(answer)
    assert (None if stored is None else (stored.digest, stored.salt)) == expected


@pytest.mark.parametrize("answer", [7, {b"password": b"x"}, [[b"x"]]])
def test_an_answer_that_is_no_password_is_a_fault_of_the_backend(answer: object) -> None:
    with pytest.raises(BackendError):
        read_password(answer)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(b"1", True), ([b"1"], True), (1, True), (b"0", False), (None, False), (b"true", False)],
)
def test_superusers_are_those_with_a_one(answer: object, expected: bool) -> None:
    assert read_superuser(answer) is expected


def test_rules_come_as_a_hash_or_as_its_flat_list() -> None:
    rules = [("a/b", 1), ("c", 0)]
    assert read_rules({b"a/b": b"1", b"c": b"all"}) == rules
    assert read_rules([b"a/b", b"1", b"c", b"9"]) == rules
    assert read_rules([]) == read_rules(None) == []


@pytest.mark.parametrize("answer", [b"a/b", 1, [b"a/b"]])
def test_an_answer_that_is_no_hash_is_a_fault_of_the_backend(answer: object) -> None:
    with pytest.raises(BackendError):
        read_rules(answer)


@pytest.mark.parametrize(
    ("rule", "action", "topic", "expected"),
    [
        (("a/+", 1), "subscribe", "a/b", True),
        (("a/+", 1), "publish", "a/b", False),
        (("a/+", 2), "publish", "a/b", True),
        (("a/+", 3), "subscribe", "a/+", True),
        (("a/+", 3), "subscribe", "a/#", False),
        (("a/#", 3), "subscribe", "#", False),
        (("a/x%u-%c/b", 2), "publish", "a/xu1-c1/b", True),
        (("a/x%u/b", 2), "publish", "a/xu2/b", False),
        (("a/b", 0), "publish", "a/b", False),
        (("", 3), "publish", "a", False),
    ],
)
def test_a_rule_allows_what_it_covers(
    rule: tuple[str, int], action: str, topic: str, expected: bool
) -> None:
    assert allows([rule], client(), action, topic) is expected


@pytest.mark.parametrize("username", ["#", "+", "a/b", "", None])
def test_a_name_makes_no_wider_rule(username: str | None) -> None:
    for topic in ("x", "a/b", "x/y"):
        assert not allows([("%u", 3)], client(username=username), "publish", topic)
    assert not allows([("%u", 3)], client(username=username), "subscribe", "#")


def test_a_name_that_looks_like_a_placeholder_stays_a_name() -> None:
    assert allows([("t/%u", 3)], client(username="%c"), "publish", "t/%c")
    assert not allows([("t/%u", 3)], client(username="%c"), "publish", "t/c1")
