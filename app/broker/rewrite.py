"""Topics that are rewritten by rule, before anybody else sees them.

The first rule whose filter matches applies; where its regular expression does not match, the topic stays and no other
rule is tried. Without rules no hook is taken.

Source: EMQX 4.4 `emqx_mod_rewrite`, hook priority 1000. Filters are rewritten without `$exclusive/`, `$share/g/` and
`$queue/`, which they keep.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from app.broker.channel.subscribe import split_filter
from app.broker.client_info import ClientInfo
from app.broker.hooks import Callback, Ok
from app.broker.message import Message
from app.config import RewriteConfig, RewriteRule
from app.mqtt.packets import SubscribeFilter
from app.mqtt.topic import (
    InvalidTopic,
    is_wildcard,
    matches,
    validate_topic_filter,
    validate_topic_name,
)

PRIORITY = 1_000
LONGEST_TOPIC = 1_024
"""A longer topic is left alone: even where the cost grows evenly, 65,535 bytes cost every message milliseconds."""
_PLACEHOLDER = re.compile(r"\$[1-9]|%c|%u")


def rewritten(
    rules: Sequence[RewriteRule], topic: str, clientid: str | None, username: str | None
) -> str:
    """Return what the rules make of a topic name or filter; a placeholder without a value stays as it is."""
    if len(topic) > LONGEST_TOPIC:
        return topic
    rule = next((rule for rule in rules if matches(topic, rule.topic_filter)), None)
    found = None if rule is None else rule.pattern.search(topic)
    if rule is None or found is None:
        return topic
    names = {"%c": clientid, "%u": username}
    if any(name and value and is_wildcard(value) for name, value in names.items()):
        # A client called `#` must not make a filter for everything out of a rule.
        names = {}

    def fill(placeholder: re.Match[str]) -> str:
        text = placeholder[0]
        value = names.get(text) if text[0] == "%" else found[int(text[1])] or ""
        return text if value is None else value

    return _PLACEHOLDER.sub(fill, rule.target)


class Rewrite:
    """The rules, as callbacks of three hook points."""

    def __init__(self, config: RewriteConfig) -> None:
        """Take the rules."""
        self._pub = config.pub
        self._sub = config.sub

    def callbacks(self) -> dict[str, Callback]:
        """Return what is to be called, by hook point: only where there are rules."""
        wanted: dict[str, Callback] = {}
        if self._pub:
            wanted["message.publish"] = self.on_publish
        if self._sub:
            wanted["client.subscribe"] = self.on_subscribe
            wanted["client.unsubscribe"] = self.on_unsubscribe
        return wanted

    def on_publish(self, message: Message) -> Ok | None:
        """Rewrite a message's topic; what would be no topic name leaves it as it was."""
        if message.about_broker:
            return None
        topic = rewritten(self._pub, message.topic, message.clientid, message.username)
        if topic == message.topic:
            return None
        try:
            validate_topic_name(topic)
        except InvalidTopic:
            return None
        return Ok(
            Message(
                topic,
                message.payload,
                message.qos,
                message.retain,
                message.timestamp_ms,
                message.clientid,
                message.username,
                message.peerhost,
                message.properties,
            )
        )

    def on_subscribe(self, client: ClientInfo, filters: Sequence[SubscribeFilter]) -> Ok:
        """Rewrite filters."""
        return Ok(
            tuple(
                replace(wanted, topic_filter=self._filter(client, wanted.topic_filter))
                for wanted in filters
            )
        )

    def on_unsubscribe(self, client: ClientInfo, filters: Sequence[str]) -> Ok:
        """Rewrite filters as they were when they were subscribed to."""
        return Ok(tuple(self._filter(client, wanted) for wanted in filters))

    def _filter(self, client: ClientInfo, wanted: str) -> str:
        """Rewrite the inner filter, which keeps its share; what would be no filter stays as it was."""
        try:
            inner = split_filter(wanted).inner
            made = rewritten(self._sub, inner, client.clientid, client.username)
            validate_topic_filter(made)
            made = wanted[: len(wanted) - len(inner)] + made
            split_filter(made)
        except InvalidTopic:
            return wanted
        return made
