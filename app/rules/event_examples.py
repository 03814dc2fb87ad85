"""Events to show and to test statements with: columns with values, as EMQX has them.

Times are zeros here, and set when an example is used.

Source: EMQX 4.4 `emqx_rule_events`.
"""

from __future__ import annotations

from app.rules.terms.values import UNDEFINED, Value

Pairs = tuple[tuple[str, Value], ...]

_USER_PROPERTIES = {
    "User-Property": {"foo": "bar"},
    "User-Property-Pairs": [{"key": "foo"}, {"value": "bar"}],
}
_PUB_PROPS = {
    "Payload-Format-Indicator": 0,
    "Message-Expiry-Interval": 30,
    **_USER_PROPERTIES,
}
_CONN_PROPS = {"Session-Expiry-Interval": 7200, "Receive-Maximum": 32, **_USER_PROPERTIES}
_DISCONN_PROPS = {
    "Session-Expiry-Interval": 7200,
    "Reason-String": "Redirect to another server",
    "Server Reference": "192.168.22.129",
    **_USER_PROPERTIES,
}
_PUBLISHER: Pairs = (("clientid", "c_emqx"), ("username", "u_emqx"))
_BOTH: Pairs = (
    ("from_clientid", "c_emqx_1"),
    ("from_username", "u_emqx_1"),
    ("clientid", "c_emqx_2"),
    ("username", "u_emqx_2"),
)
_PAYLOAD: Pairs = (("payload", '{"msg": "hello"}'),)
_TOPIC: Pairs = (("topic", "t/a"), ("qos", 1))
_PEERHOST: Pairs = (("peerhost", "192.168.0.10"),)
_REST_OF_MESSAGE: Pairs = (
    *_PAYLOAD,
    *_PEERHOST,
    *_TOPIC,
    ("flags", {}),
    ("publish_received_at", 0),
)
_ID: Pairs = (("id", "0005F2B8DE3A1F6AF4430000054C0000"),)
_PROPS: Pairs = (("pub_props", _PUB_PROPS),)
_SOCKET: Pairs = (
    *_PUBLISHER,
    ("peername", "192.168.0.10:56431"),
    ("sockname", "0.0.0.0:1883"),
    ("proto_name", "MQTT"),
    ("proto_ver", 5),
)
EXAMPLES: dict[str, Pairs] = {
    "message.publish": (*_ID, *_PUBLISHER, *_REST_OF_MESSAGE, *_PROPS),
    "message.delivered": (*_ID, *_BOTH, *_REST_OF_MESSAGE, *_PROPS),
    "message.acked": (
        *_ID,
        *_BOTH,
        *_REST_OF_MESSAGE,
        *_PROPS,
        ("puback_props", {"Reason-String": "OK", **_USER_PROPERTIES}),
    ),
    "message.dropped": (
        *_ID,
        ("reason", "no_subscribers"),
        *_PUBLISHER,
        *_REST_OF_MESSAGE,
        *_PROPS,
    ),
    "delivery.dropped": (*_ID, ("reason", "queue_full"), *_BOTH, *_REST_OF_MESSAGE),
    "client.connected": (
        *_PUBLISHER,
        ("mountpoint", UNDEFINED),
        *_SOCKET[2:],
        ("keepalive", 60),
        ("clean_start", True),
        ("expiry_interval", 3600),
        ("is_bridge", False),
        ("connected_at", 0),
        ("conn_props", _CONN_PROPS),
    ),
    "client.disconnected": (
        ("reason", "normal"),
        *_SOCKET,
        ("disconnected_at", 0),
        ("disconn_props", _DISCONN_PROPS),
    ),
    "client.connack": (
        ("reason_code", "success"),
        *_SOCKET,
        ("keepalive", 60),
        ("clean_start", True),
        ("expiry_interval", 3600),
        ("conn_props", _CONN_PROPS),
    ),
    "session.subscribed": (*_PUBLISHER, *_PEERHOST, *_TOPIC, ("sub_props", _USER_PROPERTIES)),
    "session.unsubscribed": (*_PUBLISHER, *_PEERHOST, *_TOPIC, ("unsub_props", _USER_PROPERTIES)),
    "client.check_acl_complete": (
        *_PUBLISHER,
        *_PEERHOST,
        ("topic", "t/a"),
        ("action", "publish"),
        ("is_cache", "false"),
        ("result", "allow"),
    ),
}

_TEST_PUBLISH: Pairs = (*_PUBLISHER, *_TOPIC, *_PAYLOAD)
_TEST_DELIVERY: Pairs = (*_BOTH, *_TOPIC, *_PAYLOAD)
_TEST_SUBSCRIPTION: Pairs = (*_PUBLISHER, *_TOPIC)

TEST_COLUMNS: dict[str, Pairs] = {
    "message.publish": _TEST_PUBLISH,
    "message.delivered": _TEST_DELIVERY,
    "message.acked": _TEST_DELIVERY,
    "message.dropped": (("reason", "no_subscribers"), *_TEST_PUBLISH),
    "delivery.dropped": (("reason", "queue_full"), *_TEST_DELIVERY),
    "client.connected": (*_PUBLISHER, ("peername", "127.0.0.1:52918")),
    "client.disconnected": (*_PUBLISHER, ("reason", "normal")),
    "client.connack": (*_PUBLISHER, ("reason_code", "success")),
    "session.subscribed": _TEST_SUBSCRIPTION,
    "session.unsubscribed": _TEST_SUBSCRIPTION,
    "client.check_acl_complete": (
        *_PUBLISHER,
        ("topic", "t/1"),
        ("action", "publish"),
        ("result", "allow"),
    ),
}
"""What a person is asked for when a statement is tested."""
