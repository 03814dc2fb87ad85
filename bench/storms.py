"""`python -m bench.storms [NAME…] [--servers NAME…] [--runs N]`: what those who are connected notice of storms.

Twenty pairs exchange 1,000 messages a second, of which the latency is measured while nothing else happens, and then
from the beginning of a storm until what it asked for is done. The server has a core of its own; who storms shares the
other with the pairs, and stands back behind them. The table goes into RESULTS.md.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from app.compiled_form import FORM, MODULES
from app.mqtt.packets import MQTT_3_1_1, Publish, Subscribe, SubscribeFilter
from bench.build import built
from bench.results import write_part
from bench.rows import MOSQUITTO
from bench.servers import GODWIT, Server, serve
from tests.harness.playbook import connect_packet

PART: Final = "Storms"
_SERVER_CORE: Final = "0"
_LOAD_CORE: Final = "1"
_LAST_IN_LINE: Final = 19
_PAIRS: Final = ("-P", "20", "-S", "20", "-r", "1000", "-u", "0.5")
_QUIET_S: Final = 2
_LONGEST_S: Final = 120
_FLEET: Final = 10_000
_KEPT_FLEET: Final = 5_000
_RETAINED: Final = 10_000
_LISTENERS: Final = 20
_BAD_S: Final = 3.0
_BAD_AT_ONCE: Final = 50
_SLOW: Final = 2_000
_SLOW_S: Final = 6
_IDLE_TIMEOUT_S: Final = 3
_BAD_PACKETS: Final = (
    b"\x00\x00",
    b"\x10\xff\xff\xff\xff",
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x30\x02\x00\x09",
)
_GROWTH: Final = 0.01
"""By which share of the machine's memory queues may grow before newcomers are refused."""
_FILLERS: Final = 40
_FILLER: Final = b"x" * 65_536
_HEADS: Final = (
    "storm",
    "server",
    "what came of it",
    "quiet p50, p99 ms",
    "meanwhile p50, p99, worst ms",
    "lost",
    "refused",
    "most memory",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a storm."""

    text: str
    took_s: float
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Storm:
    """One kind of storm.

    Attributes:
        rage: Storms at a server, and returns what came of it; `{took}` in its text is how long it took.
        prepare: What has to be there before; it is no part of the storm.
        settings: Those of ours that it takes.
        has_rival: Whether Mosquitto can do the same.
    """

    rage: Callable[[Server], Outcome]
    prepare: Callable[[Server], None] = lambda _server: None
    settings: Mapping[str, str] = field(default_factory=dict)
    has_rival: bool = True


def _pause(seconds: float) -> None:
    """Do nothing for a while, which is what a slow client does."""
    threading.Event().wait(seconds)


def _command(port: int, *options: object) -> list[str]:
    own = map(str, options)
    return [str(built("load")), "-p", str(port), "-i", "storm", "-d", "0.1", "-u", "0", *own]


def _load(port: int, *options: object) -> dict[str, Any]:
    """Run the load generator, and return its figures."""
    done = subprocess.run(
        _command(port, *options), capture_output=True, check=False, timeout=_LONGEST_S
    )
    if done.returncode:
        raise SystemExit(done.stderr.decode())
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


_ALL_AT_ONCE: Final = ("-P", 0, "-S", 0, "-I", _FLEET, "-c", _FLEET)
_KEPT_AT_ONCE: Final = (
    "-P",
    0,
    "-S",
    _KEPT_FLEET,
    "-C",
    "-t",
    "wildcards",
    "-F",
    1,
    "-c",
    _KEPT_FLEET,
)


def connects(server: Server) -> Outcome:
    """Have very many clients connect at once, and go at once."""
    took_s = _load(server.port, *_ALL_AT_ONCE)["connect_s"]
    return Outcome(f"{_FLEET:,} connected within {took_s:.1f} s, and went", took_s)


def _vanish(server: Server, options: Sequence[object]) -> None:
    """Have clients connect and vanish all in one instant."""
    fleet = subprocess.Popen(
        [*_command(server.port, *options), "-d", str(_LONGEST_S)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert fleet.stderr is not None
    fleet.stderr.readline()
    fleet.kill()
    fleet.wait()


def reconnects(server: Server) -> Outcome:
    """Have a fleet vanish and connect again at once."""
    _vanish(server, _ALL_AT_ONCE)
    took_s = _load(server.port, *_ALL_AT_ONCE)["connect_s"]
    return Outcome(f"{_FLEET:,} came, vanished and were back within {took_s:.1f} s", took_s)


def kept_reconnects(server: Server) -> Outcome:
    """Have a fleet of kept sessions come back at once, and subscribe again."""
    took_s = _load(server.port, *_KEPT_AT_ONCE)["connect_s"]
    return Outcome(
        f"{_KEPT_FLEET:,} kept sessions were back, and subscribed, within {took_s:.1f} s", took_s
    )


def subscribes(server: Server) -> Outcome:
    """Have ten clients subscribe to 10,000 filters each, in one chunk each."""
    took_s = _load(server.port, "-P", 0, "-S", 10, "-t", "wildcards", "-F", 10_000)["connect_s"]
    return Outcome(f"100,000 subscriptions within {took_s:.1f} s", took_s)


def _retain(server: Server) -> None:
    """Have very much retained."""
    with _client(server.port, "storm-p") as publisher:
        for number in range(_RETAINED):
            topic = f"storm/{number}"
            publisher.sendall(Publish(topic, b"x" * 64, 0, True).encode(MQTT_3_1_1))
        publisher.sendall(Publish("storm", b"", 1, packet_id=1).encode(MQTT_3_1_1))
        publisher.recv(4)  # all of it is retained now


def retained(server: Server) -> Outcome:
    """Have clients subscribe to everything where very much is retained."""
    with ExitStack() as open_ones:
        started = time.monotonic()
        readers = [
            open_ones.enter_context(_client(server.port, f"storm-{i}")) for i in range(_LISTENERS)
        ]
        wanted = Subscribe(1, (SubscribeFilter("storm/#", 0),)).encode(MQTT_3_1_1)
        for reader in readers:
            reader.sendall(wanted)
        for reader in readers:
            got = 0
            while got < _RETAINED * 64:
                got += len(reader.recv(1 << 20))
        took_s = time.monotonic() - started
    return Outcome(
        f"{_LISTENERS} times {_RETAINED:,} retained messages within {took_s:.1f} s", took_s
    )


def bad_packets(server: Server) -> Outcome:
    """Connect again and again, send what is no MQTT, and wait to be closed."""
    count = 0
    started = time.monotonic()
    while time.monotonic() < started + _BAD_S:
        with ExitStack() as open_ones:
            address = ("127.0.0.1", server.port)
            bad = [
                open_ones.enter_context(socket.create_connection(address, timeout=_LONGEST_S))
                for _ in range(_BAD_AT_ONCE)
            ]
            for number, one in enumerate(bad):
                one.sendall(_BAD_PACKETS[number % len(_BAD_PACKETS)])
            for one in bad:
                try:
                    while one.recv(4_096):
                        pass
                except ConnectionResetError:
                    pass
        count += _BAD_AT_ONCE
    took_s = time.monotonic() - started
    return Outcome(f"{count / took_s:,.0f} connections that were closed a second", took_s)


def slow_clients(server: Server) -> Outcome:
    """Have very many connect who say their CONNECT a byte at a time."""
    packet = connect_packet("storm", version=MQTT_3_1_1).encode(MQTT_3_1_1)
    closed = 0
    with ExitStack() as open_ones:
        address = ("127.0.0.1", server.port)
        slow = [open_ones.enter_context(socket.create_connection(address)) for _ in range(_SLOW)]
        for place in range(_SLOW_S):
            _pause(1)
            left = []
            for one in slow:
                try:
                    one.sendall(packet[place : place + 1])
                    left.append(one)
                except OSError:
                    closed += 1
            slow = left
    return Outcome(
        f"{closed:,} of {_SLOW:,} that never finish CONNECT were closed within {_SLOW_S} s", _SLOW_S
    )


def memory(server: Server) -> Outcome:
    """Fill the queues of clients that are away until newcomers are refused, and look who stays."""
    packet_ids = [number % 65_535 + 1 for number in range(_FILLERS * 100)]
    for number in range(_FILLERS):
        with _client(server.port, f"away-{number}", clean_start=False) as away:
            away.sendall(Subscribe(1, (SubscribeFilter(f"away/{number}", 1),)).encode(MQTT_3_1_1))
            away.recv(5)
    started = time.monotonic()
    acknowledged = refused = 0
    with _client(server.port, "filler") as filler:
        until = started + _LONGEST_S
        while not refused and time.monotonic() < until:
            for packet_id in packet_ids[:_FILLERS]:
                topic = f"away/{packet_id % _FILLERS}"
                filler.sendall(Publish(topic, _FILLER, 1, packet_id=packet_id).encode(MQTT_3_1_1))
            left = 4 * _FILLERS
            while left:
                left -= len(filler.recv(left))
            acknowledged += _FILLERS
            refused = _is_refused(server.port)
        for _ in range(100):
            refused += _is_refused(server.port)
        took_s = time.monotonic() - started
    return Outcome(
        f"{acknowledged * len(_FILLER) / 1e6:,.0f} MB acknowledged for clients that are away, then newcomers refused "
        f"with 0x88 and nobody else",
        took_s,
        refused,
    )


def _is_refused(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=_LONGEST_S) as newcomer:
        newcomer.sendall(connect_packet("newcomer", version=MQTT_3_1_1).encode(MQTT_3_1_1))
        return newcomer.recv(4)[3:] != b"\0"


def _watermark() -> str:
    """Return a little more than the share of the machine's memory that is in use."""
    facts = {
        line.split(":")[0]: int(line.split()[1])
        for line in Path("/proc/meminfo").read_text().splitlines()
    }
    return f"{100 * (1 - facts['MemAvailable'] / facts['MemTotal'] + _GROWTH):.2f}%"


STORMS: Final[dict[str, Storm]] = {
    "connects": Storm(connects),
    "reconnects": Storm(reconnects),
    "kept-reconnects": Storm(kept_reconnects, lambda server: _vanish(server, _KEPT_AT_ONCE)),
    "subscribes": Storm(subscribes),
    "retained": Storm(retained, _retain),
    "bad-packets": Storm(bad_packets),
    "slow-clients": Storm(
        slow_clients, settings={"zone.external.idle_timeout": f"{_IDLE_TIMEOUT_S}s"}
    ),
    "memory": Storm(
        memory,
        settings={"zone.external.max_mqueue_len": "0", "storage.compact_at": "2GB"},
        has_rival=False,
    ),
}
_SETTINGS: Final = {"zone.external.max_mqueue_len": "1000"}


@contextmanager
def _client(port: int, clientid: str, *, clean_start: bool = True) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=_LONGEST_S) as client:
        packet = connect_packet(clientid, version=MQTT_3_1_1, clean_start=clean_start)
        client.sendall(packet.encode(MQTT_3_1_1))
        client.recv(4)
        yield client


