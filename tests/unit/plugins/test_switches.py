"""What the broker does by itself, switched off and on: retaining, delaying, rewriting."""

from __future__ import annotations

from app.config.messages import rewrite_rule
from app.mqtt.packets import Puback, Publish
from app.mqtt.reason_codes import ReasonCode
from app.plugins.delayed import DelayedPublish
from app.plugins.host import ExtensionHost
from app.plugins.node_parts import Retainer
from app.plugins.rewrite import rewrite_config
from tests.harness.playbook import Playbook, only


def test_without_the_retainer_nothing_is_kept_or_given() -> None:
    playbook = Playbook()
    host, retainer = ExtensionHost(playbook.core), Retainer()
    host.load(retainer, {}, None)
    playbook.publish("a", b"kept", retain=True)
    host.unload(retainer)
    playbook.publish("a", b"missed", retain=True)
    client = playbook.connect("c1")
    client.subscribes("a")
    playbook.settle()
    assert client.receives() == []
    host.load(retainer, {}, None)
    client.subscribes("a")
    playbook.settle()
    assert [packet.payload for packet in client.receives()] == [b"kept"]


def test_without_its_module_a_delayed_message_is_refused() -> None:
    playbook = Playbook()
    host, module = ExtensionHost(playbook.core), DelayedPublish()
    host.stand_by(module)
    client = playbook.connect("c1")
    delayed = Publish("$delayed/5/t", b"x", 1, packet_id=1)
    client.sends(delayed)
    assert only(client.receives()) == Puback(1, ReasonCode.TOPIC_NAME_INVALID)
    host.load(module, {}, None)
    client.sends(delayed)
    assert only(client.receives()).reason_code < ReasonCode.UNSPECIFIED_ERROR
    host.unload(module)
    assert len(playbook.core.delayed) == 1


def test_rewrite_rules_come_in_the_order_of_their_names() -> None:
    texts = {"b": "b", "10": "10", "2": "2"}
    config = {
        f"rewrite.pub.rule.{name}": rewrite_rule(f"x/# ^x/(.+)$ {target}")
        for name, target in texts.items()
    }
    config["rewrite.pub.rule.off"] = rewrite_rule("")
    rewrite = rewrite_config(config)
    assert [one.target for one in rewrite.pub] == ["2", "10", "b"]
    assert rewrite.sub == ()
