"""What the fourth generation shows and takes, by example; the row functions beside the handlers write the same."""

from __future__ import annotations

from app.api.describing import (
    ANYTHING,
    NODE,
    ByName,
    Either,
    Number,
    Row,
    Word,
    row,
)
from app.broker.explaining import ANSWERS
from app.schemas.app import PERMISSIONS
from app.schemas.sasl import MAX_ITERATIONS, MECHANISMS, MIN_ITERATIONS
from app.schemas.user import ROLES
from app.services.log_levels import LEVELS

COUNTS = ByName("messages.received", 12)
QOS = Word((1, 0, 2))

CALL = row("Call", name="list_nodes", method="GET", path="/nodes/", descr="A list of nodes")

NODE_MEMBERS = {
    "node": NODE,
    "version": "4.4.19",
    "node_status": "Running",
    "otp_release": "R24/12.3",
    "uptime": "2 hours, 0 minutes, 7 seconds",
    "connections": 2,
    "live_connections": 1,
    "load1": "2.31",
    "load5": "2.60",
    "load15": "2.65",
    "max_fds": 10_240,
    "process_available": 2_097_152,
    "process_used": 315,
}
LISTED_NODE = Row(
    "ListedNode",
    NODE_MEMBERS
    | {"memory_total": Either(("118.27M", 1024)), "memory_used": Either(("96.75M", 1024))},
)
SHOWN_NODE = Row("Node", NODE_MEMBERS | {"memory_total": 124_014_428, "memory_used": 101_449_728})
BROKER = row(
    "Broker",
    node=NODE,
    version="4.4.19",
    sysdescr="Godwit",
    uptime="2 hours, 0 minutes, 7 seconds",
    datetime="2026-11-21 12:00:00",
    otp_release="R24/12.3",
    node_status="Running",
)

_COUNTERS = (
    "recv_msg.dropped",
    "recv_msg.dropped.await_pubrel_timeout",
    "recv_msg.qos0",
    "recv_msg.qos1",
    "recv_msg.qos2",
    "send_msg.dropped",
    "send_msg.dropped.expired",
    "send_msg.dropped.queue_full",
    "send_msg.dropped.too_large",
    "send_msg.qos0",
    "send_msg.qos1",
    "send_msg.qos2",
)
CLIENT = Row(
    "Client",
    {
        "node": NODE,
        "clientid": "sensor-1",
        "username": "alice",
        "proto_name": "MQTT",
        "proto_ver": 5,
        "ip_address": "192.0.2.7",
        "port": 50_000,
        "is_bridge": False,
        "connected": True,
        "connected_at": "2026-11-21 12:00:00",
        "disconnected_at": "2026-11-21 12:10:00",
        "created_at": "2026-11-21 12:00:00",
        "zone": "external",
        "mountpoint": "undefined",
        "keepalive": 60,
        "clean_start": True,
        "expiry_interval": 0,
        "subscriptions_cnt": 2,
        "max_subscriptions": 0,
        "inflight": 0,
        "max_inflight": 32,
        "mqueue_len": 0,
        "max_mqueue": 1_000,
        "mqueue_dropped": 0,
        "awaiting_rel": 0,
        "max_awaiting_rel": 100,
        "recv_oct": 29,
        "recv_cnt": 2,
        "recv_pkt": 1,
        "recv_msg": 0,
        "send_oct": 4,
        "send_cnt": 1,
        "send_pkt": 1,
        "send_msg": 0,
        "mailbox_len": 0,
        "heap_size": 2_586,
        "reductions": 2,
        **dict.fromkeys(_COUNTERS, 0),
    },
    frozenset({"disconnected_at", *_COUNTERS}),
).hiding("disconnected_at")
SUBSCRIPTION = row("Subscription", node=NODE, clientid="sensor-1", topic="plant/+/state", qos=QOS)
ROUTE = row("Route", topic="plant/+/state", node=NODE)
LISTENER = row(
    "Listener",
    "identifier",
    protocol="mqtt:tcp",
    listen_on="0.0.0.0:1883",
    identifier="mqtt:tcp:external",
    acceptors=8,
    max_conns=1_024_000,
    current_conns=1,
    shutdown_count=Either((ByName("normal", 1), [ANYTHING])),
)
VERDICT = row(
    "AclVerdict",
    access=Word(("publish", "subscribe")),
    topic="plant/1/state",
    result=Word(("allow", "deny")),
    updated_time=1_700_000_000_000,
)
ALARM = row(
    "Alarm",
    name="high_system_memory_usage",
    message="System memory usage is higher than 70%",
    details=ByName("high_watermark", ANYTHING),
    activate_at=1_700_000_000_000_000,
    deactivate_at=Either(("infinity", 1_700_000_060_000_000)),
    activated=True,
    duration=60_000_000,
)

