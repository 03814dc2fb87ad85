"""Listeners: how many may come in, and what the lists show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.broker.listener import LOOK_AT_CERTIFICATES_EVERY_S
from app.broker.records import ListenerRecord
from app.config import TlsConfig, UnixConfig
from tests.harness.certificates import Authority
from tests.unit.broker.wires import House

Houses = Callable[..., House]


def test_one_connection_more_than_allowed_is_closed_at_once(house: Houses) -> None:
    here = house(listener={"max_connections": 2})
    peers = [here.peer() for _ in range(3)]
    here.loop.turns()
    assert [peer.transport.aborted for peer in peers] == [False, False, True]
    assert here.playbook.counted()["listener.refused.max_connections"] == 1
    assert here.listener.record().current_conns == 2
    peers[0].transport.lose()
    assert not here.peer().transport.aborted


def test_a_refused_connection_leaves_no_timer_and_no_trace(house: Houses) -> None:
    here = house(listener={"max_connections": 1})
    here.peer()
    timers = here.core.timers
    before = sum(map(len, timers._buckets.values()))
    here.peer()
    here.loop.turns()
    assert sum(map(len, timers._buckets.values())) == before
    assert here.listener.record().shutdown_count == {}


def test_a_tcp_listener_shows_itself(house: Houses) -> None:
    here = house(listener={"max_connections": 7, "acceptors": 3})
    assert here.listener.record() == ListenerRecord(
        "mqtt:tcp", "0.0.0.0:1883", "mqtt:tcp:external", 3, 7, 0, {}, is_open=False
    )


def test_a_websocket_listener_shows_its_port_in_its_protocol(house: Houses) -> None:
    assert house("ws").listener.record().protocol == "mqtt:ws:1883"


def test_stopping_a_listener_that_never_started_is_no_error(house: Houses) -> None:
    house().listener.stop_accepting()


@pytest.mark.parametrize(
    ("protocol", "shown"),
    [("ssl", "mqtt:ssl"), ("wss", "mqtt:wss:1883"), ("unix", "mqtt:unix")],
)
def test_listeners_show_themselves_by_emqxs_names(house: Houses, protocol: str, shown: str) -> None:
    record = house(protocol).listener.record()
    assert (record.protocol, record.identifier) == (shown, f"mqtt:{protocol}:external")


def test_a_unix_listener_shows_its_socket_file(house: Houses) -> None:
    here = house("unix", listener={"unix": UnixConfig(path="/run/mqtt.sock")})
    assert here.listener.record().listen_on == "/run/mqtt.sock"


def test_a_socket_file_goes_with_its_listener_and_not_with_another_ones(
    house: Houses, tmp_path: Path
) -> None:
    path = tmp_path / "mqtt.sock"
    settings = {"host": "", "port": 0, "unix": UnixConfig(path=str(path))}
    here = house("unix", listener=settings)
    here.loop.run_until_complete(here.listener.start())
    here.loop.turn(here.listener.stop_accepting)
    assert not path.exists()
    here.loop.run_until_complete(here.listener.start())
    path.unlink()
    path.write_text("somebody else's", "utf-8")
    here.loop.turn(here.listener.stop_accepting)
    assert path.exists()


def test_certificates_are_looked_at_once_a_minute_while_the_listener_listens(
    house: Houses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.broker.listener.open_sockets", lambda _config: [])
    authority = Authority(tmp_path)
    pair = authority.issue("server")
    tls = TlsConfig(certfile=str(pair.certfile), keyfile=str(pair.keyfile))
    here = house("ssl", listener={"tls": tls})
    assert here.listener.certificates is None
    here.loop.run_until_complete(here.listener.start())
    held = here.listener.certificates
    assert held is not None
    for name in ("second", "third"):
        before = held.context
        pair.replace(authority.issue(name))
        assert held.context is before
        here.playbook.advance(LOOK_AT_CERTIFICATES_EVERY_S)
        assert held.context is not before
    assert held.reload() is True
    here.loop.turn(here.listener.stop_accepting)
    last = held.context
    pair.replace(authority.issue("fourth"))
    here.playbook.advance(2 * LOOK_AT_CERTIFICATES_EVERY_S)
    assert held.context is last
