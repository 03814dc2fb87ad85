"""What an event's columns say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.broker.client_info import ClientInfo
from app.broker.cm import ManagedChannel
from app.broker.hooks import HOOK_POINTS
from app.broker.message import Message
from app.broker.router import SubOptions
from app.config import ZoneConfig
from app.mqtt.properties import Properties
from app.mqtt.reason_codes import ReasonCode
from app.rules.event_columns import printable
from app.rules.events import (
    EVENTS,
    Surroundings,
    columns_of,
    message_columns,
)
from app.rules.terms.values import UNDEFINED

NOW_MS = 1_700_000_000_000

CLIENT = ClientInfo(
    zone=ZoneConfig("external"),
    listener="mqtt:tcp:external",
    peerhost="192.168.0.10",
    peerport=56431,
    sockport=1883,
    clientid="c2",
    username="u2",
    proto_ver=5,
    keepalive_s=60,
    sockhost="10.0.0.9",
)
MESSAGE = Message(
    "t/a",
    b'{"msg":"hello"}',
    1,
    True,
    NOW_MS - 5,
    "c1",
    "u1",
    "10.0.0.1",
    Properties(
        message_expiry_interval=30,
        correlation_data=b"\xff",
        user_property=[("a", "1"), ("a", "2")],
    ),
)
CHANNEL = SimpleNamespace(
    client=CLIENT,
    session=SimpleNamespace(expiry_interval_s=3600, inflight_max=32),
    connected_at_ms=NOW_MS - 1,
)
AROUND = Surroundings(
    "node@host",
    lambda: NOW_MS,
    lambda clientid: cast("ManagedChannel", CHANNEL) if clientid == "c2" else None,
)
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "message.publish": (MESSAGE,),
    "message.delivered": ("c2", MESSAGE),
    "message.acked": ("c2", MESSAGE),
    "message.dropped": (MESSAGE, "no_subscribers"),
    "delivery.dropped": ("c2", MESSAGE, "queue_full"),
    "client.connected": (CLIENT,),
    "client.disconnected": (CLIENT, "kicked"),
    "client.connack": (CLIENT, ReasonCode.NOT_AUTHORIZED),
    "session.subscribed": (CLIENT, "$share/g/t/#", SubOptions(qos=2, identifier=7)),
    "session.unsubscribed": (CLIENT, "t/#"),
    "client.check_acl_complete": (CLIENT, "publish", "t/1", False),
}


def columns(name: str) -> dict[str, Any]:
    return dict(columns_of(EVENTS[name], AROUND, *ARGUMENTS[name]).everything())


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_an_event_takes_what_its_hook_point_gives(name: str) -> None:
    (point,) = [spec for spec in HOOK_POINTS if spec.name == EVENTS[name].hook]

    assert len(ARGUMENTS[name]) == len(point.fields)


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_an_event_has_the_columns_that_people_are_shown(name: str) -> None:
    event = EVENTS[name]

    assert set(event.columns) <= columns(name).keys()
    assert {column for column, _ in event.test_columns} <= columns(name).keys()


def test_all_events_have_when_where_and_what() -> None:
    for name in EVENTS:
        found = columns(name)
        assert (found["event"], found["timestamp"], found["node"]) == (name, NOW_MS, "node@host")


def test_a_message_s_columns() -> None:
    assert columns("message.publish") == {
        "event": "message.publish",
        "id": MESSAGE.id.upper(),
        "clientid": "c1",
        "username": "u1",
        "payload": '{"msg":"hello"}',
        "peerhost": "10.0.0.1",
        "topic": "t/a",
        "qos": 1,
        "flags": {"retain": True, "dup": False},
        "headers": {
            "username": "u1",
            "peerhost": "10.0.0.1",
            "properties": printable(MESSAGE.properties),
        },
        "pub_props": {
            "Message-Expiry-Interval": 30,
            "Correlation-Data": b"\xff",
            "User-Property": {"a": "2"},
            "User-Property-Pairs": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}],
        },
        "publish_received_at": NOW_MS - 5,
        "timestamp": NOW_MS,
        "node": "node@host",
    }


def test_nobody_in_particular_is_undefined_and_bytes_stay_bytes() -> None:
    found = message_columns(AROUND, Message("$SYS/x", b"\xff", 0, False, NOW_MS))

    assert found["clientid"] is found["username"] is found["peerhost"] is UNDEFINED
    assert found["payload"] == b"\xff"
    assert found["flags"] == {"retain": False, "dup": False, "sys": True}
    assert found["no_such_column"] is UNDEFINED


def test_a_delivery_has_both_sides() -> None:
    found = columns("message.delivered")

    assert (found["from_clientid"], found["from_username"]) == ("c1", "u1")
    assert (found["clientid"], found["username"]) == ("c2", "u2")
    assert found["peerhost"] == "192.168.0.10"
    assert columns("message.acked")["puback_props"] == {}
    assert columns("delivery.dropped")["reason"] == "queue_full"


def test_of_a_receiver_that_is_gone_the_client_id_is_known() -> None:
    found = columns_of(EVENTS["message.delivered"], AROUND, "gone", MESSAGE)

    assert found["clientid"] == "gone"
    assert found["username"] is found["peerhost"] is UNDEFINED


def test_a_connection_s_columns() -> None:
    found = columns("client.connected")

    assert found["peername"] == "192.168.0.10:56431"
    assert found["sockname"] == "10.0.0.9:1883"
    assert (found["proto_name"], found["proto_ver"], found["keepalive"]) == ("MQTT", 5, 60)
    assert (found["clean_start"], found["is_bridge"]) == (True, False)
    assert (found["expiry_interval"], found["receive_maximum"]) == (3600, 32)
    assert found["connected_at"] == NOW_MS - 1
    assert found["mountpoint"] is UNDEFINED


def test_reasons_go_by_their_names() -> None:
    assert columns("client.disconnected")["reason"] == "kicked"
    assert columns("client.connack")["reason_code"] == "not_authorized"


def test_a_shared_subscription_s_topic_is_the_filter_itself() -> None:
    found = columns("session.subscribed")

    assert (found["topic"], found["qos"]) == ("t/#", 2)
    assert found["sub_props"] == {"Subscription-Identifier": 7}


@pytest.mark.parametrize(
    ("event", "column"),
    [
        ("message.acked", "puback_props"),
        ("client.disconnected", "disconn_props"),
        ("session.subscribed", "sub_props"),
        ("session.unsubscribed", "unsub_props"),
    ],
)
def test_the_properties_of_a_packet_are_told_though_it_has_been_handled_since(
    event: str, column: str
) -> None:
    said = Properties(reason_string="why")
    CLIENT.said = said
    found = columns_of(EVENTS[event], AROUND, *ARGUMENTS[event])
    CLIENT.said = Properties()
    shown: Any = found[column]
    assert shown["Reason-String"] == "why"


def test_a_check_says_what_was_asked_and_answered() -> None:
    found = columns("client.check_acl_complete")

    assert (found["action"], found["topic"], found["result"]) == ("publish", "t/1", "deny")
