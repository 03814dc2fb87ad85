"""Which listener is meant by a name, or by an address."""

from __future__ import annotations

from typing import Any

import pytest

from app.ctl.api import NodeApi
from app.ctl.commands.listeners import _named
from app.ctl.refusals import Refused
from app.ctl.session import Session

ROWS = [
    {"identifier": "mqtt:tcp:external", "protocol": "mqtt:tcp", "listen_on": "0.0.0.0:1883"},
    {"identifier": "mqtt:ws:external", "protocol": "mqtt:ws:8083", "listen_on": "[::1]:8083"},
    {"protocol": "http:management", "listen_on": "127.0.0.1:8081"},
]


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Session:
    def get(_api: NodeApi, path: str, _query: object = None) -> Any:
        assert path == "/nodes/n%40h/listeners"
        return ROWS

    monkeypatch.setattr(NodeApi, "get", get)
    return Session(node="n@h", _api=NodeApi([], "a", "b"))


@pytest.mark.parametrize(
    ("words", "listen_on"),
    [
        (("mqtt:tcp:external",), "0.0.0.0:1883"),
        (("http:management",), "127.0.0.1:8081"),
        (("mqtt:tcp", "1883"), "0.0.0.0:1883"),
        (("mqtt:tcp", "0.0.0.0:1883"), "0.0.0.0:1883"),
        (("mqtt:ws", "8083"), "[::1]:8083"),
    ],
)
def test_a_listener_is_named_as_emqx_names_it(
    session: Session, words: tuple[str, ...], listen_on: str
) -> None:
    assert _named(session, *words)["listen_on"] == listen_on


@pytest.mark.parametrize("words", [("mqtt:tcp:none",), ("mqtt:tcp", "883"), ("1883",)])
def test_what_is_none_is_told(session: Session, words: tuple[str, ...]) -> None:
    with pytest.raises(Refused, match=f"No such listener {words[-1]}"):
        _named(session, *words)
