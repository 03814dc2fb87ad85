"""A message on its way through the broker, and its encodings.

A message is encoded once per form (protocol version, QoS, retain flag) and the bytes are shared by all receivers.
"""

from __future__ import annotations

from app.ids import msgid
from app.mqtt.packets import MQTT_3_1_1, MQTT_5
from app.mqtt.packets.publish import encode_publish_form
from app.mqtt.properties import NO_PROPERTIES, Properties

Form = tuple[bytes, bytes]
"""(head, tail): a frame is head + packet id + tail for QoS 1 and 2, head alone for QoS 0."""


Identifier = int | tuple[int, ...]
"""Of the subscription that a message is delivered for, or of several made one."""
CONNECTION_ONLY = ("topic_alias", "subscription_identifier", "will_delay_interval")
"""Properties that belong to one connection's packet and are not forwarded."""


def forwarded(properties: Properties) -> Properties:
    """Return the properties of a packet that go on to receivers."""
    if not properties:
        return NO_PROPERTIES
    kept = properties.copy()
    for name in CONNECTION_ONLY:
        kept.pop(name, None)  # type: ignore[misc]
    return kept or NO_PROPERTIES


def is_as_promised(properties: Properties, payload: bytes) -> bool:
    """Tell whether a payload is UTF-8 where its sender says so (MQTT 5, section 3.3.2.3.2)."""
    if not properties.get("payload_format_indicator"):
        return True
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True


class Message:
    """What a publisher said, once. Never changed after it entered routing.

    `properties` holds what is forwarded to MQTT 5 receivers; topic alias and subscription identifiers are not part
    of a message but of one connection's packets.
    """

    __slots__ = (
        "_forms",
        "_id",
        "about_broker",
        "clientid",
        "payload",
        "peerhost",
        "properties",
        "qos",
        "retain",
        "timestamp_ms",
        "topic",
        "username",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - made for every PUBLISH: an options object would cost more than it says
        self,
        topic: str,
        payload: bytes,
        qos: int,
        retain: bool,
        timestamp_ms: int,
        clientid: str | None = None,
        username: str | None = None,
        peerhost: str | None = None,
        properties: Properties = NO_PROPERTIES,
    ) -> None:
        """Take the message as published; `clientid` None means nobody in particular said it."""
        self.topic = topic
        self.about_broker = topic.startswith("$SYS/")
        """The broker speaks of itself; EMQX leaves such messages out of most counters."""
        self.payload = payload
        self.qos = qos
        self.retain = retain
        self.timestamp_ms = timestamp_ms
        self.clientid = clientid
        self.username = username
        self.peerhost = peerhost
        self.properties = properties
        self._forms: dict[int, Form] | None = None
        self._id: str | None = None

    @property
    def id(self) -> str:
        """Return the message id, 32 hex digits, made when first asked for."""
        if self._id is None:
            self._id = msgid()
        return self._id

    def unmounted(self, mountpoint: str) -> Message:
        """Return the message as a client below a mountpoint sees it: without that prefix of its topic."""
        if not self.topic.startswith(mountpoint):
            return self
        message = Message(
            self.topic.removeprefix(mountpoint),
            self.payload,
            self.qos,
            self.retain,
            self.timestamp_ms,
            self.clientid,
            self.username,
            self.peerhost,
            self.properties,
        )
        message.about_broker = self.about_broker
        message._id = self.id
        return message

    def is_expired(self, now_ms: int) -> bool:
        """Tell whether the message expiry interval has passed [MQTT-3.3.2-5]."""
        interval_s = self.properties.get("message_expiry_interval")
        return interval_s is not None and now_ms >= self.timestamp_ms + interval_s * 1000

    def form(self, version: int, qos: int, retain: bool, now_ms: int) -> Form:
        """Return the shared encoding for receivers of `version` at `qos`.

        Args:
            version: protocol version of the receiver.
            qos: QoS of the delivery.
            retain: RETAIN flag of the delivery.
            now_ms: wall time, to count the expiry interval down [MQTT-3.3.2-6]; ignored without one.
        """
        waited_s = 0
        if self.properties and version == MQTT_5 and "message_expiry_interval" in self.properties:
            waited_s = max(0, (now_ms - self.timestamp_ms) // 1000)
        if version != MQTT_5:
            version = MQTT_3_1_1  # 3.1 is written alike
        key = waited_s << 6 | version << 3 | qos << 1 | retain
        forms = self._forms
        if forms is None:
            forms = self._forms = {}
        form = forms.get(key)
        if form is None:
            form = forms[key] = self._encode(version, qos, retain, waited_s, None)
        return form

    def came_as(self, frame: bytes, version: int) -> None:
        """Take the frame that the message came in for its QoS 0 encoding: forwarded unchanged.

        Args:
            frame: a whole QoS 0 PUBLISH without DUP, RETAIN and properties.
            version: what its publisher speaks.
        """
        if version != MQTT_5:
            version = MQTT_3_1_1
        self._forms = {version << 3: (frame, b"")}

    def came_in_form(self, version: int, qos: int, form: Form) -> None:
        """Take what stood before and behind the packet id for the encoding at its own QoS: forwarded unchanged."""
        self._forms = {version << 3 | qos << 1: form}

    def form_for_subscription(
        self, qos: int, retain: bool, now_ms: int, identifier: Identifier
    ) -> Form:
        """Return the MQTT 5 encoding that carries one subscription's identifier [MQTT-3.3.4-3]."""
        waited_s = max(0, (now_ms - self.timestamp_ms) // 1000)
        return self._encode(MQTT_5, qos, retain, waited_s, identifier)

    def _encode(
        self, version: int, qos: int, retain: bool, waited_s: int, identifier: Identifier | None
    ) -> Form:
        properties = self.properties
        if version == MQTT_5 and (identifier is not None or waited_s):
            properties = properties.copy()
            if "message_expiry_interval" in properties:
                left_s = properties["message_expiry_interval"] - waited_s
                properties["message_expiry_interval"] = max(0, left_s)
            if identifier is not None:
                properties["subscription_identifier"] = (
                    list(identifier) if isinstance(identifier, tuple) else [identifier]
                )
        return encode_publish_form(version, self.topic, self.payload, qos, retain, properties)
