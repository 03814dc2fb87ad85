"""Commands about clients and listeners that are kept for the test instead of being obeyed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.broker.acl_cache import AclVerdict
from app.broker.client_story import ClientEvent
from app.broker.explaining import BROKER, PASS, STOP, Explanation, Question, Step
from app.config import Rate
from app.node.client_messages import ClientMessages, MessageLine, WaitingMessage

if TYPE_CHECKING:
    from tests.harness.fake_nodes import FakeNode


class FakeControl:
    """Stands for `app.node.control.NodeControl`; knows the connected clients of its node."""

    def __init__(self, node: FakeNode) -> None:
        self._node = node

    def acl_cache(self, clientid: str) -> list[AclVerdict] | None:
        if not self._told("acl_cache", clientid):
            return None
        return self._node.acl_verdicts

    def drain_acl_cache(self, clientid: str) -> bool:
        return self._told("drain_acl_cache", clientid)

    def drain_acl_caches(self) -> None:
        self._node.commands.append(("drain_acl_caches",))

    def client_events(self, clientid: str) -> list[ClientEvent]:
        self._node.commands.append(("client_events", clientid))
        return self._node.client_events

    def client_messages(self, clientid: str, count: int) -> ClientMessages | None:
        if not self._told("client_messages", clientid, count):
            return None
        line = MessageLine(1, 32, [WaitingMessage("a/b", 1, 2, 1_700_000_000_000, None, 7)])
        return ClientMessages(self._node.name, clientid, line, line, 3, {"expired": 1}, 0, None)

    def explain(self, question: Question) -> Explanation:
        self._told("explain", question.clientid, question.action, question.topic)
        steps = (
            Step("superuser", BROKER, PASS, "", ("the client is no superuser",)),
            Step("client.check_acl", "emqx_mod_acl_internal", STOP, "deny", ("line 3",)),
        )
        return Explanation(False, "deny", False, False, steps)

    def health(self) -> dict[str, bool]:
        self._node.commands.append(("health",))
        if self._node.failure is not None:
            raise self._node.failure
        return self._node.health

    def limit_rate(self, clientid: str, messages: Rate | None, size: Rate | None) -> bool:
        return self._told("limit_rate", clientid, messages, size)

    def limit_quota(self, clientid: str, rate: Rate | None) -> bool:
        return self._told("limit_quota", clientid, rate)

    def set_keepalive(self, clientid: str, keepalive_s: int) -> bool:
        return self._told("set_keepalive", clientid, keepalive_s)

    def stop_listener(self, identifier: str) -> bool:
        return self._told_listener("stop_listener", identifier)

    def start_listener(self, identifier: str) -> bool:
        return self._told_listener("start_listener", identifier)

    def restart_listener(self, identifier: str) -> bool:
        return self._told_listener("restart_listener", identifier)

    def _told_listener(self, command: str, identifier: str) -> bool:
        self._node.commands.append((command, identifier))
        if self._node.failure is not None:
            raise self._node.failure
        return any(one.identifier == identifier for one in self._node.listener_records)

    def _told(self, *command: object) -> bool:
        self._node.commands.append(command)
        clients = self._node.client_records
        return any(one.clientid == command[1] and one.connected for one in clients)
