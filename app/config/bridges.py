"""Parameters of emqx_bridge_mqtt: bridges to other MQTT brokers, each with a name of the operator's choice.

Source: EMQX 4.4 `emqx_bridge_mqtt.conf`.
"""

from __future__ import annotations

from app.config.kinds import above_zero, any_text, choice, duration, flag, size, whole
from app.config.table import Setting

PREFIX = "bridge.mqtt."
_NAMED = f"{PREFIX}$name."


def _row(name: str, kind: object, default: str, doc: str, *, secret: bool = False) -> Setting:
    return Setting(_NAMED + name, kind, default, doc, hot=True, secret=secret)  # type: ignore[arg-type]


SUBSCRIPTION_TOPIC = _row(
    "subscription.$number.topic",
    any_text,
    "",
    "A filter that the bridge subscribes to there; what comes is published here.",
)
SUBSCRIPTION_QOS = _row("subscription.$number.qos", whole(0, 2), "1", "QoS of that subscription.")

_SINGLE = (
    _row("address", any_text, "", "Where the other broker is: `HOST:PORT`."),
    _row("proto_ver", choice("mqttv3", "mqttv4", "mqttv5"), "mqttv4", "The version of MQTT."),
    _row(
        "start_type",
        choice("manual", "auto"),
        "manual",
        "Whether the bridge is started by `godwit ctl bridges start`, or by itself.",
    ),
    _row(
        "bridge_mode",
        flag,
        "off",
        "Whether we say that we are a bridge (MQTT 3 only): the other broker leaves RETAIN as it is.",
    ),
    _row("clientid", any_text, "", "The client id there; `${node}` is the name of this node."),
    _row(
        "clean_start",
        flag,
        "on",
        "Whether the other broker forgets us when a connection ends; `off` has it keep what comes in the meantime.",
    ),
    _row("username", any_text, "", "The user name there."),
    _row("password", any_text, "", "The password there.", secret=True),
    _row(
        "forwards",
        any_text,
        "",
        "Filters with commas between them: what is published here on such topics is published there.",
    ),
    _row(
        "forward_mountpoint",
        any_text,
        "",
        "Put before the topics of what goes there; `${node}` is the name of this node.",
    ),
    _row(
        "receive_mountpoint",
        any_text,
        "",
        "Put before the topics of what comes from there; `${node}` is the name of this node.",
    ),
    _row("ssl", flag, "off", "Whether the connection is encrypted."),
    _row(
        "cacertfile",
        any_text,
        "",
        "Certificates that the other broker's is checked against; empty is those of the system.",
    ),
    _row("certfile", any_text, "", "Our own certificate, where the other broker asks for one."),
    _row("keyfile", any_text, "", "The key of our own certificate."),
    _row(
        "verify",
        flag,
        "on",
        "Whether the other broker's certificate is checked. Passwords go to whoever answers where it is not.",
    ),
    _row(
        "server_name_indication",
        any_text,
        "",
        "The name that the other broker must have, where it is not the one of its address.",
    ),
    _row("keepalive", above_zero(duration), "60s", "How often we give a sign of life."),
    _row(
        "reconnect_interval",
        above_zero(duration),
        "30s",
        "The longest pause before we connect again; the first is a second, each further one twice as long.",
    ),
    _row(
        "retry_interval",
        above_zero(duration),
        "20s",
        "After this time without an acknowledgement we connect anew and send again.",
    ),
    _row(
        "batch_size", whole(1, 10_000), "32", "How many messages are taken from the queue at once."
    ),
    _row(
        "max_inflight_size",
        whole(1, 65_535),
        "32",
        "How many messages may wait for an acknowledgement; the other broker may allow fewer.",
    ),
    _row(
        "queue.replayq_dir",
        any_text,
        "",
        "Folder for messages that wait, so that they survive a restart; empty keeps them in memory.",
    ),
    _row(
        "queue.replayq_seg_bytes",
        above_zero(size),
        "10MB",
        "Where the journal of the file in that folder is cut back.",
    ),
    _row(
        "queue.max_total_size",
        above_zero(size),
        "100MB",
        "How many bytes of messages may wait; what comes beyond is dropped and counted.",
    ),
)
BY_NAME = {row.key.removeprefix(_NAMED): row for row in _SINGLE}
"""The parameters of one bridge, but for its subscriptions, by what stands behind its name."""

BRIDGE_ROWS = (*_SINGLE, SUBSCRIPTION_TOPIC, SUBSCRIPTION_QOS)
