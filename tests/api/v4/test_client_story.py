"""One client's events and messages over the fourth generation, and lists in order."""

from __future__ import annotations

from typing import Any

import pytest

from app.broker.client_story import ClientEvent
from app.node.proxy import ClientQuery
from tests.harness.fake_nodes import NODE


def test_events_are_listed_with_the_newest_first(api: Any) -> None:
    api.node.client_events = [
        ClientEvent(1_000, "connected", who="192.0.2.1:5"),
        ClientEvent(2_000, "message_dropped", "queue_full", "a/b", count=3),
    ]
    newest, oldest = api.get("/clients/c1/events")["data"]
    assert newest == {
        "node": NODE,
        "at": 2_000,
        "event": "message_dropped",
        "reason": "queue_full",
        "topic": "a/b",
        "who": "",
        "count": 3,
    }
    assert (oldest["event"], oldest["who"]) == ("connected", "192.0.2.1:5")
    assert api.node.commands[-1] == ("client_events", "c1")


def test_who_was_never_here_has_no_events(api: Any) -> None:
    assert api.get("/clients/site%2F1/events") == {"code": 0, "data": []}


def test_messages_of_a_client_are_shown(api: Any) -> None:
    (shown,) = api.get("/clients/c1/messages?_limit=5")["data"]
    assert api.node.commands[-1] == ("client_messages", "c1", 5)
    assert (shown["inflight"]["len"], shown["mqueue_dropped"]) == (1, 3)
    assert shown["dropped"] == {"expired": 1}
    assert shown["inflight"]["first"][0]["topic"] == "a/b"


def test_an_unknown_client_has_no_messages(api: Any) -> None:
    assert api.get("/clients/nobody/messages") == {"code": 0, "data": []}


@pytest.mark.parametrize("limit", ["x", "-1", "1.5"])
def test_a_limit_that_is_none_is_a_bad_parameter(api: Any, limit: str) -> None:
    assert api.get(f"/clients/c1/messages?_limit={limit}")["code"] == 108


@pytest.mark.parametrize("name", ["mqueue_len", "dropped", "idle"])
def test_clients_can_be_listed_by_what_is_large(api: Any, name: str) -> None:
    assert api.get(f"/clients?_sort={name}")["code"] == 0
    assert api.node.commands[-1][1] == ClientQuery(sort=name)


def test_an_order_that_there_is_not_is_a_bad_parameter(api: Any) -> None:
    assert api.get("/clients?_sort=beauty")["code"] == 108
