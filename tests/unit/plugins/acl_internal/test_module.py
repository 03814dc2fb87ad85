"""The rule file at work."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from app.mqtt.packets import Publish, Suback, Subscribe, SubscribeFilter
from app.mqtt.reason_codes import ReasonCode
from app.plugins import ExtensionError
from app.plugins.acl_internal import AclInternal
from app.plugins.acl_internal.module import SHIPPED_RULES
from app.plugins.host import ExtensionHost
from tests.harness.playbook import Playbook, connect_packet, only

NO = ReasonCode.NOT_AUTHORIZED
CONFIG = {"acl_file": ""}


class Ruled:
    """A broker whose rules are in a file."""

    def __init__(self, folder: Path, rules: str | None = None, **settings: Any) -> None:
        self.playbook = Playbook(**settings)
        self.file = folder / "acl.conf"
        if rules is not None:
            self.file.write_text(rules)
        self.host = ExtensionHost(self.playbook.core)
        self.module = AclInternal(self.file)
        self.host.load(self.module, CONFIG, self.module.prepare(CONFIG))

    def reload(self) -> None:
        self.host.reload(self.module, CONFIG, self.module.prepare(CONFIG))

    def may_subscribe(self, wanted: str, peerhost: str = "10.0.0.9", **login: str) -> bool:
        client = self.playbook.client(peerhost=peerhost)
        client.sends(connect_packet("c1", **login))
        client.receives()
        client.sends(Subscribe(1, (SubscribeFilter(wanted, 0),)))
        return only(client.receives()) == Suback(1, (0,))

    def may_publish(self, topic: str) -> bool:
        client = self.playbook.connect("c2")
        client.sends(Publish(topic, b"x", 1, packet_id=1))
        return only(client.receives()).reason_code != NO


def test_the_shipped_rules_guard_sys_and_hash_and_leave_a_file_to_edit(tmp_path: Path) -> None:
    ruled = Ruled(tmp_path)
    assert ruled.file.read_text() == SHIPPED_RULES
    assert not ruled.may_subscribe("$SYS/#")
    assert not ruled.may_subscribe("#")
    assert ruled.may_subscribe("a/#")
    assert ruled.may_subscribe("$SYS/#", username="dashboard")
    assert ruled.may_subscribe("#", peerhost="127.0.0.1")


def test_rules_that_keep_nobody_from_publishing_cost_no_message_anything(tmp_path: Path) -> None:
    ruled = Ruled(tmp_path)
    assert ruled.playbook.core.hooks.point("client.check_acl").callbacks == ()
    ruled.file.write_text('{deny, all, publish, ["secret/#"]}.\n{allow, all}.')
    ruled.reload()
    assert not ruled.may_publish("secret/a")
    assert ruled.may_publish("a")


def test_where_nothing_else_allows_the_rules_are_asked_about_messages(tmp_path: Path) -> None:
    ruled = Ruled(tmp_path, '{allow, all, publish, ["a"]}.', acl_nomatch="deny")
    assert ruled.may_publish("a")
    assert not ruled.may_publish("b")


def test_a_reload_acts_at_once_and_a_mistake_leaves_the_old_rules(tmp_path: Path) -> None:
    ruled = Ruled(tmp_path, '{deny, all, subscribe, ["a"]}.')
    assert not ruled.may_subscribe("a")
    ruled.file.write_text('{deny, all, subscribe, ["b"]}.')
    ruled.reload()
    assert ruled.may_subscribe("a")
    ruled.file.write_text("{deny, al}.")
    with pytest.raises(ExtensionError, match=r"acl\.conf, line 1, column 8"):
        ruled.reload()
    assert not ruled.may_subscribe("b")


def test_all_parts_of_an_and_must_fit_and_one_of_an_or(tmp_path: Path) -> None:
    rules = """
    {allow, {'and', [{user, "u"}, {ipaddr, "10.0.0.0/8"}]}, subscribe, ["a"]}.
    {allow, {'or', [{user, {re, "^dev_"}}, {client, "c9"}]}, subscribe, ["b"]}.
    {deny, all}.
    """
    ruled = Ruled(tmp_path, rules)
    assert ruled.may_subscribe("a", username="u")
    assert not ruled.may_subscribe("a", username="u", peerhost="192.0.2.1")
    assert ruled.may_subscribe("b", username="dev_1")
    assert not ruled.may_subscribe("b", username="mydev_1")


def test_a_named_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExtensionError, match="readable"):
        AclInternal(tmp_path / "acl.conf").prepare({"acl_file": str(tmp_path / "none")})


def test_a_file_that_was_just_made_counts_as_read_and_a_changed_one_does_not(tmp_path):
    ruled = Ruled(tmp_path)
    assert ruled.module.file == ruled.file
    assert ruled.file.read_text() == SHIPPED_RULES
    assert not ruled.module.is_outdated()
    ruled.file.write_text("{allow, all}.")
    os.utime(ruled.file, ns=(1, 1))
    assert ruled.module.is_outdated()
