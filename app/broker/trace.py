"""Traces: what one client, topic or address does for a while, written to a file of its own.

Hooks are taken while a trace runs and at no other time, so that nobody pays for what nobody traces. A file that has
reached its limit takes no more. Which traces there are is decided elsewhere.

Source: EMQX 4.4 `emqx_trace`, `emqx_trace_handler`: the form of a line is theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from app.broker.client_info import ClientInfo
from app.broker.core import BrokerCore
from app.broker.hooks import Callback
from app.broker.message import Message
from app.broker.router import SubOptions
from app.broker.timers import Timer
from app.broker.trace_files import TraceFiles
from app.mqtt.packets import Connect, SubscribeFilter
from app.mqtt.reason_codes import ReasonCode
from app.mqtt.topic import matches

CLIENTID, TOPIC, IP_ADDRESS = ("clientid", "topic", "ip_address")
PAYLOAD_BYTES = 1_024
"""So much of a payload is shown."""
FULL = b"-- this trace has reached its size limit --\n"
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f\x80-\x9f\u2028\u2029]")


class TraceSpec(NamedTuple):
    """One trace, as it was asked for."""

    name: str
    type: str
    filter: str
    start_s: int
    end_s: int
    path: Path
    size: int = 0
    """Bytes that the file has already."""


@dataclass(slots=True)
class _Running:
    """A trace that runs."""

    spec: TraceSpec
    left: int
    """Bytes that its file may still take."""


class Tracer:
    """The traces of one broker; all methods but `flush` must be called on its loop."""

    def __init__(self) -> None:
        """Trace nothing until it is started."""
        self._core: BrokerCore | None = None
        self._files = TraceFiles()
        self._max_bytes = 0
        self._specs: dict[str, TraceSpec] = {}
        self._running: dict[str, _Running] = {}
        self._timer: Timer | None = None

    @property
    def is_running(self) -> bool:
        """Tell whether traces are possible; any thread may ask."""
        return self._core is not None

    def start(self, core: BrokerCore, specs: Iterable[TraceSpec], max_bytes: int) -> None:
        """Begin with these traces, each when its time comes.

        Args:
            core: of the broker.
            specs: the traces.
            max_bytes: no file grows beyond that.
        """
        self._core = core
        self._max_bytes = max_bytes
        self._specs = {spec.name: spec for spec in specs}
        self._look_at_the_time()

    def stop(self) -> None:
        """End all traces; their files stay."""
        self._specs.clear()
        self._look_at_the_time()
        self._files.close()
        self._core = None

    def add(self, spec: TraceSpec) -> None:
        """Begin one more trace, when its time comes."""
        self._specs[spec.name] = spec
        self._look_at_the_time()

    def end(self, name: str) -> None:
        """End a trace; one that there is not is no error."""
        self._specs.pop(name, None)
        self._look_at_the_time()

    def remove(self, name: str, path: Path) -> None:
        """End a trace and remove its file, after what was still to be written to it."""
        self.end(name)
        self._files.remove(path)

    def flush(self) -> None:
        """Wait until the files have all lines; for any thread but the loop's."""
        self._files.flush()

    # -- time ----------------------------------------------------------------------------------

    def _look_at_the_time(self) -> None:
        """Begin and end what is due, and come back when something is due again."""
        core = self._core
        if core is None:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now_s = core.clock.wall_ms() / 1_000
        due = {one.name: one for one in self._specs.values() if one.start_s <= now_s < one.end_s}
        was_running = bool(self._running)
        self._running = {
            name: self._running.get(name) or _Running(spec, self._max_bytes - spec.size)
            for name, spec in due.items()
        }
        if was_running != bool(self._running):
            self._join(core) if self._running else self._leave(core)
        ahead = [moment for one in self._specs.values() for moment in one[3:5] if moment > now_s]
        if ahead:
            self._timer = core.after(min(ahead) - now_s, self._look_at_the_time)

    def _join(self, core: BrokerCore) -> None:
        self._files.open()
        for point, callback in self._callbacks().items():
            core.hooks.point(point).add(callback)

    def _leave(self, core: BrokerCore) -> None:
        for point, callback in self._callbacks().items():
            core.hooks.point(point).remove(callback)

    # -- what is traced ------------------------------------------------------------------------

    def _callbacks(self) -> dict[str, Callback]:
        return {
            "client.connect": self._connect,
            "client.connack": self._connack,
            "client.disconnected": self._disconnected,
            "client.subscribe": self._subscribe,
            "client.unsubscribe": self._unsubscribe,
            "session.subscribed": self._subscribed,
            "session.unsubscribed": self._unsubscribed,
            "message.publish": self._publish,
            "message.delivered": self._delivered,
            "message.acked": self._acked,
            "message.dropped": self._dropped,
            "delivery.dropped": self._delivery_dropped,
        }

    def _connect(self, client: ClientInfo, packet: Connect) -> None:
        # Until the checks are through, the client's name stands in its packet only.
        traced = self._of(packet.clientid, client.peerhost)
        if traced:
            password = "undefined" if packet.password is None else "******"
            self._write(
                traced,
                _who(packet.clientid, client),
                f"[MQTT] RECV CONNECT(Q0, R0, D0, ClientId={packet.clientid}, ProtoName={packet.proto_name}, "
                f"ProtoVsn={packet.proto_ver}, CleanStart={_word(packet.clean_start)}, "
                f"KeepAlive={packet.keepalive}, Username={packet.username or 'undefined'}, Password={password})",
            )

    def _connack(self, client: ClientInfo, reason: ReasonCode) -> None:
        self._of_client(client, f"[MQTT] SEND CONNACK(Q0, R0, D0, ReasonCode={int(reason)})")

    def _disconnected(self, client: ClientInfo, reason: str) -> None:
        self._of_client(client, f"[Channel] Terminated due to {reason}")

    def _subscribe(self, client: ClientInfo, filters: Iterable[SubscribeFilter]) -> None:
        shown = ", ".join(f"{one.topic_filter}({one.qos})" for one in filters)
        self._of_client(client, f"[MQTT] RECV SUBSCRIBE(Q1, R0, D0, TopicFilters=[{shown}])")

    def _unsubscribe(self, client: ClientInfo, filters: Iterable[str]) -> None:
        shown = ", ".join(filters)
        self._of_client(client, f"[MQTT] RECV UNSUBSCRIBE(Q1, R0, D0, TopicFilters=[{shown}])")

    def _subscribed(self, client: ClientInfo, topic_filter: str, options: SubOptions) -> None:
        self._of_topic(
            topic_filter,
            f"{client.clientid} SUBSCRIBE {topic_filter}: Options: "
            f"{{qos: {options.qos}, nl: {int(options.no_local)}, rap: {int(options.retain_as_published)}, "
            f"rh: {options.retain_handling}}}",
        )

    def _unsubscribed(self, client: ClientInfo, topic_filter: str) -> None:
        self._of_topic(topic_filter, f"{client.clientid} UNSUBSCRIBE {topic_filter}")

    def _publish(self, message: Message) -> None:
        if message.about_broker:
            return
        traced = self._of(message.clientid, message.peerhost)
        if traced:
            who = f"{message.clientid}@{message.peerhost or ''} "
            self._write(traced, who, f"[MQTT] RECV {_described(message)}")
        self._of_topic(message.topic, f"PUBLISH to {message.topic}: {_shown(message.payload)}")

    def _delivered(self, clientid: str, message: Message) -> None:
        if not message.about_broker:
            self._of_receiver(clientid, "[MQTT] SEND ", message)

    def _acked(self, clientid: str, message: Message) -> None:
        self._of_receiver(clientid, "[Session] Acknowledged: ", message)

    def _dropped(self, message: Message, reason: str) -> None:
        traced = self._of(message.clientid, message.peerhost)
        traced += self._on(message.topic)
        if traced:
            who = f"{message.clientid}@{message.peerhost or ''} " if message.clientid else ""
            self._write(traced, who, f"[Broker] Dropped ({reason}): {_described(message)}")

    def _delivery_dropped(self, clientid: str, message: Message, reason: str) -> None:
        self._of_receiver(clientid, f"[Session] Dropped ({reason}): ", message)

    # -- who traces it -------------------------------------------------------------------------

    def _of(self, clientid: str | None, peerhost: str | None) -> list[_Running]:
        return [
            one
            for one in self._running.values()
            if (one.spec.type == CLIENTID and one.spec.filter == clientid)
            or (one.spec.type == IP_ADDRESS and one.spec.filter == peerhost)
        ]

    def _on(self, topic: str) -> list[_Running]:
        return [
            one
            for one in self._running.values()
            if one.spec.type == TOPIC
            and (topic == one.spec.filter or matches(topic, one.spec.filter))
        ]

    def _of_client(self, client: ClientInfo, text: str) -> None:
        traced = self._of(client.clientid, client.peerhost)
        if traced:
            self._write(traced, _who(client.clientid, client), text)

    def _of_receiver(self, clientid: str, text: str, message: Message) -> None:
        assert self._core is not None
        channel = self._core.cm.get(clientid)
        client = None if channel is None else channel.client
        traced = self._of(clientid, None if client is None else client.peerhost)
        if traced:
            who = f"{clientid} " if client is None else _who(clientid, client)
            self._write(traced, who, text + _described(message))

    def _of_topic(self, topic: str, text: str) -> None:
        traced = self._on(topic)
        if traced:
            self._write(traced, "", text, level="info")

    def _write(self, traced: list[_Running], who: str, text: str, level: str = "debug") -> None:
        assert self._core is not None
        at = datetime.fromtimestamp(self._core.clock.wall_ms() / 1_000).astimezone()
        stamp = at.isoformat(timespec="microseconds")
        # A name or a payload with a line's end in it must not make up lines of its own.
        shown = _UNPRINTABLE.sub(lambda found: f"\\x{ord(found[0]):02x}", who + text)
        line = f"{stamp} [{level}] {shown}\n".encode(errors="replace")
        for one in traced:
            if one.left < len(line):
                if one.left > 0:
                    self._files.append(one.spec.path, FULL)
                one.left = 0
                continue
            one.left -= len(line)
            self._files.append(one.spec.path, line)


def _who(clientid: str, client: ClientInfo) -> str:
    return f"{clientid}@{client.peerhost}:{client.peerport} "


def _word(truth: bool) -> str:
    return "true" if truth else "false"


def _described(message: Message) -> str:
    return (
        f"PUBLISH(Q{message.qos}, R{int(message.retain)}, D0, Topic={message.topic}, "
        f"Payload={_shown(message.payload)})"
    )


def _shown(payload: bytes) -> str:
    text = payload[:PAYLOAD_BYTES].decode(errors="backslashreplace")
    rest = len(payload) - PAYLOAD_BYTES
    return text if rest <= 0 else f"{text}... and {rest} bytes"
