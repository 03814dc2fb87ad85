"""Parameters of emqx_auth_ldap.

Source: EMQX 4.4 `emqx_auth_ldap.conf`. There the timeout is 30s, which is longer than `broker.hook_timeout` waits, and
`verify` is off; `unavailable` is ours.
"""

from __future__ import annotations

from app.config.kinds import any_text, between, choice, duration, flag, whole
from app.config.table import Setting

LDAP_SERVERS = Setting(
    "auth.ldap.servers",
    any_text,
    "127.0.0.1",
    "Hosts of the directory; several with commas between them, the first one that is there is asked.",
)
LDAP_PORT = Setting("auth.ldap.port", whole(1, 65_535), "389", "Their port.")
LDAP_POOL = Setting(
    "auth.ldap.pool",
    whole(1, 1_000),
    "8",
    "How many questions are put to the directory at a time, each over a connection of its own; others wait for their "
    "turn.",
)
LDAP_BIND_DN = Setting(
    "auth.ldap.bind_dn",
    any_text,
    "cn=root,dc=emqx,dc=io",
    "As whom the node searches; empty searches as nobody.",
)
LDAP_BIND_PASSWORD = Setting(
    "auth.ldap.bind_password", any_text, "public", "The password of it.", secret=True
)
LDAP_TIMEOUT = Setting(
    "auth.ldap.timeout",
    between(duration, "10ms", "1m"),
    "5s",
    "How long an answer may take; who is not answered for is refused.",
)
LDAP_DEVICE_DN = Setting(
    "auth.ldap.device_dn",
    any_text,
    "ou=device,dc=emqx,dc=io",
    "The entry below which clients are.",
)
LDAP_OBJECTCLASS = Setting(
    "auth.ldap.match_objectclass", any_text, "mqttUser", "The object class of their entries."
)
LDAP_USERNAME_ATTRIBUTE = Setting(
    "auth.ldap.username.attributetype", any_text, "uid", "The attribute with the user name."
)
LDAP_PASSWORD_ATTRIBUTE = Setting(
    "auth.ldap.password.attributetype",
    any_text,
    "userPassword",
    "The attribute with the password, hashed: {MD5}, {SHA}, {SHA256}, {SHA512}, and with salt {SMD5}, {SSHA}, "
    "{SSHA256}, {SSHA512}.",
)
LDAP_CUSTOM_BASE_DN = Setting(
    "auth.ldap.custom_base_dn",
    any_text,
    "${username_attr}=${user},${device_dn}",
    "Where a client is searched for.",
)
LDAP_BIND_AS_USER = Setting(
    "auth.ldap.bind_as_user",
    flag,
    "off",
    "Whether the directory checks passwords, by logins with them, in the place of the node.",
)
LDAP_FILTERS = {
    part: Setting(f"auth.ldap.filters.$name.{part}", kind, default, doc)
    for part, kind, default, doc in (
        (
            "key",
            any_text,
            "",
            (
                "An attribute that must have a value, in the place of the object class; filters are taken in the order "
                "of their numbers. `${user}`, `${username_attr}` and `${device_dn}` stand for what they say."
            ),
        ),
        ("value", any_text, "", "That value."),
        ("op", choice("and", "or"), "and", "How what is before goes with the next filter."),
    )
}
LDAP_UNAVAILABLE = Setting(
    "auth.ldap.unavailable",
    choice("deny", "ignore"),
    "deny",
    "What becomes of clients while the directory does not answer: `deny` refuses them and what they want to do, "
    "`ignore` leaves them to the next plugin, to `allow_anonymous` and `acl_nomatch`.",
)
LDAP_SSL = Setting(
    "auth.ldap.ssl.enable", flag, "off", "Whether connections to the directory are TLS (ldaps)."
)
LDAP_SSL_CACERTFILE = Setting(
    "auth.ldap.ssl.cacertfile",
    any_text,
    "",
    "File with the certificates that may have signed the server's; empty are the machine's own.",
)
LDAP_SSL_CERTFILE = Setting(
    "auth.ldap.ssl.certfile", any_text, "", "File with a certificate for the node itself."
)
LDAP_SSL_KEYFILE = Setting("auth.ldap.ssl.keyfile", any_text, "", "File with its key.")
LDAP_SSL_VERIFY = Setting(
    "auth.ldap.ssl.verify",
    choice("verify_peer", "verify_none"),
    "verify_peer",
    "Whether the server's certificate and name are checked.",
)

LDAP_ROWS = (
    LDAP_SERVERS,
    LDAP_PORT,
    LDAP_POOL,
    LDAP_BIND_DN,
    LDAP_BIND_PASSWORD,
    LDAP_TIMEOUT,
    LDAP_DEVICE_DN,
    LDAP_OBJECTCLASS,
    LDAP_USERNAME_ATTRIBUTE,
    LDAP_PASSWORD_ATTRIBUTE,
    LDAP_CUSTOM_BASE_DN,
    LDAP_BIND_AS_USER,
    *LDAP_FILTERS.values(),
    LDAP_UNAVAILABLE,
    LDAP_SSL,
    LDAP_SSL_CACERTFILE,
    LDAP_SSL_CERTFILE,
    LDAP_SSL_KEYFILE,
    LDAP_SSL_VERIFY,
)