_APP = {
    "app_id": "dashboard",
    "name": "Dashboard",
    "desc": "What our dashboard logs in with",
    "status": Either((True, "undefined")),
    "expired": Either(("undefined", 1_900_000_000)),
    "permission": Word(PERMISSIONS),
}
APP = Row("Application", _APP, frozenset({"permission"}))
APP_WITH_SECRET = Row(
    "ApplicationWithSecret", _APP | {"secret": "aVerySecretText"}, frozenset({"permission"})
)
BAN = {
    "who": "sensor-1",
    "as": Word(("clientid", "username", "peerhost")),
    "by": "admin",
    "reason": "floods us",
    "at": 1_700_000_000,
    "until": Either((1_900_000_000, "infinity")),
}
BANNED = Row("Ban", BAN)
AUDIT_ENTRY = row(
    "AuditEntry",
    id=2,
    at=1_700_000_000_000,
    kind="app",
    actor="admin",
    address="127.0.0.1",
    request_id="5f2f6a3c9d1e4b70",
    action="ban.create",
    target="clientid:sensor-1",
    before=ANYTHING,
    after=ANYTHING,
)
CLIENT_EVENT = row(
    "ClientEvent",
    node=NODE,
    at=1_700_000_000_000,
    event=Word(
        (
            "connected",
            "refused",
            "disconnected",
            "session_terminated",
            "subscribed",
            "unsubscribed",
            "acl_denied",
            "message_dropped",
        )
    ),
    reason="",
    topic="",
    who="192.0.2.1:50000",
    count=1,
)
_MESSAGE_LINE = row(
    "MessageLine",
    len=1,
    max=32,
    first=[
        row(
            "WaitingMessage",
            **{
                "topic": "plant/1/state",
                "qos": 1,
                "size": 12,
                "published_at": 1_700_000_000_000,
                "from": Either(("sensor-1", None)),
                "packet_id": Either((7, None)),
                "received": False,
                "sent_ago": Either((1_500, None)),
            },
        )
    ],
)
CLIENT_MESSAGES = row(
    "ClientMessages",
    node=NODE,
    clientid="sensor-1",
    inflight=_MESSAGE_LINE,
    mqueue=_MESSAGE_LINE,
    mqueue_dropped=0,
    dropped=ByName("queue_full", 1),
    awaiting_rel=0,
    idle=Either((2_000, None)),
)
HISTORY = row(
    "History",
    node=NODE,
    span="1h",
    period=10,
    at=[1_700_000_000_000],
    values=ByName("connections", [Either((12.5, None))]),
)
PLUGIN = row(
    "Plugin",
    name="emqx_retainer",
    version="0.1.0",
    description="EMQX Retainer",
    active=True,
    type="feature",
)
MODULE = row(
    "Module", name="emqx_mod_delayed", description="EMQX Delayed Publish Module", active=True
)
SETTING = row(
    "Setting",
    key="acl_nomatch",
    value="allow",
    default="allow",
    source="default",
    hot=True,
    datatype="a known choice",
    app="emqx",
    descr="What holds where no rule matches.",
)
SETTING_VALUE = row("SettingValue", value=ANYTHING)

FILE = row(
    "ExportFile",
    filename="emqx-export-2026-11-21-12-00-00.json",
    size=2_048,
    created_at="2026-11-21 12:0:0",
    node=NODE,
)
FILE_CONTENT = row(
    "FileContent", filename="emqx-export-2026-11-21-12-00-00.json", file='{"version": "4.4"}'
)
UPLOAD = row(
    "Upload",
    "filename",
    filename="emqx-export-2026-11-21-12-00-00.json",
    file=Either(('{"version": "4.4"}', ByName("version", ANYTHING))),
)
IMPORT = row(
    "ImportOrder",
    "node",
    "env",
    "dry_run",
    filename="emqx-export-2026-11-21-12-00-00.json",
    node=NODE,
    env=Either((ByName("auth.mnesia.as", ANYTHING), "{}")),
    dry_run=True,
)
DIFFERENCE = row(
    "Difference",
    added=1,
    changed=0,
    same=2,
    conflicts=ANYTHING,
    rows=[row("", name="dashboard", change="added", members=ANYTHING)],
)

