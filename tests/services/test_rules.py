"""Rules and resources, on every database: what is refused, what survives, what an import brings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from app.clock import FakeClock
from app.config import ManagementSettings
from app.errors import ServiceError
from app.models import AuditEntry, Database, Resource
from app.mqtt.packets import Publish
from app.rules.engine import EngineSettings
from app.secret_box import SecretBox
from app.services.data import DataServices
from app.services.data_sections import RESOURCES, RULES
from app.services.rule_engine import RuleServices
from app.services.rules import RuleQuery
from tests.harness.fake_nodes import NODE, FakeNodes
from tests.harness.loop_door import LoopDoor
from tests.harness.playbook import Playbook

SQL = 'SELECT payload.x AS x, topic FROM "t/#"'
INSPECT = {"name": "inspect", "params": {"a": 1}}
REPUBLISH = {
    "name": "republish",
    "params": {"target_topic": "out/${x}", "payload_tmpl": "${topic}"},
    "fallbacks": [{"name": "do_nothing"}],
}


class Node:
    """The services over a broker in memory, started."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.playbook = Playbook()
        self.clock = FakeClock()
        self.box = SecretBox(folder)
        self.door = LoopDoor()
        self.made = RuleServices.over(
            FakeNodes(), self.door, database, self.box, self.clock, folder
        )
        self.rules, self.resources = self.made.rules, self.made.resources
        registry = self.made.engine.registry
        registry.provide("emqx_web_hook")
        registry.provide("emqx_bridge_mqtt")
        stored = self.resources.stored(), self.rules.stored()
        self.door.call(self.made.engine.start, self.playbook.core, EngineSettings(), *stored)

    def stop(self) -> None:
        self.rules.stop()
        self.door.close()

    def rule(self, **more: Any) -> str:
        self.clock.advance(1)
        return self.rules.create({"rawsql": SQL, "actions": [INSPECT], **more}).id


@pytest.fixture
def started(database: Database, tmp_path: Path) -> Iterator[Callable[[], Node]]:
    """Starts nodes on one database."""
    nodes: list[Node] = []

    def start() -> Node:
        nodes.append(Node(database, tmp_path))
        return nodes[-1]

    yield start
    for one in nodes:
        one.stop()


@pytest.fixture
def node(started: Callable[[], Node]) -> Node:
    """A node without rules."""
    return started()


def refused(node: Node, **more: Any) -> str:
    with pytest.raises(ServiceError) as error:
        node.rule(**more)
    return error.value.message


def test_rules_come_back_after_a_restart_as_they_were(
    node: Node, started: Callable[[], Node]
) -> None:
    made = node.rule(
        id="mine", actions=[REPUBLISH, INSPECT], description="ü", on_action_failed="stop"
    )
    other = node.rule(enabled=False)
    again = started()
    assert [one.id for one in again.rules.list(RuleQuery())] == [other, made]
    assert again.rules.get(made).actions == node.rules.get(made).actions
    assert again.rules.get(made).on_action_failed == "stop"
    assert not again.rules.get(other).enabled


def test_rules_are_found_by_what_they_are(node: Node) -> None:
    first = node.rule(id="rule:aa", description="first one")
    second = node.rule(id="rule:bb", rawsql='SELECT * FROM "a/1", "t/#"', enabled=False)
    both = [second, first]

    def found(**query: Any) -> list[str]:
        return [one.id for one in node.rules.list(RuleQuery(**query))]

    assert found() == both
    assert found(enabled=True) == [first]
    assert found(topic="t/#") == both
    assert found(topic="a/1") == [second]
    assert found(like_id="b") == [second]
    assert found(like_topic="/1") == [second]
    assert found(match_topic="a/+") == [second]
    assert found(match_topic="#") == both
    assert found(like_description="first") == [first]
    assert found(like_description="First") == []


def test_a_rule_is_changed_member_by_member(node: Node) -> None:
    made = node.rule()
    node.rules.update(made, {"rawsql": 'SELECT * FROM "b"'})
    assert list(node.rules.get(made).topics) == ["b"]
    node.rules.update(made, {"enabled": False})
    assert not node.rules.get(made).is_running
    node.rules.update(made, {"actions": [REPUBLISH], "description": "new"})
    rule = node.rules.get(made)
    assert [one.name for one in rule.actions] == ["republish"]
    assert rule.actions[0].id.startswith("republish_")
    assert (rule.description, rule.enabled) == ("new", False)
    node.rules.delete(made)
    node.rules.delete(made)
    assert node.rules.list(RuleQuery()) == []


def test_what_cannot_be_is_refused_and_leaves_nothing(node: Node) -> None:
    assert refused(node, rawsql="SELEKT").startswith("Bad Arguments: {parse_error,line 1")
    assert refused(node, rawsql='SELECT * FROM "a/#/b"').startswith("Bad Arguments: {parse_error")
    assert refused(node, actions=[{"name": "fly"}]) == "Action fly Not Found"
    assert "wildcard_topic_not_allowed" in refused(
        node, actions=[{"name": "republish", "params": {"target_topic": "a/#"}}]
    )
    assert "required_field_missing" in refused(node, actions=[{"name": "data_to_webserver"}])
    hook = {"name": "data_to_webserver", "params": {"$resource": "resource:none"}}
    assert refused(node, actions=[hook]) == "Resource resource:none Not Found"
    assert refused(node, id="") == "Bad Arguments: {empty_string_not_allowed,id}"
    assert "duplicate_action_id" in refused(node, actions=[{**INSPECT, "id": "a"}] * 2)
    nested: dict[str, Any] = INSPECT
    for _ in range(5):
        nested = {**INSPECT, "fallbacks": [nested]}
    assert "too_many_levels" in refused(node, actions=[nested])
    assert node.rules.list(RuleQuery()) == []
    node.rule(id="a")
    assert refused(node, id="a") == "Already Exists"
    with pytest.raises(ServiceError) as unknown:
        node.rules.update("b", {"enabled": True})
    assert unknown.value.message == "Rule b Not Found"


