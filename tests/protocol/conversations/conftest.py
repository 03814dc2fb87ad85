"""Which broker the conversations are held with: a node of ours, or one that is named.

`CONVERSATIONS_BROKER=127.0.0.1:1883` names another one, which judges the conversations themselves.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.harness.node import NodeProcess, node
from tests.protocol.conversations.c15_auth import USERS

__all__ = ["broker_address", "node", "scram_address"]


@pytest.fixture(scope="session")
def broker_address(request: pytest.FixtureRequest) -> tuple[str, int]:
    """Return where MQTT is spoken."""
    named = os.environ.get("CONVERSATIONS_BROKER")
    if named:
        host, _, port = named.rpartition(":")
        return host, int(port)
    address: tuple[str, int] = request.getfixturevalue("node").tcp
    return address


@pytest.fixture(scope="session")
def scram_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """Return where a node of ours speaks SCRAM and refuses whoever does not."""
    if os.environ.get("CONVERSATIONS_BROKER"):
        pytest.skip("users of a broker that is named are its own affair")
    folder = tmp_path_factory.mktemp("scram")
    with NodeProcess(folder, allow_anonymous="false") as running:
        load = f"/api/v4/nodes/{running.data('nodes')[0]['node']}/plugins/emqx_sasl/load"
        assert running.api("PUT", load).body == {"code": 0}
        for mechanism, (username, password) in USERS.items():
            user = {"mechanism": mechanism, "username": username, "password": password}
            assert running.api("POST", "/api/v4/sasl", user).body == {"code": 0}
        # They are there after a restart too, and so is the plugin.
        running.restart()
        yield running.tcp
