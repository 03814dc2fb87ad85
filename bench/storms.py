"""`python -m bench.storms [NAME…] [--set KEY=VALUE…]`: what those who are connected notice while others storm.

Twenty pairs exchange 1,000 messages a second; after a second the storm begins. What is printed is their latency, what
was lost, and how long the storm took.
"""

from __future__ import annotations

import argparse
import json
import resource
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from app.mqtt.packets import MQTT_3_1_1, Publish, Subscribe, SubscribeFilter
from bench.build import built
from tests.harness.node import NodeProcess
from tests.harness.playbook import connect_packet

_CALM_S: Final = 1.0
_WATCHED_S: Final = 8
_WATCHED: Final = ("-P", "20", "-S", "20", "-r", "1000", "-d", str(_WATCHED_S), "-u", "0.5")
_LONGEST_S: Final = 120
_FLEET: Final = 10_000
_RETAINED: Final = 10_000
_LISTENERS: Final = 20
_BAD_S: Final = 4.0
_SLOW: Final = 2_000
_IDLE_TIMEOUT_S: Final = 3
_BAD_PACKETS: Final = (
    b"\x00\x00",
    b"\x10\xff\xff\xff\xff",
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x30\x02\x00\x09",
)

Storm = Callable[[int], str]
"""Storms at a port; returns what came of it."""


def _pause(seconds: float) -> None:
    """Do nothing for a while, which is what a slow client does."""
    threading.Event().wait(seconds)


def _load(port: int, *options: object) -> dict[str, Any]:
    """Run the load generator, and return its figures."""
    command = [
        str(built("load")),
        "-p",
        str(port),
        "-i",
        "storm",
        "-d",
        "0.1",
        "-u",
        "0",
        *map(str, options),
    ]
    done = subprocess.run(command, capture_output=True, check=False, timeout=_LONGEST_S)
    if done.returncode:
        raise SystemExit(done.stderr.decode())
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def connects(port: int) -> str:
    """Have very many clients connect at once."""
    figures = _load(port, "-P", 0, "-S", 0, "-I", _FLEET, "-c", _FLEET)
    return f"{_FLEET:,} connected within {figures['connect_s']:.1f} s"


def reconnects(port: int) -> str:
    """Have them all vanish, and connect again at once."""
    connects(port)
    figures = _load(port, "-P", 0, "-S", 0, "-I", _FLEET, "-c", _FLEET)
    return f"{_FLEET:,} were back within {figures['connect_s']:.1f} s"


def subscribes(port: int) -> str:
    """Have ten clients subscribe to 10,000 filters each, in one chunk each."""
    figures = _load(port, "-P", 0, "-S", 10, "-t", "wildcards", "-F", 10_000)
    return f"100,000 subscriptions within {figures['connect_s']:.1f} s"


def retained(port: int) -> str:
    """Have clients subscribe to everything where very much is retained."""
    with ExitStack() as open_ones:
        publisher = open_ones.enter_context(_client(port, "storm-p"))
        for number in range(_RETAINED):
            topic = f"storm/{number}"
            publisher.sendall(Publish(topic, b"x" * 64, 0, True).encode(MQTT_3_1_1))
        publisher.sendall(Publish("storm", b"", 1, packet_id=1).encode(MQTT_3_1_1))
        publisher.recv(4)  # all of it is retained now
        started = time.monotonic()
        readers = [open_ones.enter_context(_client(port, f"storm-{i}")) for i in range(_LISTENERS)]
        wanted = Subscribe(1, (SubscribeFilter("storm/#", 0),)).encode(MQTT_3_1_1)
        for reader in readers:
            reader.sendall(wanted)
        size = _RETAINED * 64
        for reader in readers:
            got = 0
            while got < size:
                got += len(reader.recv(1 << 20))
        taken_s = time.monotonic() - started
    return f"{_LISTENERS} times {_RETAINED:,} retained messages within {taken_s:.1f} s"


def bad_packets(port: int) -> str:
    """Connect again and again, and send what is no MQTT."""
    count = 0
    until = time.monotonic() + _BAD_S
    while time.monotonic() < until:
        with socket.create_connection(("127.0.0.1", port)) as bad:
            bad.sendall(_BAD_PACKETS[count % len(_BAD_PACKETS)])
        count += 1
    return f"{count / _BAD_S:,.0f} connections with bad packets a second"


def slow_clients(port: int) -> str:
    """Have very many connect who say their CONNECT a byte at a time."""
    packet = connect_packet("storm", version=MQTT_3_1_1).encode(MQTT_3_1_1)
    with ExitStack() as open_ones:
        slow = [
            open_ones.enter_context(socket.create_connection(("127.0.0.1", port)))
            for _ in range(_SLOW)
        ]
        started = time.monotonic()
        closed = 0
        for place in range(min(6, len(packet))):
            _pause(1)
            left = []
            for one in slow:
                try:
                    one.sendall(packet[place : place + 1])
                    left.append(one)
                except OSError:
                    closed += 1
            slow = left
        taken_s = time.monotonic() - started
    return f"{closed:,} of {_SLOW:,} that never finished CONNECT were closed within {taken_s:.0f} s"


STORMS: Final[dict[str, tuple[Storm, dict[str, str]]]] = {
    "connects": (connects, {}),
    "reconnects": (reconnects, {}),
    "subscribes": (subscribes, {}),
    "retained": (retained, {}),
    "bad-packets": (bad_packets, {}),
    "slow-clients": (slow_clients, {"zone.external.idle_timeout": f"{_IDLE_TIMEOUT_S}s"}),
}
_SETTINGS: Final = {"allow_anonymous": "true", "log.level": "error"}


@contextmanager
def _client(port: int, clientid: str) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=_LONGEST_S) as client:
        client.sendall(connect_packet(clientid, version=MQTT_3_1_1).encode(MQTT_3_1_1))
        client.recv(4)
        yield client


def _weathered(name: str, overrides: dict[str, str]) -> str:
    """Return a storm's line of the table."""
    storm, settings = STORMS[name]
    with ExitStack() as running:
        folder = running.enter_context(tempfile.TemporaryDirectory(prefix="storm-"))
        node = running.enter_context(
            NodeProcess(Path(folder), (), **{**_SETTINGS, **settings, **overrides})
        )
        port = node.ports["tcp"]
        watched = subprocess.Popen(
            [str(built("load")), "-p", str(port), *_WATCHED],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        _pause(_CALM_S)
        outcome = storm(port)
        out, _ = watched.communicate(timeout=_LONGEST_S)
    figures = json.loads(out)
    p50, p99, worst = (figures[key] / 1000 for key in ("p50_us", "p99_us", "max_us"))
    return f"| {name} | {outcome} | {p50:.2f} | {p99:.1f} | {worst:.0f} | {figures['lost']} |"


def main() -> None:
    """Storm as asked, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.storms", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*STORMS, []], metavar="NAME")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    overrides = dict(text.split("=", 1) for text in options.set)
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    built("load")
    print(
        "| storm | what came of it | p50 ms | p99 ms | worst ms | lost |\n|---|---|---|---|---|---|"
    )
    for name in options.names or STORMS:
        print(_weathered(name, overrides), flush=True)


if __name__ == "__main__":
    main()
