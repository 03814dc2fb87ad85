"""Packets of every kind, made up: what a peer of each version may send."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from app.mqtt.packets import (
    Auth,
    Connack,
    Connect,
    Disconnect,
    Packet,
    PacketType,
    Pingreq,
    Pingresp,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Suback,
    Subscribe,
    SubscribeFilter,
    Unsuback,
    Unsubscribe,
    Will,
)
from app.mqtt.properties import NO_PROPERTIES, WILL, Context
from app.mqtt.reason_codes import is_allowed

_NAMES = {3: "MQIsdp", 4: "MQTT", 5: "MQTT"}

patient = settings(
    # A busy machine is no failure of the codec.
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
topics = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0+#"), min_size=1, max_size=12
)
payloads = st.binary(max_size=40)
packet_ids = st.integers(1, 65_535)
_bits = st.integers(0, 1)
_u16 = st.integers(0, 65_535)
_u32 = st.integers(0, 2**32 - 1)
_identifiers = st.integers(1, 268_435_455)
_pairs = st.lists(st.tuples(texts, texts), min_size=1, max_size=3)

_MESSAGE: dict[str, st.SearchStrategy[Any]] = {
    "payload_format_indicator": _bits,
    "message_expiry_interval": _u32,
    "content_type": texts,
    "response_topic": topics,
    "correlation_data": payloads,
}
_BOTH_CONNECTS: dict[str, st.SearchStrategy[Any]] = {
    "session_expiry_interval": _u32,
    "authentication_method": texts,
    "receive_maximum": st.integers(1, 65_535),
    "topic_alias_maximum": _u16,
    "maximum_packet_size": st.integers(1, 2**32 - 1),
}
_PROPERTIES: dict[Context, dict[str, st.SearchStrategy[Any]]] = {
    PacketType.CONNECT: {
        **_BOTH_CONNECTS,
        "request_problem_information": _bits,
        "request_response_information": _bits,
    },
    PacketType.CONNACK: {
        **_BOTH_CONNECTS,
        "reason_string": texts,
        "assigned_client_identifier": texts,
        "server_keep_alive": _u16,
        "response_information": texts,
        "server_reference": texts,
        "maximum_qos": _bits,
        "retain_available": _bits,
        "wildcard_subscription_available": _bits,
        "subscription_identifier_available": _bits,
        "shared_subscription_available": _bits,
    },
    PacketType.PUBLISH: {**_MESSAGE, "topic_alias": st.integers(1, 65_535)},
    WILL: {**_MESSAGE, "will_delay_interval": _u32},
    PacketType.SUBSCRIBE: {"subscription_identifier": st.tuples(_identifiers).map(list)},
    PacketType.UNSUBSCRIBE: {},
    PacketType.DISCONNECT: {"reason_string": texts, "server_reference": texts},
    PacketType.AUTH: {"reason_string": texts},
}


def properties(context: Context, version: int) -> st.SearchStrategy[Any]:
    """Make property lists for a place; empty before version 5."""
    if version != 5:
        return st.just(NO_PROPERTIES)
    known = _PROPERTIES.get(context, {"reason_string": texts})
    return st.fixed_dictionaries({}, optional={**known, "user_property": _pairs})


def _reasons(packet_type: PacketType, version: int) -> st.SearchStrategy[int]:
    codes = [code for code in range(256) if is_allowed(code, packet_type, version)]
    return st.sampled_from(codes)


def connects(version: int) -> st.SearchStrategy[Packet]:
    """Make CONNECT packets."""
    wills = st.builds(
        Will, topics, payloads, st.integers(0, 2), st.booleans(), properties(WILL, version)
    )
    # Before version 5 a password comes with a user name only [MQTT-3.1.2-22].
    credentials = st.sampled_from([("u", None), (None, None), ("", b"\0\xff")])
    if version == 5:
        credentials |= st.just((None, b"p"))
    return st.builds(
        lambda names, **fields: Connect(
            _NAMES[version], version, username=names[0], password=names[1], **fields
        ),
        credentials,
        clean_start=st.booleans(),
        keepalive=_u16,
        clientid=texts,
        will=st.none() | wills,
        properties=properties(PacketType.CONNECT, version),
        is_bridge=st.booleans(),
    )


def _connack(version: int) -> st.SearchStrategy[Packet]:
    refusals = st.sampled_from([0x84, 0x85, 0x86, 0x87, 0x88])
    present = st.just(False) if version == 3 else st.booleans()
    values = properties(PacketType.CONNACK, version)
    return st.builds(Connack, present, st.just(0), values) | st.builds(
        Connack, st.just(False), refusals, values
    )


def _publish(version: int) -> st.SearchStrategy[Packet]:
    values = properties(PacketType.PUBLISH, version)
    return st.builds(Publish, topics, payloads, st.just(0), st.booleans(), properties=values) | (
        st.builds(
            Publish,
            topics,
            payloads,
            st.integers(1, 2),
            st.booleans(),
            st.booleans(),
            packet_ids,
            values,
        )
    )


def _filters(version: int) -> st.SearchStrategy[tuple[SubscribeFilter, ...]]:
    options = [st.booleans(), st.booleans(), st.integers(0, 2)] if version == 5 else []
    one = st.builds(SubscribeFilter, topics, st.integers(0, 2), *options)
    return st.lists(one, min_size=1, max_size=4).map(tuple)


def _ack(ack: type[Puback | Pubrec | Pubrel | Pubcomp], version: int) -> st.SearchStrategy[Packet]:
    reasons = _reasons(ack.TYPE, version) if version == 5 else st.just(0)
    return st.builds(ack, packet_ids, reasons, properties(ack.TYPE, version))


def from_client(version: int) -> st.SearchStrategy[Packet]:
    """Make packets that a client may send after CONNECT."""
    made = [
        _publish(version),
        *(_ack(ack, version) for ack in (Puback, Pubrec, Pubrel, Pubcomp)),
        st.builds(
            Subscribe, packet_ids, _filters(version), properties(PacketType.SUBSCRIBE, version)
        ),
        st.builds(
            Unsubscribe,
            packet_ids,
            st.lists(topics, min_size=1, max_size=4).map(tuple),
            properties(PacketType.UNSUBSCRIBE, version),
        ),
        st.just(Pingreq()),
        _disconnect(version),
    ]
    return st.one_of(*made, _auth()) if version == 5 else st.one_of(*made)


def from_server(version: int) -> st.SearchStrategy[Packet]:
    """Make packets that a server may send."""
    codes = st.lists(_reasons(PacketType.SUBACK, version), min_size=1, max_size=4).map(tuple)
    unsuback_codes = (
        st.lists(_reasons(PacketType.UNSUBACK, version), min_size=1, max_size=4).map(tuple)
        if version == 5
        else st.just(())
    )
    made = [
        _connack(version),
        _publish(version),
        *(_ack(ack, version) for ack in (Puback, Pubrec, Pubrel, Pubcomp)),
        st.builds(Suback, packet_ids, codes, properties(PacketType.SUBACK, version)),
        st.builds(Unsuback, packet_ids, unsuback_codes, properties(PacketType.UNSUBACK, version)),
        st.just(Pingresp()),
        _disconnect(version),
    ]
    return st.one_of(*made, _auth()) if version == 5 else st.one_of(*made)


def _disconnect(version: int) -> st.SearchStrategy[Packet]:
    reasons = _reasons(PacketType.DISCONNECT, version) if version == 5 else st.just(0)
    return st.builds(Disconnect, reasons, properties(PacketType.DISCONNECT, version))


def _auth() -> st.SearchStrategy[Packet]:
    # Only an AUTH without body goes without a method.
    values = properties(PacketType.AUTH, 5).map(lambda made: {"authentication_method": "m", **made})
    return st.just(Auth()) | st.builds(Auth, _reasons(PacketType.AUTH, 5), values)
