"""A restart under clients that connect all the time: sockets that somebody else holds refuse nobody."""

from __future__ import annotations

import contextlib
import http.client
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness.mqtt_client import ClosedByBrokerError, MqttClient
from tests.harness.node import LISTENERS, ROOT, NodeProcess, eventually

HAND_OVER = str(ROOT / "tests" / "harness" / "hand_over.py")


class Knocker(threading.Thread):
    """Does something that begins with a connection, over and over; notes what was refused."""

    def __init__(self, knock: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._knock = knock
        self.stopping = threading.Event()
        self.answered = 0
        self.refused = 0

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                self._knock()
            except ConnectionRefusedError:
                self.refused += 1
            except (OSError, ClosedByBrokerError, http.client.HTTPException):
                # It was let in at the very moment when the old process ended.
                continue
            else:
                self.answered += 1


@pytest.mark.timeout(240)
def test_who_connects_during_a_restart_waits_and_is_not_refused(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        names: list[str] = []
        node = NodeProcess(tmp_path, (sys.executable, HAND_OVER))
        inherited = []
        for name, key in LISTENERS.items():
            held = socket.create_server(("127.0.0.1", node.ports[name]), backlog=512)
            inherited.append(stack.enter_context(held).fileno())
            names.append(f"{held.fileno()}={key}")
        node.inherited = tuple(inherited)
        node = stack.enter_context(with_names(node, names))

        def mqtt(port: str) -> None:
            with MqttClient(("127.0.0.1", node.ports[port])) as client:
                client.connect("knocker")

        def ask() -> None:
            assert node.api("GET", "/status", auth=None).status == 200

        knockers = [Knocker(lambda: mqtt("tcp")), Knocker(ask)]
        for knocker in knockers:
            knocker.start()
        for _restart in range(2):
            before = [knocker.answered for knocker in knockers]
            node.restart()
            eventually(
                lambda before=before: all(
                    knocker.answered > count + 5
                    for knocker, count in zip(knockers, before, strict=True)
                ),
                "answers after the restart",
                60,
            )
        for knocker in knockers:
            knocker.stopping.set()
            knocker.join(30)
        assert [knocker.refused for knocker in knockers] == [0, 0]
        assert "Traceback" not in node.log


def test_a_listener_that_is_restarted_listens_on_its_held_socket_again(
    tmp_path: Path,
) -> None:
    with contextlib.ExitStack() as stack:
        node = NodeProcess(tmp_path, (sys.executable, HAND_OVER))
        held = stack.enter_context(socket.create_server(("127.0.0.1", node.ports["tcp"])))
        node.inherited = (held.fileno(),)
        node = stack.enter_context(with_names(node, [f"{held.fileno()}=listener.tcp.external"]))
        done = node.api("PUT", "/api/v4/listeners/mqtt:tcp:external/restart")
        assert done.body["code"] == 0, done
        with MqttClient(node.tcp) as client:
            assert client.connect("again").reason_code == 0


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("listener.tcp.nobody", "Name the socket listener.tcp.nobody as the settings key"),
        ("listener.ws.external", "socket units of listener.ws.external and its setting"),
        ("management.listener.http", "for all HTTP ports or for none: dashboard.listener.http"),
        ("", "Give every socket unit a FileDescriptorName="),
    ],
)
def test_a_socket_that_is_not_one_of_the_settings_is_refused_in_one_sentence(
    tmp_path: Path, name: str, sentence: str
) -> None:
    node = NodeProcess(tmp_path, (sys.executable, HAND_OVER))
    with socket.create_server(("127.0.0.1", node.ports["tcp"])) as held:
        node.inherited = (held.fileno(),)
        with pytest.raises(AssertionError, match="the node did not start"):
            with_names(node, [f"{held.fileno()}={name}"]).start()
    lines = node.log.splitlines()
    assert len(lines) == 1
    assert sentence in lines[0]


def with_names(node: NodeProcess, names: list[str]) -> NodeProcess:
    node.command = (*node.command, *names, "--")
    return node