_PROPERTIES = {
    "payload_format_indicator": Number(1, 0, 1),
    "message_expiry_interval": Number(3_600, 0, 0xFFFFFFFF),
    "response_topic": "plant/1/answer",
    "correlation_data": "42",
    "user_properties": ByName("unit", Either(("°C", 1, True))),
    "subscription_identifier": Number(1, 1, 268_435_455),
    "content_type": "text/plain",
}
MESSAGE = Row(
    "Message",
    {
        "topic": "plant/1/state",
        "topics": "plant/1/state,plant/2/state",
        "clientid": "an-application",
        "payload": Either(("on", ByName("state", ANYTHING))),
        "encoding": Word(("plain", "base64")),
        "qos": QOS,
        "retain": False,
        "properties": Row("MessageProperties", _PROPERTIES, frozenset(_PROPERTIES)).hiding(
            "payload_format_indicator",
            "response_topic",
            "correlation_data",
            "subscription_identifier",
        ),
        "user_properties": ByName("unit", "°C"),
        "return": ANYTHING,
    },
    frozenset(
        {
            "topic",
            "topics",
            "clientid",
            "payload",
            "encoding",
            "qos",
            "retain",
            "properties",
            "user_properties",
            "return",
        }
    ),
    frozenset({"topics", "encoding", "user_properties", "return"}),
)
SUBSCRIBING = row(
    "Subscribing",
    "topic",
    "topics",
    "qos",
    clientid="sensor-1",
    topic="plant/+/state",
    topics="plant/+/state,plant/+/orders",
    qos=QOS,
).hiding("topics")
UNSUBSCRIBING = row("Unsubscribing", clientid="sensor-1", topic="plant/+/state")
MALFORMED_ITEM = row(code=108, message="bad_params")
PUBLISHED_ITEM = Either((row("PublishedItem", topic="plant/1/state", code=0), MALFORMED_ITEM))
SUBSCRIBED_ITEM = Either(
    (
        row("SubscribedItem", clientid="sensor-1", topic="plant/+/state", code=0),
        MALFORMED_ITEM,
    )
)

PROMETHEUS = ByName("stats", ByName("emqx_connections_count", Either((1, 0.5))))
SLOW_SUBSCRIPTION = row(
    "SlowSubscription",
    clientid="sensor-1",
    node=NODE,
    topic="plant/1/state",
    timespan=512,
    last_update_time=1_700_000_000_000,
)
BRIDGE = row(
    "Bridge",
    name="cloud",
    status=Word(("Running", "Stopped")),
    started=True,
    address="mqtt.example.org:8883",
    clientid="bridge_cloud",
    forwards=["sensors/#"],
    subscriptions=[row("", topic="commands/#", qos=1, refused=False)],
    queued=0,
    queued_bytes=0,
    sent=1,
    received=1,
    dropped=0,
    expired=0,
    refused=0,
    looped=0,
)
TELEMETRY = row(
    "Telemetry",
    emqx_version="4.4.19",
    license=row("", edition="community"),
    os_name="Linux",
    os_version="6.1.0",
    otp_version="R24/12.3",
    up_time=15_679_000,
    uuid="90929338-0FE8-43F9-A608-C39A700BA39A",
    nodes_uuid=["90929338-0FE8-43F9-A608-C39A700BA39A"],
    active_plugins=["emqx_management"],
    active_modules=["emqx_mod_delayed"],
    num_clients=1,
    messages_received=12,
    messages_sent=12,
)
TOPIC_METRICS = row(
    "TopicMetrics", topic="plant/1/state", metrics=ByName("messages.in.count", Either((12, 0.5)))
)
TRACE = row(
    "Trace",
    "topic",
    "clientid",
    "ip_address",
    name="sensor-1-trace",
    type=Word(("clientid", "topic", "ip_address")),
    clientid="sensor-1",
    topic="plant/#",
    ip_address="192.0.2.7",
    start_at="2026-11-21T12:00:00+00:00",
    end_at="2026-11-21T12:10:00+00:00",
    log_size=ByName(NODE, 0),
    status=Word(("running", "waiting", "stopped")),
).hiding("topic", "ip_address")
TRACE_WANTED = row(
    "TraceWanted",
    "topic",
    "clientid",
    "ip_address",
    "start_at",
    "end_at",
    name="sensor-1-trace",
    type=Word(("clientid", "topic", "ip_address")),
    clientid="sensor-1",
    topic="plant/#",
    ip_address="192.0.2.7",
    start_at="2026-11-21T12:00:00+00:00",
    end_at="2036-11-21T12:10:00+00:00",
).hiding("topic", "ip_address", "start_at", "end_at")

