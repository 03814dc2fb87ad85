"""What happened to each client lately, and why: for whoever is asked why a device is not there.

Heard through hooks of connections and subscriptions, and of what goes wrong; none of them hears of messages that
arrive, so that the express lane stays open. All of it is in memory and bounded: so many clients, of which those that
were quiet longest are forgotten first, and so many events of each. Who was only ever refused has a smaller memory of
its own, so that guessing at client ids makes nobody else forgotten.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from app.actor import SYSTEM, current_actor
from app.broker.client_info import ClientInfo
from app.broker.core import BrokerCore
from app.broker.hooks import Callback
from app.broker.message import Message
from app.broker.router import SubOptions
from app.mqtt.reason_codes import ReasonCode, text

STRANGERS: Final = 10
"""One place of so many is for clients that never came in."""
RUN: Final = 5
"""After so many events of one kind in a row, further ones are counted on the last of them."""
MAX_TOPIC_CHARS: Final = 256
"""Of a topic, no more than this is remembered."""
MAX_CLIENTID_CHARS: Final = 1_024
"""A longer client id is not remembered."""
UNREMARKABLE: Final = frozenset({"no_local"})
"""Reasons for which a message is not delivered although nothing is wrong."""


@dataclass(frozen=True, slots=True)
class ClientEvent:
    """One thing that happened, or a run of the same."""

    at_ms: int
    """When it happened last, in Unix milliseconds."""
    event: str
    reason: str = ""
    topic: str = ""
    who: str = ""
    """The address that the client came from, or who did it."""
    count: int = 1


class ClientStory:
    """The last events of the clients of one broker; all methods must be called on its loop."""

    def __init__(self, core: BrokerCore) -> None:
        """Remember nothing until it is started."""
        self._core = core
        self._config = core.config.client_story
        self._stories: OrderedDict[str, list[ClientEvent]] = OrderedDict()
        self._strangers: OrderedDict[str, list[ClientEvent]] = OrderedDict()
        self._resumed: ClientInfo | None = None

    def start(self) -> None:
        """Begin to listen, unless nobody is to be remembered."""
        if not self._config.max_clients:
            return
        callbacks: dict[str, Callback] = {
            "client.connack": self._on_connack,
            "client.connected": self._on_connected,
            "client.disconnected": self._on_disconnected,
            "session.resumed": self._on_resumed,
            "session.terminated": self._on_terminated,
            "session.subscribed": self._on_subscribed,
            "session.unsubscribed": self._on_unsubscribed,
            "delivery.dropped": self._on_delivery_dropped,
        }
        for point, callback in callbacks.items():
            self._core.hooks.point(point).add(callback)
        self._core.access.on_denied = self._on_denied

    def events(self, clientid: str) -> list[ClientEvent]:
        """Return what is remembered of a client, oldest first."""
        story = self._stories.get(clientid) or self._strangers.get(clientid)
        return list(story) if story else self._arrival(clientid)

    # -- what is heard -------------------------------------------------------------------------

    def _on_connack(self, client: ClientInfo, reason: ReasonCode) -> None:
        clientid = client.clientid
        if reason is ReasonCode.SUCCESS or not clientid:
            return
        is_known = clientid in self._stories or self._core.cm.get(clientid) is not None
        self._note(clientid, "refused", text(reason), who=_address(client), is_known=is_known)

    def _on_resumed(self, client: ClientInfo) -> None:
        self._resumed = client

    def _on_connected(self, client: ClientInfo) -> None:
        resumed, self._resumed = self._resumed is client, None
        clientid = client.clientid
        if resumed:
            self._note(clientid, "connected", "session_resumed", who=_address(client))
        elif clientid in self._stories or clientid in self._strangers:
            self._note(clientid, "connected", who=_address(client))
        # Of others their channel knows when they came: most of a large fleet does nothing else.

    def _on_disconnected(self, client: ClientInfo, reason: str) -> None:
        who = _actor()
        if reason == "kicked":
            ban = self._core.banned.find(client)
            if ban is not None:
                reason, who = "banned", ban.by
        self._note(client.clientid, "disconnected", reason, who=who)

    def _on_terminated(self, client: ClientInfo, reason: str) -> None:
        """Note the end of a session that outlived its connection; others end with it."""
        last = self._last(client.clientid)
        went_with_it = last is not None and last.reason in {"kicked", "banned"}
        if reason == "expired" or (reason == "kicked" and not went_with_it):
            self._note(client.clientid, "session_terminated", reason, who=_actor())

    def _on_subscribed(self, client: ClientInfo, topic_filter: str, _options: SubOptions) -> None:
        self._note(client.clientid, "subscribed", topic=topic_filter, who=_actor())

    def _on_unsubscribed(self, client: ClientInfo, topic_filter: str) -> None:
        self._note(client.clientid, "unsubscribed", topic=topic_filter, who=_actor())

    def _on_denied(self, client: ClientInfo, action: str, topic: str) -> None:
        self._note(client.clientid, "acl_denied", action, topic)

    def _on_delivery_dropped(self, clientid: str, message: Message, reason: str) -> None:
        if reason not in UNREMARKABLE:
            self._note(clientid, "message_dropped", reason, message.topic)

    # -- what is remembered --------------------------------------------------------------------

    def _arrival(self, clientid: str, *, is_leaving: bool = False) -> list[ClientEvent]:
        """Return the event of having come, of a client that is there and that nothing else is remembered of."""
        channel = self._core.cm.get(clientid)
        if channel is None or not (channel.is_connected or is_leaving):
            return []
        return [ClientEvent(channel.connected_at_ms, "connected", who=_address(channel.client))]

    def _last(self, clientid: str) -> ClientEvent | None:
        story = self._stories.get(clientid)
        return story[-1] if story else None

    def _note(
        self,
        clientid: str,
        event: str,
        reason: str = "",
        topic: str = "",
        who: str = "",
        *,
        is_known: bool = True,
    ) -> None:
        if len(clientid) > MAX_CLIENTID_CHARS:
            return
        story = self._story_of(clientid) if is_known else self._story_of_stranger(clientid)
        if not story and is_known and event != "connected":
            story += self._arrival(clientid, is_leaving=event == "disconnected")
        at_ms = self._core.clock.wall_ms()
        fresh = ClientEvent(at_ms, event, reason, topic[:MAX_TOPIC_CHARS], who)
        if story and _is_more_of(story, fresh):
            count = story[-1].count + 1
            story[-1] = ClientEvent(at_ms, event, reason, fresh.topic, who, count)
            return
        story.append(fresh)
        if len(story) > self._config.max_events:
            del story[0]

    def _story_of(self, clientid: str) -> list[ClientEvent]:
        stories = self._stories
        story = stories.get(clientid)
        if story is not None:
            stories.move_to_end(clientid)
            return story
        story = stories[clientid] = self._strangers.pop(clientid, [])
        if len(stories) > self._config.max_clients:
            stories.popitem(last=False)
        return story

    def _story_of_stranger(self, clientid: str) -> list[ClientEvent]:
        strangers = self._strangers
        story = strangers.setdefault(clientid, [])
        strangers.move_to_end(clientid)
        if len(strangers) > max(1, self._config.max_clients // STRANGERS):
            strangers.popitem(last=False)
        return story


def _is_more_of(story: list[ClientEvent], fresh: ClientEvent) -> bool:
    """Tell whether an event repeats the last one, or is one too many of a kind in a row."""
    last = story[-1]
    if last.event != fresh.event or last.reason != fresh.reason or last.who != fresh.who:
        return False
    if last.topic == fresh.topic:
        return True
    run = story[-RUN:]
    return len(run) == RUN and all(
        one.event == fresh.event and one.reason == fresh.reason for one in run
    )


def _address(client: ClientInfo) -> str:
    return f"{client.peerhost}:{client.peerport}"


def _actor() -> str:
    """Return whose request this is done for; empty where the client or the node does it."""
    actor = current_actor()
    return "" if actor is SYSTEM else actor.name
