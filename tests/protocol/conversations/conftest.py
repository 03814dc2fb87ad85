"""Which broker the conversations are held with: a node of ours, or one that is named.

`CONVERSATIONS_BROKER=127.0.0.1:1883` names another one, which judges the conversations themselves.
"""

from __future__ import annotations

import os

import pytest

from tests.harness.node import node

__all__ = ["broker_address", "node"]


@pytest.fixture(scope="session")
def broker_address(request: pytest.FixtureRequest) -> tuple[str, int]:
    """Return where MQTT is spoken."""
    named = os.environ.get("CONVERSATIONS_BROKER")
    if named:
        host, _, port = named.rpartition(":")
        return host, int(port)
    address: tuple[str, int] = request.getfixturevalue("node").tcp
    return address