LOG_LEVEL = row("LogLevel", level=Word(tuple(LEVELS)))
MACHINE = ByName("load", ByName("load1", Either(("2.31", 1))))
DATABASE = row(
    "Database",
    backend="sqlite",
    version="3.40.1",
    url="sqlite:////var/lib/godwit/godwit.db",
    size=ANYTHING,
    schema=ANYTHING,
    tables=ByName("applications", 1),
)

RULE_WANTED = row(
    "AccessRuleWanted",
    "clientid",
    "username",
    clientid="sensor-1",
    topic="plant/+/state",
    action=Word(("pubsub", "pub", "sub")),
    access=Word(("allow", "deny")),
).hiding("username")
ACCESS_RULE = row(
    "AccessRule",
    "clientid",
    "username",
    "all",
    clientid="sensor-1",
    username="alice",
    all="$all",
    topic="plant/+/state",
    action=Word(("pub", "sub", "pubsub")),
    access=Word(("allow", "deny")),
).hiding("username", "all")
ADDED_RULE = ByName("result", ANYTHING)
"""What was asked for, and what became of it."""

USER = row("User", username="admin", tags="administrator", role=Word(ROLES))
USER_WANTED = row(
    "UserWanted",
    "tags",
    "role",
    username="carol",
    password="A_pass-word1",
    tags="operators",
    role=Word(ROLES),
)
USER_CHANGE = row("UserChange", "tags", "role", tags="operators", role=Word(ROLES))
CREDENTIALS = row("Credentials", username="admin", password="A_pass-word1")
NEW_PASSWORD = row("NewPassword", password="Another_1")
PASSWORD_CHANGE = row("PasswordChange", old_pwd="A_pass-word1", new_pwd="Another_1")


def login(kind: str) -> Row:
    """Return a login of MQTT clients as it is shown."""
    return Row(
        f"Login{kind.title()}",
        {kind: "sensor-1", "created_at": 1_700_000_000_000, "is_superuser": True},
        frozenset({"is_superuser"}),
    )


def login_wanted(kind: str) -> Row:
    """Return a login of MQTT clients as it is asked for."""
    return Row(
        f"Login{kind.title()}Wanted",
        {kind: "sensor-1", "password": "a-password", "is_superuser": False},
        frozenset({"is_superuser"}),
    )


_RETAINED = {
    "id": "0005F2A1C0FFEE000005F2A1C0FFEE00",
    "topic": "plant/1/state",
    "qos": QOS,
    "payload_size": 2,
    "clientid": "sensor-1",
    "username": "undefined",
    "published_at": 1_700_000_000_000,
}
RETAINED = Row("Retained", _RETAINED)
RETAINED_WITH_PAYLOAD = Row("RetainedWithPayload", _RETAINED | {"payload": "b24="})
DELAYED = row(
    "Delayed",
    id="0005F2A1C0FFEE000005F2A1C0FFEE00",
    topic="plant/1/state",
    qos=QOS,
    retain=False,
    payload="b24=",
    clientid="sensor-1",
    username="undefined",
    published_at=1_700_000_000_000,
    due_at=1_700_000_060_000,
)
RECON = row(
    "Recon",
    tasks=ByName("Broker._note_stats", 1),
    gc=[row(generation=0, waiting=12, collections=3, collected=10, uncollectable=0)],
    threads=["broker"],
    switch_interval_s=0.0002,
    hooks=ByName("client.authenticate", ["emqx_auth_mnesia"]),
)
_STEP = row(
    "Check",
    check="client.check_acl",
    by="emqx_mod_acl_internal",
    answer=Word(ANSWERS),
    verdict="deny",
    why=['line 3 of acl.conf: {deny, all, subscribe, ["$SYS/#"]}.'],
)
EXPLANATION = row(
    "Explanation",
    allowed=False,
    reason="deny",
    connected=False,
    is_superuser=False,
    decided_by=_STEP,
    steps=[_STEP],
)
SASL_USER = row(
    "SaslUser",
    "salt",
    "is_superuser",
    username="sensor-1",
    salt="a-salt",
    iteration_count=4_096,
    is_superuser=True,
)
SASL_WANTED = row(
    "SaslWanted",
    "salt",
    "iteration_count",
    "is_superuser",
    mechanism=Word(MECHANISMS),
    username="sensor-1",
    password="a-password",
    salt="a-salt",
    iteration_count=Number(4_096, MIN_ITERATIONS, MAX_ITERATIONS),
    is_superuser=False,
)
LOGIN_CHANGE = row(
    "LoginChange",
    "is_superuser",
    password="another-password",
    is_superuser=False,
)
