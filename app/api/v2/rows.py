"""What the second generation shows and takes, by example; the row functions beside the handlers write the same."""

from __future__ import annotations

from app.api.describing import ANYTHING, NODE, ByName, Either, Row, Word, row

QOS = Word((1, 0, 2))
COUNTS = ByName("messages/received", 12)
GAUGES = ByName("clients/count", 1)

_BROKER = {
    "version": "4.4.19",
    "sysdescr": "Godwit",
    "uptime": "2 hours, 0 minutes, 7 seconds",
    "datetime": "2026-11-21 12:00:00",
    "otp_release": "R24/12.3",
    "node_status": "Running",
}
BROKER = Row("Broker", _BROKER)
LISTED_BROKER = Row("ListedBroker", {"name": NODE, **_BROKER})
SHOWN_NODE = row(
    "Node",
    name=NODE,
    otp_release="R24/12.3",
    memory_total="118.27M",
    memory_used="96.75M",
    process_available=2_097_152,
    process_used=315,
    max_fds=10_240,
    clients=1,
    node_status="Running",
    load1="2.31",
    load5="2.60",
    load15="2.65",
)
CLIENT = row(
    "Client",
    client_id="sensor-1",
    username="alice",
    ipaddress="192.0.2.7",
    port=50_000,
    clean_sess=True,
    proto_ver=4,
    keepalive=60,
    connected_at="2026-11-21 12:00:00",
)
SESSION = row(
    "Session",
    client_id="sensor-1",
    clean_sess=True,
    subscriptions=2,
    max_inflight=32,
    inflight_len=0,
    mqueue_len=0,
    mqueue_dropped=0,
    awaiting_rel_len=0,
    deliver_msg=0,
    enqueue_msg=0,
    created_at="2026-11-21 12:00:00",
)
SUBSCRIPTION = row("Subscription", client_id="sensor-1", topic="plant/+/state", qos=QOS)
ROUTE = row("Route", topic="plant/+/state", node=NODE)
LISTENER = row(
    "Listener",
    protocol="mqtt:tcp",
    listen="0.0.0.0:1883",
    acceptors=8,
    max_clients=1_024_000,
    current_clients=1,
    shutdown_count=Either((ByName("normal", 1), [ANYTHING])),
)
ALARM = row(
    "Alarm",
    id="high_system_memory_usage",
    severity="warning",
    title="high_system_memory_usage",
    summary="System memory usage is higher than 70%",
    occurred_at="2026-11-21 12:00:00",
)
PLUGIN = row(
    "Plugin", name="emqx_retainer", version="0.1.0", description="EMQX Retainer", active=True
)
PLUGIN_SWITCH = row("PluginSwitch", active=True)
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

MESSAGE = row(
    "Message",
    "payload",
    "qos",
    "retain",
    "client_id",
    topic="plant/1/state",
    payload="on",
    qos=QOS,
    retain=False,
    client_id="an-application",
)
SUBSCRIBING = row("Subscribing", "qos", client_id="sensor-1", topic="plant/+/state", qos=QOS)
UNSUBSCRIBING = row("Unsubscribing", client_id="sensor-1", topic="plant/+/state")
TOPIC_NAMED = row("TopicNamed", topic="plant/1/state")

USER = row("User", username="admin", tags="administrator")
USER_WANTED = row(
    "UserWanted",
    username="carol",
    password="A_pass-word1",
    tags="operators",
)
USER_CHANGE = row("UserChange", tags="operators")
CREDENTIALS = row("Credentials", username="admin", password="A_pass-word1")
PASSWORD_CHANGE = row("PasswordChange", old_pwd="A_pass-word1", new_pwd="Another_1")
