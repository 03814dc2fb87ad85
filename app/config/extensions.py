"""Parameters of plugins and modules that can be set like any other setting; later changes through the API win.

They are kept as texts in `Settings.extensions`: each plugin reads its own (`app.plugins.registry.read_config`).
"""

from __future__ import annotations

from app.config.auth_http import HTTP_ROWS
from app.config.auth_jwt import JWT_ROWS
from app.config.auth_ldap import LDAP_ROWS
from app.config.auth_mongo import MONGO_ROWS
from app.config.auth_redis import REDIS_ROWS
from app.config.auth_sql import MYSQL, PGSQL
from app.config.bridges import BRIDGE_ROWS
from app.config.kinds import (
    above_zero,
    any_text,
    between,
    choice,
    duration,
    size,
    whole,
)
from app.config.messages import REWRITE_RULES
from app.config.psk_file import PSK_FILE_ROWS
from app.config.rule_engine import RULE_ENGINE_ROWS
from app.config.table import Setting
from app.config.web_hook import WEB_HOOK_ROWS

PASSWORD_HASHES = ("plain", "md5", "sha", "sha256", "sha512")

MNESIA_PASSWORD_HASH = Setting(
    "auth.mnesia.password_hash",
    choice(*PASSWORD_HASHES),
    "sha256",
    "How the passwords of emqx_auth_mnesia are hashed, those that are stored already too.",
    hot=True,
)
MNESIA_SEEDS = {
    kind: (
        Setting(
            f"{prefix}.$name.{kind}",
            any_text,
            "",
            f"A {what} that emqx_auth_mnesia creates when it is loaded, where there is none of that name.",
        ),
        Setting(f"{prefix}.$name.password", any_text, "", "Its password.", secret=True),
    )
    for kind, prefix, what in (
        ("clientid", "auth.client", "client id"),
        ("username", "auth.user", "user name"),
    )
}
"""By kind of login: the row of its name, and of its password."""
ACL_FILE = Setting(
    "acl_file",
    any_text,
    "",
    "File with the access rules of emqx_mod_acl_internal, in EMQX's rule language; empty is `acl.conf` in the instance "
    "folder, which is made where it is missing.",
    hot=True,
)
RELOADER_INTERVAL = Setting(
    "reloader.interval",
    between(duration, "1s", "1d"),
    "60s",
    "How often emqx_reloader looks whether the file with the access rules was changed.",
    hot=True,
)
PRESENCE_QOS = Setting(
    "module.presence.qos",
    whole(0, 2),
    "1",
    "QoS of the messages that emqx_mod_presence publishes.",
    hot=True,
)
SUBSCRIPTION_PREFIX = "module.subscription."
SUBSCRIPTION_TOPIC = Setting(
    f"{SUBSCRIPTION_PREFIX}$name.topic",
    any_text,
    "",
    "A filter that emqx_mod_subscription subscribes every client to; levels `%c` and `%u` stand for client id and user "
    "name.",
    hot=True,
)
SUBSCRIPTION_OPTIONS = {
    option: Setting(f"{SUBSCRIPTION_PREFIX}$name.{option}", whole(0, most), "0", doc, hot=True)
    for option, most, doc in (
        ("qos", 2, "QoS of that subscription."),
        ("nl", 1, "Its No Local: 1 spares clients their own messages."),
        ("rap", 1, "Its Retain As Published: 1 keeps the flag."),
        ("rh", 2, "Its Retain Handling."),
    )
}

TOPIC_METRICS_MAX = Setting(
    "module.topic_metrics.max_topics",
    whole(1, 65_535),
    "512",
    "Most topics that emqx_mod_topic_metrics counts.",
    hot=True,
)
SLOW_SUBS_THRESHOLD = Setting(
    "module.slow_subs.threshold",
    between(duration, "100ms", "1d"),
    "500ms",
    "What emqx_mod_slow_subs calls slow.",
    hot=True,
)
SLOW_SUBS_TOP_K = Setting(
    "module.slow_subs.top_k_num",
    whole(1, 1_000),
    "10",
    "How many of the slowest subscriptions are kept.",
    hot=True,
)
SLOW_SUBS_EXPIRE_INTERVAL = Setting(
    "module.slow_subs.expire_interval",
    above_zero(duration),
    "5m",
    "How long each of them is kept.",
    hot=True,
)
SLOW_SUBS_STATS_TYPE = Setting(
    "module.slow_subs.stats_type",
    choice("whole", "internal", "response"),
    "whole",
    "Which time counts: `whole` from publishing to acknowledgement, `internal` to sending, `response` from sending to "
    "acknowledgement.",
    hot=True,
)
TRACE_MAX_FILE_SIZE = Setting(
    "module.trace.max_file_size",
    between(size, "64KB", "64MB"),
    "16MB",
    "Where the log of a trace of emqx_mod_trace ends.",
    hot=True,
)
EXTENSION_ROWS = (
    ACL_FILE,
    MNESIA_PASSWORD_HASH,
    *(row for rows in MNESIA_SEEDS.values() for row in rows),
    *HTTP_ROWS,
    *JWT_ROWS,
    *MYSQL.all,
    *PGSQL.all,
    *LDAP_ROWS,
    *REDIS_ROWS,
    *MONGO_ROWS,
    *PSK_FILE_ROWS,
    RELOADER_INTERVAL,
    PRESENCE_QOS,
    SUBSCRIPTION_TOPIC,
    *SUBSCRIPTION_OPTIONS.values(),
    *REWRITE_RULES.values(),
    TOPIC_METRICS_MAX,
    SLOW_SUBS_THRESHOLD,
    SLOW_SUBS_TOP_K,
    SLOW_SUBS_EXPIRE_INTERVAL,
    SLOW_SUBS_STATS_TYPE,
    TRACE_MAX_FILE_SIZE,
    *RULE_ENGINE_ROWS,
    *WEB_HOOK_ROWS,
    *BRIDGE_ROWS,
)
