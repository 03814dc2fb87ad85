"""Parameters of emqx_auth_mongo.

Source: EMQX 4.4 `emqx_auth_mongo.conf`; `verify` is on, EMQX's is off; `unavailable` is ours.
"""

from __future__ import annotations

from app.config.kinds import (
    address_list,
    any_text,
    between,
    choice,
    closed_set,
    duration,
    flag,
    whole,
    word,
)
from app.config.password_hash import hash_form
from app.config.table import Setting

MONGO_TYPE = Setting(
    "auth.mongo.type",
    choice("single", "unknown", "sharded", "rs"),
    "single",
    "What `auth.mongo.server` names: one server, members of a replica set (`rs`), routers of a sharded cluster, or "
    "whatever is found there (`unknown`).",
)
MONGO_RS_SET_NAME = Setting(
    "auth.mongo.rs_set_name", any_text, "", "Name of the replica set, where the type is `rs`."
)
MONGO_SERVER = Setting(
    "auth.mongo.server",
    address_list,
    "127.0.0.1:27017",
    "Where MongoDB is; several with commas between them for replica sets and sharded clusters.",
)
MONGO_POOL = Setting(
    "auth.mongo.pool",
    whole(1, 1_000),
    "8",
    "How many questions are put to MongoDB at a time, each over a connection of its own; others wait for their turn.",
)
MONGO_USERNAME = Setting(
    "auth.mongo.username", any_text, "", "User that logs in; empty does not log in."
)
MONGO_PASSWORD = Setting("auth.mongo.password", any_text, "", "His password.", secret=True)
MONGO_AUTH_SOURCE = Setting(
    "auth.mongo.auth_source",
    any_text,
    "",
    "Database that knows this user; empty is `auth.mongo.database`.",
)
MONGO_DATABASE = Setting("auth.mongo.database", word, "mqtt", "Database with the collections.")
MONGO_R_MODE = Setting(
    "auth.mongo.r_mode",
    choice("master", "slave_ok"),
    "master",
    "Who may answer in a replica set: its primary, or with `slave_ok` a secondary where there is one.",
)
MONGO_QUERY_TIMEOUT = Setting(
    "auth.mongo.query_timeout",
    between(duration, "10ms", "1m"),
    "5s",
    "How long an answer may take; who is not answered for is refused.",
)
MONGO_AUTH_COLLECTION = Setting(
    "auth.mongo.auth_query.collection", word, "mqtt_user", "Collection with the passwords."
)
MONGO_PASSWORD_FIELD = Setting(
    "auth.mongo.auth_query.password_field",
    word,
    "password",
    "The field with the password, as in `password`, or those with password and salt, as in `password,salt`.",
)
MONGO_PASSWORD_HASH = Setting(
    "auth.mongo.auth_query.password_hash",
    hash_form,
    "sha256",
    "How these passwords are hashed: plain, md5, sha, sha256, sha512, `salt,sha256`, `sha256,salt`, bcrypt, "
    "`pbkdf2,sha256,1000,20`, argon2.",
)
MONGO_AUTH_SELECTOR = Setting(
    "auth.mongo.auth_query.selector",
    any_text,
    "username=%u",
    "Which document is a client's: `FIELD=TEXT`, several with commas between them. `%u` is the user name, `%c` the "
    "client id, `%a` the address, `%C` the CN of the certificate, `%d` its subject.",
)
MONGO_SUPER_QUERY = Setting(
    "auth.mongo.super_query", flag, "on", "Whether MongoDB is asked who is a superuser."
)
MONGO_SUPER_COLLECTION = Setting(
    "auth.mongo.super_query.collection", word, "mqtt_user", "Collection with the superusers."
)
MONGO_SUPER_FIELD = Setting(
    "auth.mongo.super_query.super_field",
    word,
    "is_superuser",
    "The field that is `true` for those whom no access rule concerns.",
)
MONGO_SUPER_SELECTOR = Setting(
    "auth.mongo.super_query.selector",
    any_text,
    "username=%u",
    "Which document says so; written like `auth.mongo.auth_query.selector`.",
)
MONGO_ACL_QUERY = Setting(
    "auth.mongo.acl_query", flag, "on", "Whether MongoDB is asked what clients may do."
)
MONGO_ACL_COLLECTION = Setting(
    "auth.mongo.acl_query.collection", word, "mqtt_acl", "Collection with the access rules."
)
MONGO_ACL_SELECTOR = Setting(
    "auth.mongo.acl_query.selector",
    any_text,
    "username=%u",
    "Which documents say what a client may do, in lists `publish`, `subscribe` and `pubsub` of topic filters. Who has "
    "any may do nothing else.",
)
MONGO_ACL_SELECTORS = Setting(
    "auth.mongo.acl_query.selector.$id",
    any_text,
    "",
    "Further documents, such as those of `username=$all`.",
)
MONGO_UNAVAILABLE = Setting(
    "auth.mongo.unavailable",
    choice("deny", "ignore"),
    "deny",
    "What becomes of clients while MongoDB does not answer: `deny` refuses them and what they want to do, `ignore` "
    "leaves them to the next plugin, to `allow_anonymous` and `acl_nomatch`.",
)
MONGO_SSL = Setting("auth.mongo.ssl", flag, "off", "Whether connections to MongoDB are TLS.")
MONGO_SSL_CACERTFILE = Setting(
    "auth.mongo.ssl.cacertfile",
    any_text,
    "",
    "File with the certificates that may have signed the server's; empty are the machine's own.",
)
MONGO_SSL_CERTFILE = Setting(
    "auth.mongo.ssl.certfile", any_text, "", "File with a certificate for the node itself."
)
MONGO_SSL_KEYFILE = Setting("auth.mongo.ssl.keyfile", any_text, "", "File with its key.")
MONGO_SSL_VERIFY = Setting(
    "auth.mongo.ssl.verify", flag, "on", "Whether the server's certificate and name are checked."
)
MONGO_SSL_NAME = Setting(
    "auth.mongo.ssl.server_name_indication",
    closed_set("a known choice", {"": True, "disable": False}),
    "",
    "`disable` leaves the name in the certificate unchecked.",
)

MONGO_ROWS = (
    MONGO_TYPE,
    MONGO_RS_SET_NAME,
    MONGO_SERVER,
    MONGO_POOL,
    MONGO_USERNAME,
    MONGO_PASSWORD,
    MONGO_AUTH_SOURCE,
    MONGO_DATABASE,
    MONGO_R_MODE,
    MONGO_QUERY_TIMEOUT,
    MONGO_AUTH_COLLECTION,
    MONGO_PASSWORD_FIELD,
    MONGO_PASSWORD_HASH,
    MONGO_AUTH_SELECTOR,
    MONGO_SUPER_QUERY,
    MONGO_SUPER_COLLECTION,
    MONGO_SUPER_FIELD,
    MONGO_SUPER_SELECTOR,
    MONGO_ACL_QUERY,
    MONGO_ACL_COLLECTION,
    MONGO_ACL_SELECTOR,
    MONGO_ACL_SELECTORS,
    MONGO_UNAVAILABLE,
    MONGO_SSL,
    MONGO_SSL_CACERTFILE,
    MONGO_SSL_CERTFILE,
    MONGO_SSL_KEYFILE,
    MONGO_SSL_VERIFY,
    MONGO_SSL_NAME,
)