@dataclass(frozen=True, slots=True)
class Weathered:
    """One run of one storm at one server; times in milliseconds."""

    outcome: Outcome
    quiet: tuple[float, float]
    meanwhile: tuple[float, float, float]
    lost: int
    memory_mb: float


def _watched(port: int, during: Callable[[], Outcome | None]) -> tuple[dict[str, Any], Outcome]:
    """Measure the pairs' latency until something is done."""
    command = ["taskset", "-c", _LOAD_CORE, str(built("load")), "-p", str(port), *_PAIRS]
    pairs = subprocess.Popen(
        [*command, "-d", str(_LONGEST_S)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert pairs.stderr is not None
    pairs.stderr.readline()
    _pause(0.5)  # its warm-up
    outcome = during() or Outcome("", 0)
    pairs.send_signal(signal.SIGTERM)
    out, _ = pairs.communicate(timeout=_LONGEST_S)
    figures: dict[str, Any] = json.loads(out)
    return figures, outcome


def _stand_back() -> None:
    """Have this thread, and what it starts, storm on the load's core behind the pairs."""
    thread = threading.get_native_id()
    os.sched_setaffinity(thread, {int(_LOAD_CORE)})
    os.setpriority(os.PRIO_PROCESS, thread, _LAST_IN_LINE)


def weather(name: str, server_name: str, overrides: Mapping[str, str]) -> Weathered:
    """Let one storm rage at a fresh server."""
    storm = STORMS[name]
    settings = {**_SETTINGS, **storm.settings, **overrides}
    if name == "memory":
        settings["os_mon.refuse_watermark"] = _watermark()
    with (
        serve(server_name, _SERVER_CORE, settings) as server,
        ThreadPoolExecutor(1, "storm", _stand_back) as stormer,
    ):
        stormer.submit(storm.prepare, server).result()
        quiet, _ = _watched(server.port, lambda: _pause(_QUIET_S))
        figures, outcome = _watched(
            server.port, lambda: stormer.submit(storm.rage, server).result()
        )
        status = Path(f"/proc/{server.pid}/status").read_text()
    peak_kb = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return Weathered(
        outcome,
        (quiet["p50_us"] / 1e3, quiet["p99_us"] / 1e3),
        (figures["p50_us"] / 1e3, figures["p99_us"] / 1e3, figures["max_us"] / 1e3),
        figures["lost"],
        int(peak_kb) / 1e3,
    )


def line_of(name: str, server: str, runs: Sequence[Weathered]) -> str:
    """Return the line of the table: medians of the runs, the worst of what was lost or refused."""
    texts = [sorted(runs, key=lambda run: run.outcome.took_s)[len(runs) // 2].outcome.text]
    texts.append(_medians([run.quiet for run in runs]))
    texts.append(_medians([run.meanwhile for run in runs]))
    texts += [f"{max(run.lost for run in runs)}", f"{max(run.outcome.refused for run in runs)}"]
    texts.append(f"{max(run.memory_mb for run in runs):,.0f} MB")
    return "| " + " | ".join((name, server, *texts)) + " |"


def _medians(figures: Sequence[Sequence[float]]) -> str:
    return ", ".join(f"{statistics.median(column):.2f}" for column in zip(*figures, strict=True))


def _note(runs: int) -> str:
    importlib.import_module(MODULES[0])
    command = " ".join(["python -m bench.storms", *sys.argv[1:]])
    return (
        f"`{command}`: medians of {runs}. Twenty pairs with 1,000 messages a second notice this of others, from the "
        "beginning\nof a storm to its end; quiet is before it. Who storms shares a core with the pairs, behind them.\n"
        f"{FORM.sentence()}."
    )


def main() -> None:
    """Storm as asked, print the table, and put it into RESULTS.md."""
    parser = argparse.ArgumentParser(prog="python -m bench.storms", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*STORMS, []], metavar="NAME")
    parser.add_argument("--servers", nargs="+", default=[GODWIT, MOSQUITTO])
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--dry", action="store_true", help="do not write RESULTS.md")
    options = parser.parse_args()
    overrides = dict(text.split("=", 1) for text in options.set)
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    built("load")
    lines = ["| " + " | ".join(_HEADS) + " |", "|" + "---|" * len(_HEADS)]
    print("\n".join(lines), flush=True)
    for name in options.names or STORMS:
        for server in options.servers:
            if server == GODWIT or STORMS[name].has_rival:
                runs = [weather(name, server, overrides) for _ in range(options.runs)]
                lines.append(line_of(name, server, runs))
                print(lines[-1], flush=True)
    if not options.dry:
        write_part(PART, "\n".join([_note(options.runs), "", *lines]))


if __name__ == "__main__":
    main()
