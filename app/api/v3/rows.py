"""What the third generation shows and takes, by example; the row functions beside the handlers write the same."""

from __future__ import annotations

from app.api.describing import ANYTHING, NODE, ByName, Either, Row, Word, row

QOS = Word((1, 0, 2))
COUNTS = ByName("messages/received", 12)
GAUGES = ByName("connections/count", 1)

CALL = row("Call", name="list_nodes", method="GET", path="/nodes/", descr="A list of nodes")

_BROKER = {
    "version": "4.4.19",
    "sysdescr": "Godwit",
    "uptime": "2 hours, 0 minutes, 7 seconds",
    "datetime": "2026-11-21 12:00:00",
    "otp_release": "R24/12.3",
    "node_status": "Running",
}
BROKER = Row("Broker", _BROKER)
LISTED_BROKER = Row("ListedBroker", {"node": NODE, **_BROKER})
_NODE = {
    "name": NODE,
    "version": "4.4.19",
    "node_status": "Running",
    "otp_release": "R24/12.3",
    "uptime": "2 hours, 0 minutes, 7 seconds",
    "connections": 1,
    "load1": "2.31",
    "load5": "2.60",
    "load15": "2.65",
    "max_fds": 10_240,
    "process_available": 2_097_152,
    "process_used": 315,
}
SHOWN_NODE = Row("Node", _NODE | {"memory_total": 124_014_428, "memory_used": 101_449_728})
LISTED_NODE = Row(
    "ListedNode",
    {"node": NODE}
    | _NODE
    | {"memory_total": Either(("118.27M", 1024)), "memory_used": Either(("96.75M", 1024))},
)

_ALARM = {
    "severity": "warning",
    "title": "high_system_memory_usage",
    "summary": "System memory usage is higher than 70%",
    "timestamp": "2026-11-21 12:00:00",
}
ALARM = Row("Alarm", {"id": "high_system_memory_usage", **_ALARM})
NOTED_ALARM = row(
    "NotedAlarm",
    "clear_at",
    id="high_system_memory_usage",
    desc=Row("", _ALARM),
    clear_at="2026-11-21 12:10:00",
)

CONNECTION = row(
    "Connection",
    node=NODE,
    client_id="sensor-1",
    username="alice",
    ipaddress="192.0.2.7",
    port=50_000,
    proto_name="MQTT",
    proto_ver=5,
    keepalive=60,
    clean_start=True,
    connected_at="2026-11-21 12:00:00",
    is_bridge=False,
    is_super=False,
    mountpoint="undefined",
    peercert="nossl",
    will_topic="undefined",
    zone="external",
    recv_oct=29,
    recv_cnt=2,
    recv_pkt=1,
    recv_msg=0,
    send_oct=4,
    send_cnt=1,
    send_pkt=1,
    send_msg=0,
    mailbox_len=0,
    heap_size=2_586,
    reductions=2,
)
SESSION = row(
    "Session",
    node=NODE,
    client_id="sensor-1",
    username="alice",
    binding="local",
    clean_start=True,
    expiry_interval=0,
    created_at="2026-11-21 12:00:00",
    subscriptions_count=2,
    max_subscriptions=0,
    inflight_len=0,
    max_inflight=32,
    mqueue_len=0,
    max_mqueue=1_000,
    mqueue_dropped=0,
    awaiting_rel_len=0,
    max_awaiting_rel=100,
    deliver_msg=0,
    enqueue_msg=0,
    heap_size=2_586,
    mailbox_len=0,
    reductions=2,
)
SUBSCRIPTION = row("Subscription", node=NODE, client_id="sensor-1", topic="plant/+/state", qos=QOS)
ROUTE = row("Route", topic="plant/+/state", node=NODE)
LISTENER = row(
    "Listener",
    protocol="mqtt:tcp",
    listen_on="0.0.0.0:1883",
    acceptors=8,
    max_conns=1_024_000,
    current_conns=1,
    shutdown_count=Either((ByName("normal", 1), [ANYTHING])),
)

_APP = {
    "app_id": "dashboard",
    "name": "Dashboard",
    "desc": "What our dashboard logs in with",
    "status": Either((True, "undefined")),
    "expired": Either(("undefined", 1_900_000_000)),
}
APP = Row("Application", _APP)
APP_WITH_SECRET = Row("ApplicationWithSecret", _APP | {"secret": "aVerySecretText"})
BAN_AS = Word(("client_id", "username", "ip_address"))
BAN = Row(
    "Ban",
    {
        "who": "sensor-1",
        "as": BAN_AS,
        "by": "admin",
        "reason": "floods us",
        "desc": "since Monday",
        "until": Either((1_900_000_000, "infinity")),
    },
)
BAN_WANTED = Row(
    "BanWanted",
    {
        "who": "sensor-1",
        "as": BAN_AS,
        "by": "admin",
        "reason": "floods us",
        "desc": "since Monday",
        "until": Either((1_900_000_000, "infinity")),
    },
    frozenset({"by", "reason", "desc", "until"}),
)
PLUGIN = row(
    "Plugin", name="emqx_retainer", version="0.1.0", description="EMQX Retainer", active=True
)
PARAMETER = row(
    "PluginParameter",
    key="retainer.max_payload_size",
    value="1MB",
    desc="Larger messages are not retained.",
    required=Either((True, "true")),
)
SETTING = row(
    "Setting",
    key="acl_nomatch",
    value="allow",
    datatpye=Word(("enum", "integer", "string")),
    app="emqx",
)
SETTING_CHANGE = row("SettingChange", key="acl_nomatch", value="deny")

_TOPIC = {"topic": "plant/1/state", "topics": "plant/1/state,plant/2/state", "qos": QOS}
MESSAGE = Row(
    "Message",
    _TOPIC
    | {
        "client_id": "an-application",
        "payload": Either(("on", ByName("state", ANYTHING))),
        "retain": False,
    },
    frozenset({*_TOPIC, "client_id", "payload", "retain"}),
).hiding("topics")
SUBSCRIBING = Row("Subscribing", {"client_id": "sensor-1", **_TOPIC}, frozenset(_TOPIC)).hiding(
    "topics"
)
UNSUBSCRIBING = row("Unsubscribing", client_id="sensor-1", topic="plant/+/state")
_MALFORMED = row(code=108, message="bad_params")
PUBLISHED_ITEM = Either(
    (
        row(
            "PublishedItem",
            "topic",
            "topics",
            "client_id",
            client_id="an-application",
            topic="plant/1/state",
            topics="plant/1/state,plant/2/state",
            code=0,
        ).hiding("topics"),
        _MALFORMED,
    )
)
SUBSCRIBED_ITEM = Either(
    (
        row(
            "SubscribedItem",
            "topic",
            "topics",
            client_id="sensor-1",
            topic="plant/+/state",
            topics="plant/1/state,plant/2/state",
            code=0,
        ).hiding("topics"),
        _MALFORMED,
    )
)

USER = row("User", username="admin", tags="administrator")
USER_WANTED = row(
    "UserWanted",
    "tags",
    username="carol",
    password="A_pass-word1",
    tags="operators",
)
USER_CHANGE = row("UserChange", tags="operators")
CREDENTIALS = row("Credentials", username="admin", password="A_pass-word1")
PASSWORD_CHANGE = row("PasswordChange", old_pwd="A_pass-word1", new_pwd="Another_1")
LOGIN_CHANGE = row("LoginChange", password="another-password")
