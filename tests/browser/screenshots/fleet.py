"""Devices that have something to say: one that is slow, one that is away, one that is refused, and their readers."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.harness.node import NodeProcess, eventually

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
READERS = {"billing": "site/+/value", "gateway-north": "$share/gateways/site/+/value"}
AWAY, SLOW = "archive", "display-lobby"
MESSAGE_INTERVAL_S = 0.05
SLOW_ANSWER_S = 0.9


@contextmanager
def fleet(node: NodeProcess) -> Iterator[None]:
    """Have clients that subscribe and publish."""
    stop, clients = threading.Event(), [_client(node, *one) for one in CLIENTS]
    slow = _slow(node, stop)
    _leave_a_session(node)

    def talk() -> None:
        turn = 0
        while not stop.wait(MESSAGE_INTERVAL_S):
            turn += 1
            name, user, _version = CLIENTS[turn % len(CLIENTS)]
            value = {"value": round(21 + 3 * math.sin(turn / 40), 2), "unit": "°C", "line": user}
            clients[turn % len(clients)].publish(
                f"site/{name}/value", json.dumps(value), qos=int("press" in name), retain=True
            )

    talker = threading.Thread(target=talk)
    talker.start()
    try:
        yield
    finally:
        stop.set()
        talker.join()
        for client in (*clients, slow):
            client.disconnect()
            client.loop_stop()


def _client(node: NodeProcess, name: str, user: str | None, version: int) -> Any:
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, name, protocol=version)
    if user is not None:
        client.username_pw_set(user, "secret")
    client.will_set(f"site/{name}/state", "offline")
    client.connect(*node.tcp)
    client.subscribe(READERS.get(name, f"site/{name}/set"))
    client.loop_start()
    return client


def _slow(node: NodeProcess, stop: threading.Event) -> Any:
    """Return one that acknowledges late: its messages are on their way, and wait."""
    client = paho.Client(
        paho.CallbackAPIVersion.VERSION2, SLOW, protocol=paho.MQTTv5, manual_ack=True
    )

    def answer_later(_client: Any, _data: Any, message: Any) -> None:
        stop.wait(SLOW_ANSWER_S)
        client.ack(message.mid, message.qos)

    client.on_message = answer_later
    properties = Properties(PacketTypes.CONNECT)
    properties.ReceiveMaximum = 4
    client.connect(*node.tcp, properties=properties)
    client.subscribe("site/press-07/value", qos=1)
    client.loop_start()
    return client


def _leave_a_session(node: NodeProcess) -> None:
    """Have one whose session is kept while it is away."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, AWAY, protocol=paho.MQTTv5)
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 86_400
    client.connect(*node.tcp, properties=properties)
    client.loop_start()
    eventually(client.is_connected, f"{AWAY} connects")
    client.subscribe("site/#", qos=1)
    eventually(lambda: node.data(f"subscriptions/{AWAY}"), f"{AWAY} is subscribed")
    client.disconnect()
    client.loop_stop()
