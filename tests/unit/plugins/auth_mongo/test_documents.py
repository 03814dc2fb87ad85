"""Selectors for MongoDB, and what is made of documents."""

from __future__ import annotations

import pytest

from app.auth.placeholders import PlaceholderError, Subject, UnusableValueError
from app.backends.breaker import BackendError
from app.broker.client_info import ClientInfo
from app.config import ZoneConfig
from app.plugins.auth_mongo.documents import (
    AclQuery,
    Selector,
    first_that_allows,
    read_password,
    read_superuser,
    topics_of,
)

NAMES_THAT_MEAN_SOMETHING_TO_MONGODB = (
    "$ne",
    '{"$ne": null}',
    "[$ne]=x",
    "username[$ne]",
    "' || '1'=='1",
    ".*",
    "/.*/",
    "a,b=c",
    "%c",
    "\ud7ff\u00fc\n",
)


def client(clientid: str = "c1", username: str | None = "u1") -> ClientInfo:
    return ClientInfo(
        ZoneConfig("external"), "mqtt:tcp:external", "10.0.0.1", 1, 1883, clientid, username
    )


@pytest.mark.parametrize("name", NAMES_THAT_MEAN_SOMETHING_TO_MONGODB)
def test_whatever_a_client_is_called_stays_a_text(name: str) -> None:
    selector = Selector.parse("username=%u, clientid=dev-%c")
    found = selector.render(Subject(client(clientid=name, username=name)))
    assert found == {"username": name, "clientid": f"dev-{name}"}


@pytest.mark.parametrize("name", NAMES_THAT_MEAN_SOMETHING_TO_MONGODB)
def test_no_name_makes_an_operator_of_a_question_for_rules(name: str) -> None:
    query = AclQuery("acl", (Selector.parse("username=%u"), Selector.parse("clientid=%c")))
    found = query.render(Subject(client(clientid="c1", username=name)))
    texts = [{"username": name}, {"clientid": "c1"}]
    assert found == ({"$or": texts} if not name.startswith("$") else {"clientid": "c1"})


def test_a_client_without_the_name_is_not_asked_for() -> None:
    assert Selector.parse("username=%u").render(Subject(client(username=None))) is None


def test_nul_is_no_name() -> None:
    with pytest.raises(UnusableValueError):
        Selector.parse("username=%u").render(Subject(client(username="a\0b")))


@pytest.mark.parametrize(
    "text",
    ["", "username", "username=", "=%u", "$where=%u", "a.$b=%u", "a..b=%u", "$or=%u", "u=%u,$x=1"],
)
def test_what_is_no_selector_is_said_when_it_is_read(text: str) -> None:
    with pytest.raises(PlaceholderError):
        Selector.parse(text)


def test_rules_for_everybody_are_found_by_selectors_that_say_so_only() -> None:
    query = AclQuery("acl", (Selector.parse("username=%u"), Selector.parse("username=$all")))
    found = query.render(Subject(client()))
    assert found == {"$or": [{"username": "u1"}, {"username": "$all"}]}
    assert query.render(Subject(client(username="$all"))) == {"username": "$all"}
    only = AclQuery("acl", (Selector.parse("username=%u"),))
    assert only.render(Subject(client(username="$all"))) is None


@pytest.mark.parametrize(
    ("document", "fields", "expected"),
    [
        ({"password": "digest"}, ["password"], ("digest", None)),
        ({"password": "digest", "salt": "s"}, ["password", "salt"], ("digest", "s")),
        ({"password": "digest"}, ["password", "salt"], ("digest", None)),
        ({"login": {"hash": "digest"}}, ["login.hash"], ("digest", None)),
        ({"login": "digest"}, ["login.hash"], (None, None)),
        ({"password": {"$ne": 1}}, ["password"], (None, None)),
        ({"password": 7}, ["password"], (None, None)),
        ({}, ["password"], (None, None)),
    ],
)
def test_the_first_field_is_the_password_and_the_second_the_salt(
    document: dict[str, object], fields: list[str], expected: tuple[str | None, str | None]
) -> None:
    stored = read_password(document, fields)
    assert (stored.digest, stored.salt) == expected
    assert "digest" not in repr(stored)


@pytest.mark.parametrize(
    ("value", "expected"), [(True, True), (1, False), ("true", False), (None, False)]
)
def test_superusers_are_those_with_true(value: object, expected: bool) -> None:
    assert read_superuser({"is_superuser": value}, "is_superuser") is expected
    assert read_superuser(None, "is_superuser") is False


def test_the_lists_of_all_documents_count() -> None:
    documents = [
        {"publish": ["a", 7, ""], "subscribe": ["b"]},
        {"pubsub": ["c"], "publish": ["d"]},
    ]
    assert topics_of(documents, "publish") == ["a", "d", "c"]
    assert topics_of(documents, "subscribe") == ["b", "c"]


@pytest.mark.parametrize("listed", ["a/b", {"a": 1}, 7, None])
def test_a_list_that_is_none_is_a_fault_of_the_backend(listed: object) -> None:
    with pytest.raises(BackendError):
        topics_of([{"publish": listed}], "publish")


@pytest.mark.parametrize(
    ("topic_filter", "topic", "expected"),
    [
        ("a/+", "a/b", True),
        ("a/+", "a/#", False),
        ("x%u/%c", "xu1/c1", True),
        ("x%u", "xu2", False),
    ],
)
def test_a_filter_allows_what_it_covers(topic_filter: str, topic: str, expected: bool) -> None:
    found = first_that_allows(["other", topic_filter], client(), topic)
    assert found == (topic_filter if expected else None)


@pytest.mark.parametrize("username", ["#", "+", "a/b", "", None])
def test_a_name_makes_no_wider_rule(username: str | None) -> None:
    assert first_that_allows(["%u"], client(username=username), "a") is None
    assert first_that_allows(["%u"], client(username=username), "#") is None
