"""mqtt.js under Node.js against the real server: what browsers and Node-RED speak, over TCP and WebSocket.

The conversations are in `mqtt_js/`; npm fetches the library into a temporary folder.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NoReturn

import pytest

from tests.harness.node import NodeProcess

SOURCE: Final = Path(__file__).parent / "mqtt_js"
INSTALL_LIMIT_S: Final = 90
CONVERSATION_LIMIT_S: Final = 20
VERSIONS: Final = [pytest.param(4, id="v311"), pytest.param(5, id="v5")]
TRANSPORTS: Final = ("tcp", "ws")

Converse = Callable[..., dict[str, Any]]


def _unavailable(reason: str) -> NoReturn:
    if os.environ.get("CI", "").lower() in {"true", "1"}:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that holds the conversations, beside the library that it needs."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        _unavailable("install nodejs and npm")
    folder = tmp_path_factory.mktemp("mqtt_js")
    shutil.copytree(SOURCE, folder, dirs_exist_ok=True)
    try:
        subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"],
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=INSTALL_LIMIT_S,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        _unavailable(f"npm cannot fetch mqtt.js: {error}")
    return folder / "conversations.js"


@pytest.fixture
def converse(program: Path, node: NodeProcess) -> Converse:
    """Hold a conversation, and return what the client saw of it."""

    def hold(name: str, topic: str, version: int = 5, transport: str = "tcp", qos: int = 1) -> Any:
        url = {
            "tcp": f"mqtt://127.0.0.1:{node.ports['tcp']}",
            "ws": f"ws://127.0.0.1:{node.ports['ws']}/mqtt",
        }[transport]
        options = {"url": url, "version": version, "topic": topic, "qos": qos}
        done = subprocess.run(
            ["node", str(program), name, json.dumps(options)],
            capture_output=True,
            text=True,
            timeout=CONVERSATION_LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return hold


def brief(message: dict[str, Any]) -> tuple[str, str, int, bool]:
    """Return topic, payload, QoS and RETAIN of a message."""
    return message["topic"], message["payload"], message["qos"], message["retain"]


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_message_goes_out_and_comes_back(
    converse: Converse, transport: str, version: int, qos: int
) -> None:
    topic = f"js-{transport}-{version}-{qos}"
    heard = converse("echo", topic, version, transport, qos)
    assert heard["granted"] == qos
    assert [brief(m) for m in heard["messages"]] == [(f"{topic}/x", "\x00\xff", qos, False)]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_retained_message_waits_for_a_subscriber(
    converse: Converse, transport: str, version: int
) -> None:
    topic = f"js-retain-{transport}-{version}"
    heard = converse("retained", topic, version, transport)
    assert [brief(m) for m in heard["messages"]] == [
        (topic, "kept", 1, True),
        (topic, "", 1, False),
    ]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_lost_connection_publishes_the_will(
    converse: Converse, transport: str, version: int
) -> None:
    topic = f"js-will-{transport}-{version}"
    heard = converse("will", topic, version, transport)
    assert [brief(m) for m in heard["messages"]] == [(topic, "gone", 2, False)]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_clean_disconnect_publishes_no_will(converse: Converse, version: int) -> None:
    topic = f"js-leave-{version}"
    heard = converse("leave", topic, version)
    assert [brief(m) for m in heard["messages"]] == [(f"{topic}/end", "end", 1, False)]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_is_resumed_with_what_it_missed(converse: Converse, version: int) -> None:
    topic = f"js-resume-{version}"
    heard = converse("resume", topic, version)
    assert heard["present"] is True
    assert [brief(m) for m in heard["messages"]] == [(topic, "missed", 2, False)]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_properties_of_version_5_come_through(converse: Converse, transport: str) -> None:
    heard = converse("properties", f"js-properties-{transport}", 5, transport)
    got = heard["messages"][0]["properties"]
    assert got.pop("messageExpiryInterval") in (99, 100)
    assert got == {
        "payloadFormatIndicator": True,
        "contentType": "text/plain",
        "responseTopic": "answer/here",
        "correlationData": "0001",
        "userProperties": {"b": ["2", "3"], "a": "1"},
        "subscriptionIdentifier": 300,
    }


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_five_hundred_messages_arrive_once_and_in_order(
    converse: Converse, transport: str, qos: int
) -> None:
    heard = converse("many", f"js-many-{transport}-{qos}", 5, transport, qos)
    assert [m["payload"] for m in heard["messages"]] == [str(number) for number in range(500)]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_large_message_arrives_unaltered(converse: Converse, transport: str) -> None:
    heard = converse("large", f"js-large-{transport}", 5, transport)
    assert heard["messages"][0]["payload"] == "0123456789" * 20_000
