"""The rules at work: the first that meets client, action and topic decides.

Source: EMQX 4.4 `emqx_access_rule:match`.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Protocol

from app.plugins.acl_internal.language import Rule, Topic, Who
from app.plugins.acl_topics import Named, feed, is_met


class Asker(Named, Protocol):
    """Who asks: a client, or one that is only thought of."""

    @property
    def peerhost(self) -> str:
        """Return the address."""


class RuleSet:
    """The rules of a file, sorted out by what they are about."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        """Take them in the order of the file."""
        self._by_action = {
            action: tuple(rule for rule in rules if action in rule.actions)
            for action in ("publish", "subscribe")
        }

    @property
    def denies_publishing(self) -> bool:
        """Tell whether anybody is kept from publishing anything."""
        return not all(rule.allows for rule in self._by_action["publish"])

    def decide(self, client: Asker, action: str, topic: str) -> bool | None:
        """Return what the first rule that fits says; None where none fits."""
        rule = self.find(client, action, topic)
        return None if rule is None else rule.allows

    def find(self, client: Asker, action: str, topic: str) -> Rule | None:
        """Return the first rule that fits, or None.

        Args:
            client: Who asks.
            action: `publish` or `subscribe`.
            topic: The topic name, or the filter that is subscribed to.
        """
        for rule in self._by_action[action]:
            if _is_about(rule.who, client) and _has_topic(rule, client, topic):
                return rule
        return None


def _is_about(who: Who, client: Asker) -> bool:
    match who.kind:
        case "all":
            return True
        case "user":
            return client.username is not None and _is_named(who, client.username)
        case "client":
            return _is_named(who, client.clientid)
        case "ipaddr":
            return _is_within(who, client.peerhost)
        case "and":
            return all(_is_about(part, client) for part in who.parts)
        case _:
            return any(_is_about(part, client) for part in who.parts)


def _is_named(who: Who, name: str) -> bool:
    if who.pattern is not None:
        return who.pattern.search(name) is not None
    return name == who.name


def _is_within(who: Who, peerhost: str) -> bool:
    try:
        address = ip_address(peerhost)
    except ValueError:
        # A client on a socket file has no address.
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in who.networks)


def _has_topic(rule: Rule, client: Asker, topic: str) -> bool:
    if rule.topics is None:
        return True
    return any(_is_topic(one, client, topic, allows=rule.allows) for one in rule.topics)


def _is_topic(wanted: Topic, client: Asker, topic: str, *, allows: bool) -> bool:
    if wanted.exactly:
        return topic == wanted.topic_filter
    topic_filter = feed(wanted.topic_filter, client)
    return topic_filter is not None and is_met(topic, topic_filter, allows=allows)
