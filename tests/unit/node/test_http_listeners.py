"""Requests in progress, counted by port."""

from __future__ import annotations

import pytest

from app.config import Address
from app.node.http_listeners import HttpListeners


def test_listeners_are_shown_by_purpose() -> None:
    listeners = HttpListeners([Address("0.0.0.0", 8081)], [Address("127.0.0.1", 18083)], 4)
    assert [
        (one.protocol, one.listen_on, one.identifier, one.acceptors, one.max_conns)
        for one in listeners.records()
    ] == [
        ("http:management", "0.0.0.0:8081", None, 4, 512),
        ("http:dashboard", "127.0.0.1:18083", None, 4, 512),
    ]


def test_a_request_counts_at_its_port_while_it_is_answered() -> None:
    listeners = HttpListeners([Address("0.0.0.0", 8081), Address("0.0.0.0", 8080)], [], 4)
    seen: list[list[int]] = []

    def application(_environ: object, _start_response: object) -> list[bytes]:
        seen.append([one.current_conns for one in listeners.records()])
        return [b"answer"]

    wrapped = listeners.wrap(application)
    assert wrapped({"SERVER_PORT": "8081"}, None) == [b"answer"]  # type: ignore[arg-type]
    assert seen == [[1, 0]]
    assert [one.current_conns for one in listeners.records()] == [0, 0]


def test_a_request_that_fails_is_over_too() -> None:
    listeners = HttpListeners([Address("0.0.0.0", 8081)], [], 4)

    def fails(_environ: object, _start_response: object) -> list[bytes]:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        listeners.wrap(fails)({"SERVER_PORT": "8081"}, None)  # type: ignore[arg-type]
    assert listeners.records()[0].current_conns == 0
