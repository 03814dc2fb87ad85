"""The plugins on a running node: loaded, asked, without their server, and unloaded, over the API."""

from __future__ import annotations

from app.mqtt.packets import Publish
from tests.e2e.auth_sql.conftest import Admission
from tests.e2e.auth_sql.test_answers import PUBLIC
from tests.harness.mqtt_client import MqttClient
from tests.harness.node import MakeNode, NodeProcess, eventually
from tests.harness.sql_servers import PASSWORD

V4 = "/api/v4"


def reason(node: NodeProcess, username: str, password: bytes) -> int:
    """Return what a client with these credentials is answered."""
    with MqttClient(node.tcp) as client:
        return client.connect("c1", username=username, password=password).reason_code


def test_clients_of_a_node_while_its_database_goes_and_comes(
    admission: Admission, make_node: MakeNode
) -> None:
    server, name, prefix = admission.server, admission.plugin.name, admission.prefix
    admission.has_user("u1", PUBLIC)
    admission.has_rule(0, {"username": "u1"}, 2, "forbidden")
    parameters = {"server": f"127.0.0.1:{server.port}", "username": "mqtt", "password": PASSWORD}
    settings = {f"{prefix}.{key}": value for key, value in parameters.items()}
    node = make_node(allow_anonymous="false", **settings)
    path = f"{V4}/nodes/godwit@127.0.0.1/plugins/{name}"
    assert node.api("PUT", f"{path}/load").body == {"code": 0}
    assert reason(node, "u1", b"public") == 0
    assert reason(node, "u1", b"wrong") == 0x86
    assert reason(node, "stranger", b"public") == 0x87
    with MqttClient(node.tcp) as stays:
        stays.connect("stays", username="u1", password=b"public")
        stays.subscribe("t")
        server.kill()
        try:
            assert reason(node, "u1", b"public") == 0x88
            alarm = f"{name}_unavailable"
            alarms = "nodes/godwit@127.0.0.1/alarms/activated"
            eventually(lambda: reason(node, "u1", b"public") and alarm in str(node.data(alarms)))
            node.api(
                "POST", f"{V4}/mqtt/publish", {"topic": "t", "payload": "x", "clientid": "api"}
            )
            message = stays.receive()
            assert isinstance(message, Publish)
        finally:
            server.start()
        eventually(lambda: reason(node, "u1", b"public") == 0, "a login", 15.0)
    assert node.api("PUT", f"{path}/unload").body == {"code": 0}
    assert reason(node, "u1", b"public") == 0x87
