"""Parameters of emqx_auth_redis.

Source: EMQX 4.4 `emqx_auth_redis.conf`; `verify` is on, EMQX's is off; `unavailable` is ours.
"""

from __future__ import annotations

from app.config.kinds import address_list, any_text, between, choice, duration, flag, whole
from app.config.password_hash import hash_form
from app.config.table import Setting

REDIS_TYPE = Setting(
    "auth.redis.type",
    choice("single", "sentinel", "cluster"),
    "single",
    "What `auth.redis.server` names: one server, the sentinels that watch over one, or nodes of a cluster.",
)
REDIS_SERVER = Setting(
    "auth.redis.server",
    address_list,
    "127.0.0.1:6379",
    "Where Redis is; several with commas between them for sentinels and clusters.",
)
REDIS_SENTINEL = Setting(
    "auth.redis.sentinel",
    any_text,
    "",
    "The name under which the sentinels know the server, such as mymaster.",
)
REDIS_POOL = Setting(
    "auth.redis.pool",
    whole(1, 1_000),
    "8",
    "How many questions are put to Redis at a time, each over a connection of its own; others wait for their turn.",
)
REDIS_DATABASE = Setting("auth.redis.database", whole(0, 65_535), "0", "Number of the database.")
REDIS_PASSWORD = Setting(
    "auth.redis.password", any_text, "", "Password of the server; empty sends none.", secret=True
)
REDIS_QUERY_TIMEOUT = Setting(
    "auth.redis.query_timeout",
    between(duration, "10ms", "1m"),
    "5s",
    "How long an answer may take; who is not answered for is refused.",
)
REDIS_AUTH_CMD = Setting(
    "auth.redis.auth_cmd",
    any_text,
    "HMGET mqtt_user:%u password",
    "The command that returns a client's password, and its salt as a second value. `%u` is the user name, `%c` the "
    "client id, `%a` the address, `%C` the CN of the certificate, `%d` its subject.",
)
REDIS_PASSWORD_HASH = Setting(
    "auth.redis.password_hash",
    hash_form,
    "plain",
    "How these passwords are hashed: plain, md5, sha, sha256, sha512, `salt,sha256`, `sha256,salt`, bcrypt, "
    "`pbkdf2,sha256,1000,20`, argon2.",
)
REDIS_SUPER_CMD = Setting(
    "auth.redis.super_cmd",
    any_text,
    "HGET mqtt_user:%u is_superuser",
    "The command that returns 1 for those whom no access rule concerns; empty asks for nobody.",
)
REDIS_ACL_CMD = Setting(
    "auth.redis.acl_cmd",
    any_text,
    "HGETALL mqtt_acl:%u",
    "The command that returns what a client may do: topic filters, and for each 1 to subscribe, 2 to publish, 3 for "
    "both. Who has any may do nothing else; empty asks for nobody's.",
)
REDIS_UNAVAILABLE = Setting(
    "auth.redis.unavailable",
    choice("deny", "ignore"),
    "deny",
    "What becomes of clients while Redis does not answer: `deny` refuses them and what they want to do, `ignore` "
    "leaves them to the next plugin, to `allow_anonymous` and `acl_nomatch`.",
)
REDIS_SSL = Setting("auth.redis.ssl.enable", flag, "off", "Whether connections to Redis are TLS.")
REDIS_SSL_CACERTFILE = Setting(
    "auth.redis.ssl.cacertfile",
    any_text,
    "",
    "File with the certificates that may have signed the server's; empty are the machine's own.",
)
REDIS_SSL_CERTFILE = Setting(
    "auth.redis.ssl.certfile", any_text, "", "File with a certificate for the node itself."
)
REDIS_SSL_KEYFILE = Setting("auth.redis.ssl.keyfile", any_text, "", "File with its key.")
REDIS_SSL_VERIFY = Setting(
    "auth.redis.ssl.verify", flag, "on", "Whether the server's certificate and name are checked."
)

REDIS_ROWS = (
    REDIS_TYPE,
    REDIS_SERVER,
    REDIS_SENTINEL,
    REDIS_POOL,
    REDIS_DATABASE,
    REDIS_PASSWORD,
    REDIS_QUERY_TIMEOUT,
    REDIS_AUTH_CMD,
    REDIS_PASSWORD_HASH,
    REDIS_SUPER_CMD,
    REDIS_ACL_CMD,
    REDIS_UNAVAILABLE,
    REDIS_SSL,
    REDIS_SSL_CACERTFILE,
    REDIS_SSL_CERTFILE,
    REDIS_SSL_KEYFILE,
    REDIS_SSL_VERIFY,
)
