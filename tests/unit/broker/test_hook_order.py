"""A client's life, told by the hook points: every point of the table fires, and in EMQX's order."""

from __future__ import annotations

import asyncio
from typing import Any

from app.broker.enhanced_auth import Success
from app.broker.explaining import Question, explain
from app.broker.hooks import HOOK_POINTS, Stop
from app.mqtt.packets import (
    MQTT_3_1_1,
    Disconnect,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Subscribe,
    SubscribeFilter,
    Unsubscribe,
)
from app.mqtt.reason_codes import ReasonCode
from tests.harness.playbook import Client, Playbook, connect_packet

STAYS = {"session_expiry_interval": 60}
COMES_IN = ["client.connect", "client.authenticate", "client.connack", "client.connected"]


class Told:
    """What the hook points told since it was last asked."""

    def __init__(self, **settings: Any) -> None:
        self.playbook = Playbook(**settings)
        self.ever: set[str] = set()
        self._told: list[str] = []
        for spec in HOOK_POINTS:
            self.playbook.hook(spec.name, lambda *args, spec=spec: self._hear(spec, args))

    def _hear(self, spec: Any, args: tuple[Any, ...]) -> None:
        assert len(args) == len(spec.fields), f"{spec.name} says other things than its row"
        self._told.append(spec.name)
        self.ever.add(spec.name)

    def since(self) -> list[str]:
        told, self._told = self._told, []
        return told


def comes(told: Told, clientid: str = "c", **fields: Any) -> Client:
    client = told.playbook.connect(clientid, **fields)
    client.receives()
    return client


def lives_and_leaves(told: Told) -> None:
    client = comes(told)
    assert told.since() == [*COMES_IN[:2], "session.created", *COMES_IN[2:]]
    client.sends(Subscribe(1, (SubscribeFilter("t", 2),)))
    asked = ["client.check_acl", "client.check_acl_complete"]
    filters = ["client.check_acl", "client.check_acl_subscribe", "client.check_acl_complete"]
    assert told.since() == ["client.subscribe", *filters, "session.subscribed"]
    client.sends(Publish("t", b"", 1, packet_id=1))
    assert told.since() == [*asked, "message.publish", "message.delivered"]
    client.sends(Puback(1))
    assert told.since() == ["message.acked"]
    client.sends(Publish("t", b"", 2, packet_id=2), Pubrec(2), Pubrel(2), Pubcomp(2))
    # The ACL's answer is remembered.
    assert told.since() == [asked[1], "message.publish", "message.delivered", "message.acked"]
    client.sends(Publish("nobody", b""))
    assert told.since() == [*asked, "message.publish", "message.dropped"]
    client.sends(Unsubscribe(3, ("t",)))
    assert told.since() == ["client.unsubscribe", "session.unsubscribed"]
    client.leaves()
    assert told.since() == ["client.disconnected", "session.terminated"]


def comes_back(told: Told) -> None:
    comes(told, properties=STAYS).leaves()
    told.since()
    comes(told, properties=STAYS, clean_start=False)
    resumed = ["session.takeovered", "session.resumed"]
    assert told.since() == [*COMES_IN[:2], *resumed, *COMES_IN[2:]]
    comes(told, properties=STAYS, clean_start=False)
    assert told.since() == [*COMES_IN[:2], "client.disconnected", *resumed, *COMES_IN[2:]]
    comes(told)
    ends = ["client.disconnected", "session.discarded", "session.terminated"]
    assert told.since() == [*COMES_IN[:2], *ends, "session.created", *COMES_IN[2:]]


def does_not_take_everything(told: Told) -> None:
    client = comes(told, "small", properties={"maximum_packet_size": 30})
    client.subscribes("t")
    told.since()
    told.playbook.publish("t", b"x" * 100)
    assert told.since() == ["message.publish", "delivery.dropped"]


def proves_itself(told: Told) -> None:
    class Content:
        def first(self, _client: object, _data: bytes) -> Success:
            return Success()

    told.playbook.always("client.enhanced_authenticate", Stop(Content()))
    comes(told, "proved", properties={"authentication_method": "any"})
    assert "client.enhanced_authenticate" in told.since()


def is_refused(told: Told) -> None:
    client = told.playbook.client(MQTT_3_1_1)
    client.sends(connect_packet("", MQTT_3_1_1, clean_start=False))
    assert told.since() == ["client.connect", "client.connack"]
    client.crashes()
    assert told.since() == []


def is_explained(told: Told) -> None:
    asyncio.run(explain(told.playbook.core, Question("who", action="publish", topic="t")))
    assert told.since() == ["client.check_acl", "client.explain_acl"]


def test_every_point_fires_in_the_order_of_a_clients_life() -> None:
    told = Told(enable_acl_cache=True)
    for chapter in (
        lives_and_leaves,
        comes_back,
        does_not_take_everything,
        proves_itself,
        is_refused,
        is_explained,
    ):
        chapter(told)
    assert told.ever == {spec.name for spec in HOOK_POINTS}


def test_the_last_word_of_a_client_is_told_with_its_reason() -> None:
    playbook = Playbook()
    playbook.watch("client.disconnected", "session.terminated")
    playbook.connect("a").leaves()
    playbook.connect("b").crashes()
    playbook.connect("c").sends(Disconnect(ReasonCode.DISCONNECT_WITH_WILL_MESSAGE))
    reasons = ["normal", "tcp_closed", "normal"]
    assert [why for name, why in playbook.told if name == "client.disconnected"] == reasons
    assert [why for name, why in playbook.told if name == "session.terminated"] == reasons
