"""What the API publishes and subscribes, node by node."""

from __future__ import annotations

import pytest

from app.errors import ResultCode, ServiceError
from app.node.proxy import PublishCommand, SubscribeCommand
from app.services.pubsub import PubSubService
from tests.harness.fake_nodes import MSGID, FakeNode, FakeNodes, a_client


@pytest.fixture
def nodes():
    return FakeNodes(FakeNode("a@h"), FakeNode("b@h", client_records=[a_client("c")]))


def test_messages_go_to_the_local_node(nodes):
    done = PubSubService(nodes).publish({"topics": "a,b", "return": True})
    assert (done.msgids, done.several, done.wanted) == ([MSGID, MSGID], True, True)
    assert nodes.local.commands == [("publish", PublishCommand("a", b""), PublishCommand("b", b""))]


def test_a_client_is_subscribed_where_it_is(nodes):
    PubSubService(nodes).subscribe({"topic": "t", "clientid": "c"})
    assert nodes.get("b@h").commands == [("subscribe", "c", SubscribeCommand("t", 0))]


def test_a_client_that_is_nowhere_is_not_found(nodes):
    with pytest.raises(ServiceError) as refused:
        PubSubService(nodes).unsubscribe({"topic": "t", "clientid": "d"})
    assert refused.value.code is ResultCode.CLIENT_NOT_ONLINE
    assert refused.value.message == "channel_not_found"


def test_a_batch_goes_on_behind_what_is_wrong(nodes):
    service = PubSubService(nodes)
    results = service.publish_batch([None, {"topic": "a"}, {"topic": "a", "payload": 1, "qos": 5}])
    assert [result.code for result in results] == [108, 0, 116]
    assert [result.malformed for result in results] == [True, False, False]


def test_a_batch_of_nothing_valid_does_not_cross_to_a_node(nodes):
    PubSubService(nodes).publish_batch([{"topic": "#"}])
    assert nodes.local.commands == []


def test_runs_of_one_client_are_kept_apart_by_another(nodes):
    items = [
        {"topic": t, "clientid": c} for t, c in (("1", "c"), ("2", "d"), ("3", "c"), ("4", "c"))
    ]
    results = PubSubService(nodes).unsubscribe_batch(items)
    assert [int(result.code) for result in results] == [0, 112, 0, 0]
    assert nodes.get("b@h").commands == [
        ("unsubscribe", "c", "1"),
        ("unsubscribe", "d", "2"),
        ("unsubscribe", "c", "3", "4"),
    ]
