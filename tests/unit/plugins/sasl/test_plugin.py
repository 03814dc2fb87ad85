"""SCRAM at the broker: who comes in by it, and when it is offered."""

from __future__ import annotations

import re
from typing import Any

import pytest

from app.broker.enhanced_auth import Continue, Refuse, Success
from app.broker.scram import HASHES, derive
from app.plugins.host import ExtensionHost
from app.plugins.sasl import Sasl, SaslTables
from tests.harness.playbook import Playbook
from tests.harness.scram_client import ScramClient


class Offered:
    """A broker with the plugin, and its tables."""

    def __init__(self) -> None:
        self.playbook = Playbook()
        self.host = ExtensionHost(self.playbook.core)
        self.tables = SaslTables()
        self.filled = 0
        self.plugin = Sasl(self.tables, self.fill, b"secret of the instance")
        self.plugin.prepare({})
        self.host.load(self.plugin, {}, None)

    def fill(self) -> None:
        self.filled += 1

    def knows(self, mechanism: str, username: str, password: str) -> None:
        made = derive(mechanism, password, b"salt", 64)
        self.tables.put((mechanism, username), made)

    def begins(self, mechanism: str) -> Any:
        point = self.playbook.core.hooks.point("client.enhanced_authenticate")
        return point.fold(None, mechanism, value=None)


@pytest.mark.parametrize("mechanism", HASHES)
def test_an_unknown_user_is_told_the_same_after_a_restart(mechanism: str) -> None:
    first = ScramClient(mechanism, "nobody", "pencil").first()
    asked = [Offered().begins(mechanism).first(None, first).data for _ in range(2)]
    salts = [re.findall(b",s=([^,]+),i=4096$", each) for each in asked]
    assert salts[0] == salts[1] != []


def test_an_unknown_user_has_another_salt_for_each_mechanism_as_known_ones_have() -> None:
    offered = Offered()
    asked = [
        offered.begins(name).first(None, ScramClient(name, "nobody", "pencil").first()).data
        for name in HASHES
    ]
    assert len({re.search(b",s=([^,]+),", each)[1] for each in asked}) == len(HASHES)


@pytest.mark.parametrize("mechanism", HASHES)
def test_a_known_user_with_the_password_comes_in(mechanism: str) -> None:
    offered = Offered()
    offered.knows(mechanism, "u1", "pencil")
    client, exchange = ScramClient(mechanism, "u1", "pencil"), offered.begins(mechanism)
    asked = exchange.first(None, client.first())
    assert isinstance(asked, Continue)
    done = exchange.next(client.final(asked.data))
    assert isinstance(done, Success)
    assert done.username == "u1"
    assert client.trusts(done.data)


def test_a_user_of_one_mechanism_is_nobody_to_another() -> None:
    offered = Offered()
    offered.knows("SCRAM-SHA-1", "u1", "pencil")
    client, exchange = (
        ScramClient("SCRAM-SHA-256", "u1", "pencil"),
        offered.begins("SCRAM-SHA-256"),
    )
    asked = exchange.first(None, client.first())
    assert isinstance(exchange.next(client.final(asked.data)), Refuse)


def test_other_methods_are_left_to_others() -> None:
    assert Offered().begins("GS2-KRB5") is None


def test_nothing_is_offered_once_it_is_unloaded() -> None:
    offered = Offered()
    offered.host.unload(offered.plugin)
    assert offered.begins("SCRAM-SHA-1") is None


def test_unknown_users_get_the_same_salt_after_a_reload() -> None:
    offered = Offered()
    salts = []
    for _ in range(2):
        asked = offered.begins("SCRAM-SHA-1").first(None, b"n,,n=nobody,r=abc")
        salts.append(asked.data.split(b",")[1])
        offered.host.reload(offered.plugin, {}, None)
    assert salts[0] == salts[1]


def test_the_tables_are_complete_before_it_is_loaded() -> None:
    assert Offered().filled == 1
