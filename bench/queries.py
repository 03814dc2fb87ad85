"""How long the lists of the management API take with a large fleet: `python -m bench.queries`.

The node and its thread are real; the fleet is made of channels and sessions without sockets, which is what a list
reads. Beside each list a ticker on the broker's loop notes the longest time that MQTT would have had to wait.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

from app.api.endpoint import Call
from app.api.v2.clients import client_row as v2_client_row
from app.api.v2.sessions import session_row as v2_session_row
from app.api.v3.connections import connection_row as v3_connection_row
from app.api.v3.sessions import session_row as v3_session_row
from app.api.v4.clients import client_row
from app.api.v4.retained import retained_row
from app.api.v4.routes import route_row
from app.api.v4.rules import list_rules
from app.api.v4.subscriptions import subscription_row
from app.broker.broker import Broker
from app.broker.channel.channel import Channel
from app.broker.client_info import ClientInfo
from app.broker.message import Message
from app.broker.router import SubOptions
from app.broker.session import Session
from app.broker.wire import CLOSED_WIRE
from app.clock import SystemClock
from app.config import BrokerConfig, NodeSettings, Settings
from app.models import Database
from app.node import Node
from app.node.http_listeners import HttpListeners
from app.node.proxy import ClientQuery, ClientRow, PageRequest, SubscriptionQuery
from app.node.queries import SORTED_MAX_ROWS
from app.secret_box import SecretBox
from app.services.retainer import record_of
from app.services.rule_engine import RuleServices
from app.services.rule_records import RuleRecord, compiled
from app.services.rules import RulesService
from app.startup import InstanceLock

FLEET: Final = 100_000
RUNS: Final = 7
PAGE: Final = 50
RULES: Final = 10_000
HEADS: Final = ("ms", "bound", "cpu ms", "cpu at once", "bound", "stall ms")


class Case(NamedTuple):
    """One question, and how long its answer may take."""

    name: str
    ask: Callable[[Node], Any]
    most_ms: float | None
    most_stall_ms: float | None = None


class Figure(NamedTuple):
    """How long an answer took, and what the loop had to wait for it at most."""

    median_ms: float
    cpu_ms: float
    """Of the broker's thread and the one that asks: what the answer takes on a machine that has nothing else to do."""
    at_once_ms: float
    """Of that, the longest piece between two turns of the loop: what MQTT waits for at most, on such a machine."""
    stall_ms: float
    """What it waited at most by the clock, while others had the processor too."""


def populate(broker: Broker, fleet: int) -> None:
    """Make clients with a session, a subscription and a retained message each; on the loop."""
    core = broker.core
    zone = broker.config.zones["external"]
    options = SubOptions(1)
    for number in range(fleet):
        client = ClientInfo(zone, "mqtt:tcp:external", "10.0.0.1", 50_000, 1883)
        client.clientid = f"device-{number:06}"
        client.username = f"site-{number % 1_000:03}"
        channel = Channel(core, client, CLOSED_WIRE)
        if channel.keepalive_timer is not None:
            channel.keepalive_timer.cancel()
        channel.session = Session(client.clientid, zone, core.metrics, core.clock)
        channel.is_connected = number % 10 != 0
        core.cm.channels[client.clientid] = channel
        core.subscriptions.add(channel.session, f"fleet/{number}/in", options)
        state = Message(f"fleet/{number}/state", b"on", 1, True, core.clock.wall_ms())
        core.retained.on_publish(state)


