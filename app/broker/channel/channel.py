"""The channel: state of one client's connection, the way out, and the end.

It touches neither socket nor event loop. The connection feeds packets to `dispatch.handle_in`; what the channel says
goes out through its `Wire`. Where a check needs time `handle_in` returns something to wait for; until that is done the
connection must not feed the next packet.
"""

from __future__ import annotations

from typing import Any

from app.broker.channel.will import publish_will
from app.broker.client_info import ClientInfo
from app.broker.core import BrokerCore
from app.broker.enhanced_auth import Authentication
from app.broker.inflight import Delivery
from app.broker.message import Form, Identifier, Message
from app.broker.pressure import Publisher, Wait
from app.broker.session import Session
from app.broker.timers import Timer
from app.broker.topic_aliases import TopicAliases, frame_size
from app.broker.wire import CLOSED_WIRE, ClientCounters, Wire
from app.mqtt.errors import MQTTError
from app.mqtt.packets import (
    MQTT_3_1_1,
    MQTT_5,
    Connack,
    Disconnect,
    Packet,
    PacketType,
    Pubrel,
    Will,
)
from app.mqtt.properties import NO_PROPERTIES, Properties
from app.mqtt.reason_codes import ReasonCode, text

PUBLISH = int(PacketType.PUBLISH)
SHUTDOWN_REASONS = {
    ReasonCode.KEEP_ALIVE_TIMEOUT: "keepalive_timeout",
    ReasonCode.PACKET_TOO_LARGE: "frame_too_large",
}


