"""A running node answers every call of its own OpenAPI document as the document says."""

from __future__ import annotations

import threading

import paho.mqtt.client as paho
import pytest
import schemathesis

from tests.api.described import CHECKS, as_shown, operations_by_tag, tightened
from tests.harness.node import NodeProcess

MODULES = ("emqx_mod_topic_metrics", "emqx_mod_slow_subs", "emqx_mod_trace")


@pytest.fixture
def busy(node: NodeProcess) -> NodeProcess:
    """A node with everything switched on, to whom a client is connected and has subscribed."""
    assert (
        node.api("PUT", "/api/v4/nodes/godwit@127.0.0.1/plugins/emqx_auth_mnesia/load").status
        == 200
    )
    for module in MODULES:
        assert node.api("PUT", f"/api/v4/modules/{module}/load").status == 200
    subscribed = threading.Event()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="sensor-1")
    client.username_pw_set("alice")
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_connect = lambda *_: client.subscribe("plant/+/state", 1)
    client.connect(*node.tcp)
    client.loop_start()
    assert subscribed.wait(5)
    yield node
    client.disconnect()
    client.loop_stop()


def test_every_call_as_its_example_shows_it(busy: NodeProcess) -> None:
    served = busy.api("GET", "/api/docs/openapi.json").body
    operations = operations_by_tag(schemathesis.openapi.from_dict(tightened(served)))
    made = [one for group in operations.values() for one in group]
    # What others look at goes last.
    for operation in sorted(made, key=lambda one: one.method.upper() != "GET"):
        for_users = "On the dashboard's port, for its users." in str(operation.definition.raw)
        port = "dashboard" if for_users else "management"
        case = as_shown(operation)
        answer = case.call(f"http://127.0.0.1:{busy.ports[port]}", auth=("admin", "public"))
        case.validate_response(answer, checks=CHECKS)