def cases(fleet: int) -> list[Case]:
    """Return the questions."""
    pages = {"first": 1, "middle": fleet // PAGE // 2, "last": fleet // PAGE}
    found = []
    for name, number in pages.items():
        page = PageRequest(number, PAGE)
        found += [
            Case(f"clients, {name} page", _clients(ClientQuery(), page), 20),
            Case(f"subscriptions, {name} page", _subscriptions(SubscriptionQuery(), page), 20),
            Case(f"routes, {name} page", _routes(page), 20),
            Case(f"retained, {name} page", _retained("#", page), 20),
        ]
    found += _of_older_generations(pages)
    one, wanted = PageRequest(1, PAGE), f"device-{fleet - 2:06}"
    found += [
        Case("client by id", lambda node: node.client(wanted, client_row), 5),
        Case("clients, clientid=", _clients(ClientQuery(clientid=wanted), one), 5),
        Case("subscriptions of a client", _subscriptions_of(wanted), 5),
        Case(
            "clients, _like_clientid, last", _clients(ClientQuery(like_clientid=wanted), one), 300
        ),
        Case("clients, _like_username, none", _clients(ClientQuery(like_username="x"), one), 300),
        Case("clients, username=", _clients(ClientQuery(username="site-999"), one), 300),
        Case(
            "subscriptions, clientid=", _subscriptions(SubscriptionQuery(clientid=wanted), one), 5
        ),
        Case(
            "subscriptions, topic=", _subscriptions(SubscriptionQuery(topic="fleet/7/in"), one), 300
        ),
        Case(
            "subscriptions, _match_topic",
            _subscriptions(SubscriptionQuery(match_topic="x/#"), one),
            None,
        ),
        Case("clients, _sort=mqueue_len", _clients(ClientQuery(sort="mqueue_len"), one), 300),
        Case("clients, _sort=idle", _clients(ClientQuery(sort="idle"), one), 300),
        Case(
            "clients, _sort, the last page of it",
            _clients(ClientQuery(sort="dropped"), PageRequest(SORTED_MAX_ROWS // PAGE, PAGE)),
            None,
            5,
        ),
        Case("clients, 10,000 rows", _clients(ClientQuery(), PageRequest(1, 10_000)), None, 5),
        Case(
            "subscriptions, 10,000 rows",
            _subscriptions(SubscriptionQuery(), PageRequest(1, 10_000)),
            None,
            5,
        ),
        Case("retained, topic=fleet/+/none", _retained("fleet/+/none", one), 300, 5),
        Case("retained, 10,000 rows", _retained("#", PageRequest(1, 10_000)), None, 5),
        Case(f"rules of {RULES:,}, last page", _rules(RULES // PAGE), 20),
        Case("retained, all topics", lambda node: node.retained_pages.topics("#"), None, 5),
    ]
    return found


def _of_older_generations(pages: Mapping[str, int]) -> list[Case]:
    """Return the questions of the second and third generation, whose lists of clients know who is connected alone."""
    connected = ClientQuery(conn_state="connected")
    found = []
    for name, number in pages.items():
        # One of ten is away.
        page = PageRequest(max(number * 9 // 10, 1), PAGE, counted=True)
        found += [
            Case(f"v2 clients, {name} page", _clients(connected, page, v2_client_row), 20),
            Case(f"v3 connections, {name} page", _clients(connected, page, v3_connection_row), 20),
        ]
    last = PageRequest(pages["last"], PAGE)
    return [
        *found,
        Case("v2 sessions, last page", _clients(ClientQuery(), last, v2_session_row), 20),
        Case("v3 sessions, last page", _clients(ClientQuery(), last, v3_session_row), 20),
    ]


def _clients(
    query: ClientQuery, page: PageRequest, row: ClientRow = client_row
) -> Callable[[Node], Any]:
    return lambda node: node.clients(query, page, row)


def _retained(topic_filter: str, page: PageRequest) -> Callable[[Node], Any]:
    return lambda node: node.retained_pages.page(
        topic_filter, page, lambda message: retained_row(record_of(message))
    )


def _rules(page: int) -> Callable[[Node], Any]:
    """Ask for rules, which are no matter of the loop: request threads know them."""
    call = Call({"_page": str(page), "_limit": str(PAGE)}, None, 10_000)
    services: list[Any] = []

    def ask(node: Node) -> Any:
        if not services:
            services.append(SimpleNamespace(rules=_many_rules(node)))
        return list_rules(services[0], call)

    return ask


def _many_rules(node: Node) -> RulesService:
    folder = Path(tempfile.mkdtemp())
    database = Database(Settings(instance_dir=folder))
    made = RuleServices.over(
        node, node.extensions, database, SecretBox(folder), SystemClock(), folder
    )
    query = compiled('select * from "t/#"')
    for number in range(RULES):
        name = f"rule:{number * 7_919 % RULES:06}"
        made.rules._records[name] = RuleRecord(  # noqa: SLF001 - a database would take its time
            name,
            "",
            query,
            (),
            enabled=True,
            description="",
            on_action_failed="continue",
            created_at=number,
        )
    shutil.rmtree(folder)
    return made.rules


def _subscriptions(query: SubscriptionQuery, page: PageRequest) -> Callable[[Node], Any]:
    return lambda node: node.subscriptions(query, page, subscription_row)


def _subscriptions_of(clientid: str) -> Callable[[Node], Any]:
    return lambda node: node.subscriptions_of(clientid, subscription_row)


def _routes(page: PageRequest) -> Callable[[Node], Any]:
    return lambda node: node.routes(page, route_row)


class Ticker:
    """Takes every turn of the loop, and notes the longest time between two, by the clock and of its own processor."""

    def __init__(self) -> None:
        """Start with nothing noted."""
        self.longest_s = 0.0
        self.longest_cpu_s = 0.0
        self._running = True

    async def run(self) -> None:
        """Tick until told to stop. It makes the loop a busy one, so that lists wait for their share meanwhile."""
        before, used_before = time.perf_counter(), time.thread_time()
        while self._running:
            await asyncio.sleep(0)
            now, used = time.perf_counter(), time.thread_time()
            self.longest_s = max(self.longest_s, now - before)
            self.longest_cpu_s = max(self.longest_cpu_s, used - used_before)
            before, used_before = now, used

    def stop(self) -> None:
        """End with the next tick."""
        self._running = False


def measure(node: Node, case: Case, runs: int) -> Figure:
    """Ask some times, once for warmth; the median counts, and the median of the stalls."""
    case.ask(node)
    took, stalls, pieces = [], [0.0], [0.0]
    thread = node._thread  # noqa: SLF001 - only it knows what its thread has used
    used_s = thread.cpu_s() + time.thread_time()
    for _ in range(runs):
        began = time.perf_counter()
        case.ask(node)
        took.append((time.perf_counter() - began) * 1_000)
    cpu_ms = (thread.cpu_s() + time.thread_time() - used_s) * 1_000 / runs
    for _ in range(runs if case.most_stall_ms else 0):
        ticker = Ticker()
        node.extensions.call(node._broker.core.spawn, ticker.run())  # noqa: SLF001 - there is no other way in
        case.ask(node)
        ticker.stop()
        stalls.append(ticker.longest_s * 1_000)
        pieces.append(ticker.longest_cpu_s * 1_000)
    at_once_ms, stall_ms = statistics.median(pieces[-runs:]), statistics.median(stalls[-runs:])
    return Figure(statistics.median(took), cpu_ms, at_once_ms, stall_ms)


def report(fleet: int, runs: int) -> bool:
    """Measure and print every row; True where all are within their bounds."""
    with tempfile.TemporaryDirectory() as folder:
        node = Node(
            BrokerConfig(listeners=()),
            NodeSettings(call_timeout_s=60.0),
            SystemClock(),
            HttpListeners([], [], 4),
            InstanceLock(Path(folder) / "node.lock"),
        )
        node.start()
        try:
            node.extensions.call(populate, node._broker, fleet)  # noqa: SLF001 - the fleet has no other way in
            print(
                f"{fleet:,} clients, each with a session, a subscription and a retained message; median of {runs}\n"
            )
            heads = " | ".join(f"{head:>11}" for head in HEADS)
            print(f"| {'question':36} | {heads} | |")
            print(f"|{'-' * 38}|" + ("-" * 12 + ":|") * len(HEADS) + "---|")
            over = [case.name for case in cases(fleet) if not _row(node, case, runs)]
            return not over
        finally:
            node.stop()


def _row(node: Node, case: Case, runs: int) -> bool:
    figure = measure(node, case, runs)
    # The processor's time says it, not the clock's: neighbours on the machine are not what is measured.
    bounds = ((figure.cpu_ms, case.most_ms), (figure.at_once_ms, case.most_stall_ms))
    holds = all(most is None or value <= most for value, most in bounds)
    cells = (
        figure.median_ms,
        case.most_ms,
        figure.cpu_ms,
        figure.at_once_ms,
        case.most_stall_ms,
        figure.stall_ms,
    )
    shown = " | ".join(f"{_cell(cell):>11}" for cell in cells)
    print(f"| {case.name:36} | {shown} | {'' if holds else 'over'} |")
    return holds


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def main() -> int:
    """Print the rows; the exit status is 1 where one is over its bound."""
    parser = argparse.ArgumentParser(prog="python -m bench.queries")
    parser.add_argument("--fleet", type=int, default=FLEET)
    parser.add_argument("--runs", type=int, default=RUNS)
    arguments = parser.parse_args()
    return 0 if report(arguments.fleet, arguments.runs) else 1


if __name__ == "__main__":
    raise SystemExit(main())
