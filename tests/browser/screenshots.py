"""Photographs of every page in the menu, by `make screenshots`: at 1440 and at 390 pixels, light and dark.

    python -m tests.browser.screenshots [NAME …]

A node of its own is started, with clients that have something to say.
"""

from __future__ import annotations

import math
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho

from app.config import load_settings
from app.dashboard.pages import all_pages
from app.models import Database, HistorySample
from app.services.history import SPANS
from tests.browser import chromium
from tests.harness.node import ROOT, NodeProcess

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FOLDER = ROOT / "docs" / "screenshots"
WIDE = 1440
WIDTHS = {WIDE: 1000, 390: 844}
THEMES = ("light", "dark")
CLIENTS = (
    ("thermostat-hall", "building-a", 5),
    ("thermostat-lab", "building-a", 5),
    ("press-07", "line-2", 4),
    ("press-08", "line-2", 4),
    ("gateway-north", "gateways", 4),
    ("gateway-south", "gateways", 5),
    ("billing", "backend", 5),
    ("weather-station", None, 4),
)
MESSAGE_INTERVAL_S = 0.05
SHOWN = {"client": "/clients/client?clientid=billing"}
"""Pages of one thing, with the one that is photographed."""
MODULES = ("emqx_mod_topic_metrics", "emqx_mod_slow_subs", "emqx_mod_trace", "emqx_mod_delayed")


@contextmanager
def fleet(node: NodeProcess) -> Iterator[None]:
    """Have clients that subscribe and publish."""
    stop, clients = threading.Event(), [_client(node, *one) for one in CLIENTS]

    def talk() -> None:
        turn = 0
        while not stop.wait(MESSAGE_INTERVAL_S):
            turn += 1
            name, _user, _version = CLIENTS[turn % len(CLIENTS)]
            clients[turn % len(clients)].publish(f"site/{name}/value", str(turn), retain=True)

    talker = threading.Thread(target=talk)
    talker.start()
    try:
        yield
    finally:
        stop.set()
        talker.join()
        for client in clients:
            client.disconnect()
            client.loop_stop()


def _client(node: NodeProcess, name: str, user: str | None, version: int) -> Any:
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, name, protocol=version)
    if user is not None:
        client.username_pw_set(user, "secret")
    client.connect(*node.tcp)
    client.subscribe("site/+/value" if name in ("billing", "gateway-north") else f"site/{name}/set")
    client.loop_start()
    return client


def remember(node: NodeProcess) -> None:
    """Write down an hour of history, which a node that has just started does not have."""
    level = SPANS["1h"]
    database = Database(load_settings({"GODWIT_INSTANCE": str(node.instance)}))
    name = node.data("nodes")[0]["node"]
    now_ms = time.time_ns() // 1_000_000
    newest = now_ms - now_ms % (level.period_s * 1000)
    try:
        with database.session() as session:
            for step in range(1, level.periods):
                session.merge(
                    _sample(
                        name, level.period_s, level.periods, newest - step * level.period_s * 1000
                    )
                )
    finally:
        database.close()


def set_going(node: NodeProcess) -> None:
    """Switch on what is off by default, and give it something to show."""
    for module in MODULES:
        node.api("PUT", f"/api/v4/modules/{module}/load")
    for name, _user, _version in CLIENTS[:2]:
        node.api("POST", "/api/v4/topic-metrics", {"topic": f"site/{name}/value"})
    trace = {"name": "press", "type": "clientid", "clientid": "press-07"}
    node.api("POST", "/api/v4/trace", trace)
    message = {"topic": "$delayed/600/site/later", "payload": '{"when": "later"}'}
    node.api("POST", "/api/v4/mqtt/publish", message)


def _sample(node: str, period_s: int, periods: int, at_ms: int) -> HistorySample:
    covered_ms = period_s * 1000
    wave = math.sin(at_ms / 420_000) + 0.4 * math.sin(at_ms / 97_000)
    connections = round(len(CLIENTS) - 1 + wave)
    received = int(period_s * (18 + 6 * wave + 2 * math.sin(at_ms / 31_000)))
    return HistorySample(
        node=node,
        period_s=period_s,
        slot=at_ms // covered_ms % periods,
        at=at_ms,
        covered_ms=covered_ms,
        connections=connections * covered_ms,
        sessions=(connections + 1) * covered_ms,
        subscriptions=connections * covered_ms,
        topics=(connections - 1) * covered_ms,
        retained=len(CLIENTS) * covered_ms,
        memory=int((92 + 3 * wave) * 2**20) * covered_ms,
        messages_received=received,
        messages_sent=received * 2,
        messages_dropped=max(0, int(40 * wave) - 45),
        bytes_received=received * 180,
        bytes_sent=received * 360,
        cpu_ms=int(period_s * 10 * (4 + wave)),
    )


def photograph(browser: Browser, node: NodeProcess, names: list[str]) -> None:
    """Take the pictures: of the pages with these names, or of all."""
    pages = [
        ("login", "/login"),
        *((page.name, SHOWN.get(page.name, page.path)) for page in all_pages()),
    ]
    wanted = [(name, path) for name, path in pages if not names or name in names]
    for width, height in WIDTHS.items():
        for theme in THEMES:
            context = chromium.opened(
                browser,
                node,
                viewport={"width": width, "height": height},
                color_scheme=theme,
                locale="en-US",
            )
            page, is_outside = context.new_page(), True
            for name, path in wanted:
                if name != "login" and is_outside:
                    chromium.log_in(page, node)
                    is_outside = False
                page.goto(chromium.at(node, path))
                page.wait_for_load_state("networkidle")
                page.screenshot(path=FOLDER / f"{name}-{width}-{theme}.png", full_page=width < WIDE)
            context.close()


def main(names: list[str]) -> int:
    """Photograph, and return the exit status."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        node = stack.enter_context(NodeProcess(folder))
        stack.enter_context(fleet(node))
        remember(node)
        set_going(node)
        photograph(stack.enter_context(chromium.launched()), node, names)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
