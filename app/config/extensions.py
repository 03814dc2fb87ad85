"""Parameters of plugins and modules that can be set like any other setting; later changes through the API win.

They are kept as texts in `Settings.extensions`: each plugin reads its own (`app.plugins.registry.read_config`).
"""

from __future__ import annotations

from app.config.kinds import any_text, choice, whole
from app.config.messages import REWRITE_RULES
from app.config.table import Setting

PASSWORD_HASHES = ("plain", "md5", "sha", "sha256", "sha512")

MNESIA_PASSWORD_HASH = Setting(
    "auth.mnesia.password_hash",
    choice(*PASSWORD_HASHES),
    "sha256",
    "How the passwords of emqx_auth_mnesia are hashed, those that are stored already too.",
    hot=True,
)
ACL_FILE = Setting(
    "acl_file",
    any_text,
    "",
    "File with the access rules of emqx_mod_acl_internal, in EMQX's rule language; empty is `acl.conf` in the instance "
    "folder, which is made where it is missing.",
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

EXTENSION_ROWS = (
    ACL_FILE,
    MNESIA_PASSWORD_HASH,
    PRESENCE_QOS,
    SUBSCRIPTION_TOPIC,
    *SUBSCRIPTION_OPTIONS.values(),
    *REWRITE_RULES.values(),
)