def test_a_statement_is_tried_without_keeping_anything(node: Node) -> None:
    tried = node.rules.test({"rawsql": SQL, "ctx": {"topic": "t/1", "payload": '{"x": 5}'}})
    assert tried == b'{"x":5,"topic":"t/1"}'
    for ctx, sql in (
        ({"topic": "other", "payload": "{}"}, SQL),
        ({"topic": "t/1"}, 'SELECT * FROM "t/#" WHERE qos = 7'),
    ):
        with pytest.raises(ServiceError) as nothing:
            node.rules.test({"rawsql": sql, "ctx": ctx})
        assert (int(nothing.value.code), nothing.value.message) == (404, "SQL Not Match")
    with pytest.raises(ServiceError, match="select_and_transform_error"):
        node.rules.test({"rawsql": 'SELECT abs(topic) FROM "t/#"', "ctx": {"topic": "t/1"}})
    every = {"rawsql": 'FOREACH payload.l FROM "#"', "ctx": {"payload": '{"l": []}'}}
    assert node.rules.test(every) == b"[]"
    assert node.rules.list(RuleQuery()) == []


def test_a_rule_that_is_imported_runs_and_one_that_cannot_be_read_rests(
    node: Node, database: Database, started: Callable[[], Node]
) -> None:
    data = DataServices.over(database, node.box, node.clock, NODE, ManagementSettings())
    data.imports.when_changed(RESOURCES, node.resources.apply_stored)
    data.imports.when_changed(RULES, node.rules.apply_stored)
    rules = [
        {"id": "rule:1", "rawsql": SQL, "actions": [{"id": "i1", "name": "inspect", "args": {}}]},
        {"id": "rule:2", "rawsql": "no SQL", "actions": []},
        {"id": "rule:3", "rawsql": SQL, "actions": [{"id": "f1", "name": "fly", "args": {}}]},
    ]
    data.imports.run({"version": "4.4", "rules": rules}, source="test")
    client = node.playbook.connect("c")
    client.sends(Publish("t/1", b'{"x": 1}'))
    matched = {
        one.id: (one.is_running, node.rules.figures(one.id)[0].matched)
        for one in node.rules.list(RuleQuery())
    }
    assert matched == {"rule:1": (True, 1), "rule:2": (False, 0), "rule:3": (True, 1)}
    assert node.rules.figures("rule:3")[1]["f1"].failed == 1
    assert len(started().rules.list(RuleQuery())) == 3


def test_changes_are_written_down_without_secrets(node: Node, database: Database) -> None:
    made = node.rule()
    node.rules.update(made, {"enabled": False})
    node.rules.delete(made)
    with database.reading() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [one.action for one in entries] == ["rule.create", "rule.update", "rule.delete"]


def test_the_configuration_of_a_resource_is_encrypted(database: Database, node: Node) -> None:
    with database.session() as session:
        session.add(
            Resource(
                id="resource:1",
                type="web_hook",
                config_encrypted=node.box.seal('{"url":"http://h","headers":{"token":"s3"}}'),
                description="",
                created_at=None,
            )
        )
        session.add(
            Resource(
                id="resource:2",
                type="web_hook",
                config_encrypted="not ours",
                description="",
                created_at=None,
            )
        )
    assert [one.id for one in node.resources.stored()] == ["resource:1"]
    assert node.resources.get("resource:1").config["headers"] == {"token": "s3"}
    assert "s3" not in repr(node.resources.get("resource:1"))


def test_a_resource_that_is_imported_is_at_work_and_one_that_is_changed_too(
    node: Node, database: Database, started: Callable[[], Node]
) -> None:
    data = DataServices.over(database, node.box, node.clock, NODE, ManagementSettings())
    data.imports.when_changed(RESOURCES, node.resources.apply_stored)
    made = {"id": "resource:1", "type": "web_hook", "config": {"url": "http://127.0.0.1:9"}}
    odd = {"id": "resource:2", "type": "web_hook", "config": []}
    foreign = {"id": "resource:3", "type": "backend_mysql", "config": {"server": "h"}}
    document = {"version": "4.4", "resources": [made, odd, foreign]}
    data.imports.run(document, source="test")
    assert [one.id for one in node.resources.list()] == ["resource:1", "resource:2", "resource:3"]
    node.resources.update("resource:1", {"config": {"url": "http://127.0.0.1:8"}})
    assert node.resources.get("resource:1").config == {"url": "http://127.0.0.1:8"}
    again = started()
    assert again.resources.get("resource:1").config == {"url": "http://127.0.0.1:8"}
    again.resources.delete("resource:2")
    assert [one.id for one in again.resources.list("web_hook")] == ["resource:1"]


def test_a_rule_that_cannot_be_committed_does_not_run(
    node: Node,
) -> None:
    made = node.rule(id="kept")

    def fail(*_arguments: object) -> None:
        raise RuntimeError("the disk is full")

    event.listen(Session, "before_commit", fail)
    try:
        with pytest.raises(RuntimeError):
            node.rule(id="lost")
        with pytest.raises(RuntimeError):
            node.rules.update(made, {"enabled": False})
    finally:
        event.remove(Session, "before_commit", fail)
    client = node.playbook.connect("c")
    client.sends(Publish("t/1", b'{"x": 1}'))
    assert node.rules.figures(made)[0].matched == 1
    assert node.rules.figures("lost")[0].matched == 0
    assert [one.id for one in node.rules.list(RuleQuery())] == [made]