class Channel:
    """One client."""

    __slots__ = (
        "aliases",
        "authentication",
        "client",
        "congested",
        "connack_mark",
        "connected_at_ms",
        "core",
        "counters",
        "disconnect_reason",
        "disconnected_at_ms",
        "expiry_timer",
        "has_own_forms",
        "is_connected",
        "is_open",
        "keepalive_mark",
        "keepalive_strikes",
        "keepalive_timer",
        "max_outgoing_packet",
        "metrics",
        "problem_information",
        "receive_maximum",
        "retry_timer",
        "session",
        "topic_aliases",
        "version",
        "wait",
        "will",
        "will_timer",
        "wire",
    )

    def __init__(self, core: BrokerCore, client: ClientInfo, wire: Wire) -> None:
        """Wait for a CONNECT, no longer than the zone's idle timeout."""
        # For ever
        self.core = core
        self.metrics = core.metrics
        self.client = client
        self.wire = wire
        self.counters = ClientCounters()
        # From CONNECT on
        self.version = 0
        self.session: Session | None = None
        self.connected_at_ms = core.clock.wall_ms()
        self.disconnected_at_ms: int | None = None
        self.disconnect_reason = ""
        self.max_outgoing_packet = 0
        """The client's Maximum Packet Size; 0 is none."""
        self.has_own_forms = False
        """What it is sent is measured or has aliases: the encoding shared by all will not do."""
        self.receive_maximum = 65_535
        self.problem_information = True
        self.aliases: dict[int, str] | None = None
        """What the client sends for topics."""
        self.topic_aliases: TopicAliases | None = None
        """What it is sent for them; None where it takes none."""
        self.will: Will | None = None
        self.authentication: Authentication | None = None
        """Only of clients whose CONNECT named a method."""
        # While connected
        self.is_open = True
        """The connection is there and nobody has said it should end."""
        self.is_connected = False
        """CONNACK said success and the connection has not ended."""
        self.congested = False
        self.wait: Wait | None = None
        """What its last message waits for before it is acknowledged."""
        self.connack_mark = 0
        """What has to be safe before CONNACK leaves, and anything else."""
        self.keepalive_mark = (0, 0)
        self.keepalive_strikes = 0
        self.keepalive_timer: Timer | None = core.after(client.zone.idle_timeout_s, self._idle)
        self.retry_timer: Timer | None = None
        # Afterwards
        self.expiry_timer: Timer | None = None
        self.will_timer: Timer | None = None

    # -- what goes wrong ------------------------------------------------------------------------

    def handle_error(self, error: MQTTError, version: int | None = None) -> None:
        """End the connection as the specification wants it for what the client did wrong.

        Args:
            error: what it did.
            version: the protocol version of a CONNECT that could not be read to its end, if that much is known.
        """
        if not self.is_open:
            return
        name = text(error.reason)
        self.core.complaints.say(
            self.client.clientid or "?", self.client.peerhost, error.detail or name, name
        )
        reason = SHUTDOWN_REASONS.get(error.reason, name)
        if not self.is_connected:
            if error.reason is ReasonCode.UNSUPPORTED_PROTOCOL_VERSION:
                self.version = MQTT_3_1_1  # [MQTT-3.1.2-2] a CONNACK that any client can read
            elif version == MQTT_5:
                self.version = MQTT_5
            if self.version:
                self.refuse(error.reason)
                return
        self.disconnect(error.reason, reason, error.detail)

    def handle_closed(self, reason: str) -> None:
        """Note that the connection is gone; the will is due unless the client said goodbye."""
        self.end(reason)
        # Breaks the circle of connection and channel, so that neither waits for the collector.
        self.wire = CLOSED_WIRE

    # -- out -----------------------------------------------------------------------------------

    def send(self, packet: Packet) -> None:
        """Send a packet that is nobody else's."""
        kind = packet.TYPE
        self.metrics.packets_sent[kind] += 1
        self.counters.send_pkt += 1
        self.wire.write(packet.encode(self.version))

    def send_past(self, packet: Packet) -> None:
        """Send a packet that promises nothing, past those that wait for the storage, but not past CONNACK."""
        if self.connack_mark > self.core.storage.safe:
            self.send(packet)
            return
        kind = packet.TYPE
        self.metrics.packets_sent[kind] += 1
        self.counters.send_pkt += 1
        self.wire.write_past(packet.encode(self.version))

    def send_ack(self, kind: PacketType, frame: bytes) -> None:
        """Send an acknowledgement that is encoded already."""
        self.metrics.packets_sent[kind] += 1
        self.counters.send_pkt += 1
        self.wire.write(frame)

    def send_message(
        self,
        message: Message,
        qos: int,
        retain: bool,
        packet_id: int,
        identifier: Identifier | None,
    ) -> bool:
        """Send a PUBLISH in the message's shared encoding; False where it is too large."""
        form = self._form(message, qos, retain, identifier, self.topic_aliases)
        if form is None:
            return False
        counters = self.counters
        counters.send_pkt += 1
        counters.count_sent(qos)
        if not message.about_broker:
            self.metrics.packets_sent[PUBLISH] += 1
            self.metrics.messages_sent[qos] += 1
        if self.core.on_delivered.callbacks:
            self.core.on_delivered.run(self.client.clientid, message)
        head, tail = form
        if qos:
            self.wire.write(b"".join((head, packet_id.to_bytes(2, "big"), tail)))
        else:
            self.wire.write(head)
        return True

    def send_plain(self, message: Message) -> bool:
        """Send a QoS 0 PUBLISH without RETAIN and subscription identifier, as most are."""
        if self.has_own_forms or message.about_broker or self.core.on_delivered.callbacks:
            return self.send_message(message, 0, False, 0, None)
        now_ms = self.core.clock.wall_ms() if message.properties else 0
        head = message.form(self.version, 0, False, now_ms)[0]
        counters = self.counters
        counters.send_pkt += 1
        counters.send_msg_qos0 += 1
        metrics = self.metrics
        metrics.packets_sent[PUBLISH] += 1
        metrics.messages_sent[0] += 1
        self.wire.write(head)
        return True

    def _form(
        self,
        message: Message,
        qos: int,
        retain: bool,
        identifier: Identifier | None,
        aliases: TopicAliases | None = None,
    ) -> Form | None:
        """Return the encoding for this client, or None where it does not accept one so large."""
        now_ms = self.core.clock.wall_ms() if message.properties else 0
        if identifier is None or self.version != MQTT_5:
            form = message.form(self.version, qos, retain, now_ms)
        else:
            form = message.form_for_subscription(qos, retain, now_ms, identifier)
        if aliases is not None:
            form = aliases.shorten(message.topic, form, qos)
        limit = self.max_outgoing_packet
        if limit and frame_size(form, qos) > limit:
            # [MQTT-3.1.2-25] not sent, as if it had been
            self.metrics.delivery_dropped_too_large += 1
            self.drop_delivery(message, "too_large")
            return None
        return form

    def send_publish(self, delivery: Delivery, packet_id: int, *, dup: bool) -> bool:
        """Send a PUBLISH that waits for its acknowledgement."""
        if self.retry_timer is None and self.version != MQTT_5:
            self.arm_retry()
        if dup:
            return self._send_again(delivery, packet_id)
        return self.send_message(
            delivery.message, delivery.qos, delivery.retain, packet_id, delivery.identifier
        )

    def _send_again(self, delivery: Delivery, packet_id: int) -> bool:
        form = self._form(delivery.message, delivery.qos, delivery.retain, delivery.identifier)
        if form is None:
            return False
        self.metrics.messages_sent[delivery.qos] += 1
        self.counters.count_sent(delivery.qos)
        head, tail = form
        first = bytes((head[0] | 0x08,))  # [MQTT-3.3.1-1] DUP
        frame = b"".join((first, head[1:], packet_id.to_bytes(2, "big"), tail))
        self.send_ack(PacketType.PUBLISH, frame)
        return True

    def send_pubrel(self, packet_id: int) -> None:
        """Send a PUBREL."""
        self.send(Pubrel(packet_id))

    def wait_until_safe(self) -> None:
        """Send nothing more before what was said to the storage so far is safe."""
        self.wire.wait_for(self.core.storage.mark)

    # -- backpressure ---------------------------------------------------------------------------

    @property
    def waiter(self) -> Publisher:
        """Return itself, as one that may be made to wait."""
        return self

    def press(self) -> bool:
        """Have whoever publishes at the moment wait for this client's queue; False where it cannot."""
        return self.session is not None and self.core.pressure.press(self.session)

    def stall(self) -> None:
        """Take nothing more from the client before it may go on."""
        self.wire.stall()

    def go_on(self, wait: Wait) -> None:
        """Acknowledge what waited, and take from the client what comes."""
        self.wire.go_on(wait)

    def acknowledge(self, wait: Wait) -> None:
        """Acknowledge what waited."""
        if wait.mark:
            self.wire.wait_for(wait.mark)
        self.send_ack(wait.kind, wait.frame)

    def drop_delivery(self, message: Message, reason: str) -> None:
        """Count a delivery that was given up, and tell the hooks."""
        dropped = self.counters.send_msg_dropped
        if dropped is None:
            dropped = self.counters.send_msg_dropped = {}
        dropped[reason] = dropped.get(reason, 0) + 1
        point = self.core.hooks.point("delivery.dropped")
        if point.callbacks:
            point.run(self.client.clientid, message, reason)

    def set_congested(self, congested: bool) -> None:
        """Hear from the connection whether its buffer is over the limit."""
        self.congested = congested
        if self.session is not None and self.session.outlet is self:
            if not congested:
                self.session.on_writable()
            self.session.taker = self.taker()

    def taker(self) -> Any:
        """Return the lane of the connection, where plain messages may go out unseen by this channel."""
        session = self.session
        if (
            self.congested
            or self.has_own_forms
            or session is None
            or session.mountpoint
            or session.zone.upgrade_qos
        ):
            return None
        return self.wire.lane

    # -- ends ----------------------------------------------------------------------------------

    def refuse(self, reason: ReasonCode, hint: str = "") -> None:
        """Answer CONNECT with a failure and close [MQTT-3.2.2-7]."""
        properties: Properties = NO_PROPERTIES
        if hint and self.problem_information:
            properties = {"reason_string": hint}
        self.core.hooks.point("client.connack").run(self.client, reason)
        self.metrics.client_connack += 1
        self.metrics.connack_error += 1
        self.send(Connack(False, reason, properties))
        self.end(text(reason))
        self.wire.close()

    def disconnect(self, reason: ReasonCode, name: str, detail: str = "") -> None:
        """Tell the client why (MQTT 5) and close.

        Args:
            reason: reason code of the DISCONNECT.
            name: EMQX's word for it, for hooks and counters.
            detail: for people; sent only to clients that want problem information.
        """
        if not self.is_open:
            return
        if self.is_connected and self.version == MQTT_5:
            properties: Properties = NO_PROPERTIES
            if detail and self.problem_information:
                properties = {"reason_string": detail}
            self.send(Disconnect(reason, properties))
        self.end(name)
        self.wire.close()

    def replaced(self, name: str) -> None:
        """End the connection because another one has come for the same client id."""
        if self.version == MQTT_5:
            self.send(Disconnect(ReasonCode.SESSION_TAKEN_OVER))
        self._close_channel(name)
        self.core.cm.live -= 1
        if self.session is not None:
            self.session.leave()
        self._will_is_due()
        self.wire.close()

    def end(self, reason: str) -> None:
        """End the client's stay: session and will go their ways; the socket is somebody else's care."""
        was_connected = self.is_connected
        self._close_channel(reason)
        if was_connected:
            if self.session is not None:
                # Before the will goes out: what this client is sent from now on waits for its return.
                self.session.leave()
            self._will_is_due()
            self.core.cm.disconnected(self, reason)

    def _close_channel(self, reason: str) -> None:
        if not self.is_open:
            return
        self.is_open = False
        for timer in (self.keepalive_timer, self.retry_timer):
            if timer is not None:
                timer.cancel()
        self.keepalive_timer = self.retry_timer = None
        self.aliases = self.topic_aliases = None
        if self.authentication is not None:
            self.authentication.finish()
        self.disconnect_reason = reason
        if self.is_connected:
            self.is_connected = False
            self.disconnected_at_ms = self.core.clock.wall_ms()
            self.metrics.client_disconnected += 1
            self.core.hooks.point("client.disconnected").run(self.client, reason)

    def is_gone(self) -> None:
        """Stand for a client that was there before the node started."""
        self._close_channel("")

    def hand_over(self) -> None:
        """Let go of the session and of what was to happen to it."""
        self.session = None
        if self.expiry_timer is not None:
            self.expiry_timer.cancel()
            self.expiry_timer = None

    # -- will ----------------------------------------------------------------------------------

    def _will_is_due(self) -> None:
        """Publish the will now, or after its delay [MQTT-3.1.2-8]."""
        will = self.will
        if will is None:
            return
        delay_s = will.properties.get("will_delay_interval", 0)
        if delay_s:
            self.will_timer = self.core.after(delay_s, self.publish_delayed_will)
        else:
            self.publish_delayed_will()

    def cancel_delayed_will(self) -> None:
        """Forget a will whose delay has not passed: the client is back [MQTT-3.1.3-9]."""
        if self.will_timer is not None:
            self.will_timer.cancel()
            self.will_timer = None
            self.will = None

    def publish_delayed_will(self) -> None:
        """Publish the will if it still waits; it goes out once."""
        will, self.will = self.will, None
        if will is not None and self.session is not None and self.session.log is not None:
            self.session.log.will_is_over()
        if self.will_timer is not None:
            self.will_timer.cancel()
            self.will_timer = None
        if will is not None:
            publish_will(self.core, self.client, will)

    # -- time ----------------------------------------------------------------------------------

    def _idle(self) -> None:
        """Close: no CONNECT came in time [MQTT-3.1.4-1 leaves the limit to us]."""
        self._close_channel("idle_timeout")
        self.wire.close()

    def start_keepalive(self) -> None:
        """Watch for signs of life from now on, or stop where the client wants none."""
        if self.keepalive_timer is not None:
            self.keepalive_timer.cancel()
            self.keepalive_timer = None
        self.keepalive_strikes = 0
        if self.client.keepalive_s:
            self.keepalive_mark = self.wire.activity()
            self._arm_keepalive()

    def _arm_keepalive(self) -> None:
        delay_s = self.client.keepalive_s * self.client.zone.keepalive_backoff
        self.keepalive_timer = self.core.after(delay_s, self._check_keepalive)

    def _check_keepalive(self) -> None:
        """Close on the second check in a row without a byte: 1.5 times Keep Alive [MQTT-3.1.2-22]."""
        mark = self.wire.activity()
        if mark != self.keepalive_mark:
            self.keepalive_mark = mark
            self.keepalive_strikes = 0
        else:
            self.keepalive_strikes += 1
            if self.keepalive_strikes > 1:
                self.disconnect(ReasonCode.KEEP_ALIVE_TIMEOUT, "keepalive_timeout")
                return
        self._arm_keepalive()

    def arm_retry(self) -> None:
        """Look again, after the zone's interval, whether what is sent now was acknowledged."""
        interval_s = self.client.zone.retry_interval_s
        if interval_s:
            self.retry_timer = self.core.after(interval_s, self._retry)

    def _retry(self) -> None:
        """Send again what is unacknowledged for too long; MQTT 5 forbids it [MQTT-4.4.0-1]."""
        self.retry_timer = None
        session = self.session
        if session is not None and session.inflight:
            session.retry(self.core.clock.monotonic_s() - self.client.zone.retry_interval_s)
            if self.retry_timer is None:
                self.arm_retry()
