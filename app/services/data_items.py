"""EMQX 4's export items, read into rows: every section in the forms of 4.0 to 4.4.

Only reads and checks; what becomes of the rows is `data_import`'s. Items are untrusted: what does not fit is told with
the place where it stands, `rules[3].id`, and never with a secret.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import orjson

from app.errors import ResultCode, ServiceError
from app.models.acl_rule import ACL_LOGIN_MAX_LENGTH
from app.models.app import (
    APP_DESC_MAX_LENGTH,
    APP_ID_MAX_LENGTH,
    APP_NAME_MAX_LENGTH,
    APP_SECRET_MAX_LENGTH,
)
from app.models.banned import (
    BAN_BY_MAX_LENGTH,
    BAN_DESC_MAX_LENGTH,
    BAN_REASON_MAX_LENGTH,
    BAN_WHO_MAX_LENGTH,
)
from app.models.mqtt_credential import LOGIN_MAX_LENGTH
from app.models.resource import RESOURCE_ID_MAX_LENGTH
from app.models.rule import RULE_ID_MAX_LENGTH
from app.models.user import TAGS_MAX_LENGTH, USERNAME_MAX_LENGTH
from app.schemas.app import is_app_id
from app.schemas.banned import BAN_KINDS, normalised_network
from app.schemas.fields import INT64_MAX, UNDEFINED
from app.services.data_sections import (
    ACL,
    APPS,
    BLACKLIST,
    CREDENTIALS,
    RESOURCES,
    RULES,
    SCHEMAS,
    USERS,
    Wanted,
)

EMQX_HASH = "emqx:"
"""What marks a password hash of EMQX's dashboard among Argon2's."""
EMQX_HASH_BYTES = 20
"""Four of salt, sixteen of MD5."""
OWN = "godwit"
"""The key of what EMQX's format has no place for; EMQX does not look at it."""
ROLES = ("administrator", "operator", "viewer")
PERMISSIONS = ("full", "read_only", "publish_only")
ACTIONS_ON_FAILURE = ("continue", "stop")
EVERYBODY = "$all"
_DESCRIPTION_MAX_LENGTH = 2_048
_RAWSQL_MAX_LENGTH = 1_000_000
_CONFIG_MAX_LENGTH = 4_000_000
_TOPIC_MAX_LENGTH = 65_535
_HASH_MAX_LENGTH = 1_024
_USER_HASH_MAX_LENGTH = 512
_MOSQUITTO_HASH = re.compile(r"\$(6|7\$[1-9]\d{0,3})\$[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+")
_LOGIN_TYPES = ("clientid", "username")


class ImportRefused(ServiceError):
    """A document that cannot be imported; `reason` is a sentence for the caller."""

    def __init__(self, reason: str) -> None:
        """Say `import_failed`, as EMQX does, and keep the reason."""
        super().__init__(ResultCode.BAD_PARAMETER, "import_failed", bare=True)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Reading:
    """What the items' readers need to know beside the items."""

    now_ms: int
    login_type: str | None
    """clientid or username: what logins of the old form are (`auth.mnesia.as`)."""


class Item:
    """One object of a section, and where it stands."""

    def __init__(self, place: str, value: object) -> None:
        """Take a decoded value.

        Raises:
            ImportRefused: It is no object.
        """
        if not isinstance(value, dict):
            raise ImportRefused(f"{place} is no object")
        self.place = place
        self.members: Mapping[str, Any] = value

    def has(self, name: str) -> bool:
        """Tell whether a member is there and says something."""
        return self.members.get(name) not in (None, UNDEFINED)

    def wrong(self, name: str, expected: str) -> ImportRefused:
        """Return the refusal of one member."""
        return ImportRefused(f"{self.place}.{name} must be {expected}")

    def text(self, name: str, most: int, *, least: int = 0, default: str | None = None) -> str:
        """Return a text; the default where it is left out, null or `undefined`."""
        value = self.members.get(name)
        if default is not None and not self.has(name):
            return default
        # An id or a name that looks like a number was written as one by some releases.
        if type(value) is int:
            value = str(value)
        if not isinstance(value, str) or not least <= len(value) <= most:
            raise self.wrong(name, f"a text of {least} to {most} characters")
        return value

    def optional_text(self, name: str, most: int) -> str | None:
        """Return a text, or None where there is none."""
        return self.text(name, most) if self.has(name) else None

    def moment(self, name: str) -> int | None:
        """Return a moment; what is no integer means that there is none, as in EMQX."""
        value = self.members.get(name)
        if type(value) is not int:
            return None
        if not 0 <= value <= INT64_MAX:
            raise self.wrong(name, "a moment since 1970")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self.members[name] if self.has(name) else default
        if not isinstance(value, bool):
            raise self.wrong(name, "true or false")
        return value

    def word(self, name: str, words: tuple[str, ...], default: str | None = None) -> str:
        """Return one word of a closed set."""
        value = self.members[name] if self.has(name) else default
        if not isinstance(value, str) or value not in words:
            raise self.wrong(name, f"one of {', '.join(words)}")
        return value

    def digest(self, name: str, most: int) -> bytes:
        """Return what a text in base64 stands for."""
        try:
            return base64.b64decode(self.text(name, most, least=4), validate=True)
        except (binascii.Error, ValueError):
            raise self.wrong(name, "base64") from None


def items(document: Mapping[str, object], section: str) -> Iterator[Item]:
    """Yield the items of a section; one that is left out has none."""
    found = document.get(section)
    if found is None:
        return
    if not isinstance(found, list):
        raise ImportRefused(f"{section} is no array")
    for number, value in enumerate(found):
        yield Item(f"{section}[{number}]", value)


def read_resource(item: Item, _reading: Reading) -> Iterator[Wanted]:
    """Read a resource; EMQX writes an empty configuration as an empty list."""
    config = item.members.get("config") or {}
    if not isinstance(config, dict):
        raise item.wrong("config", "an object")
    text = orjson.dumps(config, option=orjson.OPT_SORT_KEYS).decode()
    if len(text) > _CONFIG_MAX_LENGTH:
        raise item.wrong("config", f"at most {_CONFIG_MAX_LENGTH} characters long")
    yield Wanted(
        RESOURCES,
        (item.text("id", RESOURCE_ID_MAX_LENGTH, least=1),),
        {
            "type": item.text("type", 128, least=1),
            "description": item.text("description", _DESCRIPTION_MAX_LENGTH, default=""),
            "created_at": item.moment("created_at"),
        },
        sealed={"config_encrypted": text},
    )


def read_rule(item: Item, reading: Reading) -> Iterator[Wanted]:
    """Read a rule; when it was made is not in the file."""
    actions = item.members.get("actions", [])
    if not isinstance(actions, list) or not all(isinstance(one, dict) for one in actions):
        raise item.wrong("actions", "an array of objects")
    yield Wanted(
        RULES,
        (item.text("id", RULE_ID_MAX_LENGTH, least=1),),
        {
            "rawsql": item.text("rawsql", _RAWSQL_MAX_LENGTH, least=1),
            "actions": actions,
            "enabled": item.flag("enabled", default=True),
            "description": item.text("description", _DESCRIPTION_MAX_LENGTH, default=""),
            "on_action_failed": item.word("on_action_failed", ACTIONS_ON_FAILURE, "continue"),
        },
        {"created_at": reading.now_ms},
    )


def read_ban(item: Item, reading: Reading) -> Iterator[Wanted]:
    """Read a ban; EMQX writes an address as its character codes, people write it as text."""
    who = item.members.get("who")
    if not isinstance(who, dict) or len(who) != 1 or next(iter(who)) not in BAN_KINDS:
        raise item.wrong("who", f"an object with one of {', '.join(BAN_KINDS)}")
    (kind,) = who
    named = Item(f"{item.place}.who", {kind: _text_of_codes(who[kind])})
    name = named.text(kind, BAN_WHO_MAX_LENGTH, least=1)
    if kind == "peerhost":
        try:
            name = normalised_network(name)
        except ServiceError:
            raise named.wrong(kind, "an IP address") from None
    at = item.moment("at")
    yield Wanted(
        BLACKLIST,
        (kind, name),
        {
            "by": item.text("by", BAN_BY_MAX_LENGTH, default=UNDEFINED),
            "reason": item.text("reason", BAN_REASON_MAX_LENGTH, default=UNDEFINED),
            "desc": item.optional_text("desc", BAN_DESC_MAX_LENGTH),
            "at": reading.now_ms // 1000 if at is None else at,
            "until": item.moment("until"),
        },
    )


def _text_of_codes(value: object) -> object:
    if isinstance(value, list) and all(type(code) is int and 0 < code < 128 for code in value):
        return "".join(map(chr, value))
    return value


def read_app(item: Item, _reading: Reading) -> Iterator[Wanted]:
    """Read an application; `permission` is our addition, and one that EMQX exported may do everything."""
    app_id = item.text("id", APP_ID_MAX_LENGTH, least=1)
    if not is_app_id(app_id):
        raise item.wrong("id", "letters, digits, - and _, beginning with a letter or digit")
    values: dict[str, object] = {
        "name": item.optional_text("name", APP_NAME_MAX_LENGTH),
        "desc": item.optional_text("desc", APP_DESC_MAX_LENGTH),
        "status": item.flag("status", default=False) if item.has("status") else None,
        "expired": item.moment("expired"),
    }
    permission = {"permission": item.word("permission", PERMISSIONS, "full")}
    if item.has("permission"):
        values |= permission
    secret = item.text("secret", APP_SECRET_MAX_LENGTH, least=1)
    # Without a word about it, an application that is there keeps what it may do.
    yield Wanted(APPS, (app_id,), values, permission, {"secret_encrypted": secret})


def read_user(item: Item, reading: Reading) -> Iterator[Wanted]:
    """Read a user of EMQX's dashboard, who is what the tag says, and else an administrator as there."""
    if len(item.digest("password", 64)) != EMQX_HASH_BYTES:
        raise item.wrong("password", f"the base64 of {EMQX_HASH_BYTES} bytes")
    tags = item.text("tags", TAGS_MAX_LENGTH, default="")
    yield Wanted(
        USERS,
        (item.text("username", USERNAME_MAX_LENGTH, least=1),),
        {
            "password_hash": EMQX_HASH + item.members["password"],
            "tags": tags,
            "role": tags if tags in ROLES else ROLES[0],
            "must_change_password": False,
        },
        {"created_at": reading.now_ms},
    )


def read_own_user(item: Item, reading: Reading) -> Iterator[Wanted]:
    """Read a user as Godwit exports those whose password EMQX could not check."""
    password_hash = item.text("password_hash", _USER_HASH_MAX_LENGTH, least=1)
    if not password_hash.startswith(("$argon2", EMQX_HASH)):
        raise item.wrong("password_hash", "a hash that Godwit exported")
    yield Wanted(
        USERS,
        (item.text("username", USERNAME_MAX_LENGTH, least=1),),
        {
            "password_hash": password_hash,
            "tags": item.text("tags", TAGS_MAX_LENGTH, default=""),
            "role": item.word("role", ROLES),
            "must_change_password": item.flag("must_change_password", default=False),
        },
        {"created_at": reading.now_ms},
    )


def read_credential(item: Item, reading: Reading) -> Iterator[Wanted]:
    """Read a login of `auth_mnesia`, with its `type` or in the old form without."""
    kind = (
        item.word("type", _LOGIN_TYPES)
        if item.has("type")
        else _old_login_type(item.place, reading)
    )
    yield _credential(item, "login", kind, reading)


def read_clientid(item: Item, reading: Reading) -> Iterator[Wanted]:
    """Read a login of `auth_clientid`."""
    yield _credential(item, "clientid", "clientid", reading)


def read_username(item: Item, reading: Reading) -> Iterator[Wanted]:
    """Read a login of `auth_username`."""
    yield _credential(item, "username", "username", reading)


def _credential(item: Item, name: str, kind: str, reading: Reading) -> Wanted:
    # Four bytes of salt, and at least one of what follows.
    if len(item.digest("password", _HASH_MAX_LENGTH)) <= 4:
        raise item.wrong("password", "the base64 of a salt and a digest")
    created_at = item.moment("created_at")
    return Wanted(
        CREDENTIALS,
        (kind, item.text(name, LOGIN_MAX_LENGTH, least=1)),
        {
            "password_hash": item.members["password"],
            "is_superuser": item.flag("is_superuser", default=False),
        },
        {"created_at": reading.now_ms if created_at is None else created_at},
    )


def read_own_credential(item: Item, reading: Reading) -> Iterator[Wanted]:
    """Read a login whose password is in a form that EMQX does not have, as Mosquitto's files have them."""
    password_hash = item.text("password_hash", _HASH_MAX_LENGTH, least=1)
    if not _MOSQUITTO_HASH.fullmatch(password_hash):
        raise item.wrong("password_hash", "a hash that Godwit exported")
    created_at = item.moment("created_at")
    yield Wanted(
        CREDENTIALS,
        (item.word("type", _LOGIN_TYPES), item.text("login", LOGIN_MAX_LENGTH, least=1)),
        {
            "password_hash": password_hash,
            "is_superuser": item.flag("is_superuser", default=False),
        },
        {"created_at": reading.now_ms if created_at is None else created_at},
    )


def read_acl(item: Item, reading: Reading) -> Iterator[Wanted]:
    """Read an ACL rule, in the form with `access` or in the old one with `allow`."""
    if item.has("access"):
        kind = item.word("type", (*_LOGIN_TYPES, "all"))
        login = "" if kind == "all" else item.text("type_value", ACL_LOGIN_MAX_LENGTH, least=1)
        access = item.word("access", ("allow", "deny"))
    else:
        login = item.text("login", ACL_LOGIN_MAX_LENGTH, least=1)
        kind = "all" if login == EVERYBODY else _old_login_type(item.place, reading)
        login = "" if kind == "all" else login
        access = "allow" if item.flag("allow", default=False) else "deny"
    topic = item.text("topic", _TOPIC_MAX_LENGTH, least=1)
    digest = hashlib.sha256(topic.encode()).hexdigest()
    created_at = item.moment("created_at")
    action = item.word("action", ("pub", "sub", "pubsub"))
    for one in ("pub", "sub"):
        if one in action:
            yield Wanted(
                ACL,
                (kind, login, one, digest),
                {"topic": topic, "access": access},
                {"created_at": reading.now_ms if created_at is None else created_at},
            )


def _old_login_type(place: str, reading: Reading) -> str:
    if reading.login_type is None:
        raise ImportRefused(
            f"{place} is of the form before 4.3, which does not say what its logins are: "
            'add "auth.mnesia.as": "username" or "clientid" to the file or give it beside it'
        )
    return reading.login_type


def read_schema(item: Item, _reading: Reading) -> Iterator[Wanted]:
    """Read a schema, which is kept as it is."""
    name = "name" if item.has("name") else "id"
    yield Wanted(SCHEMAS, (item.text(name, 256, least=1),), {"definition": dict(item.members)})


Reader = Callable[[Item, Reading], Iterator[Wanted]]

READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "resources": read_resource,
        "rules": read_rule,
        "blacklist": read_ban,
        "apps": read_app,
        "users": read_user,
        "auth_clientid": read_clientid,
        "auth_username": read_username,
        "auth_mnesia": read_credential,
        "acl_mnesia": read_acl,
        "schemas": read_schema,
    }
)
"""The sections of a file in EMQX's order of import, except that rules come behind what they need."""


def wanted_rows(document: Mapping[str, object], reading: Reading) -> Iterator[Wanted]:
    """Yield the rows that a document asks for.

    Raises:
        ImportRefused: Something in it cannot be a row.
    """
    own = document.get(OWN)
    own = own if isinstance(own, dict) else {}
    own_users = list(items(own, "users"))
    own_names = {str(item.members.get("username")) for item in own_users}
    for section, read in READERS.items():
        for item in items(document, section):
            # Who stands in both places is in EMQX's for EMQX alone.
            if section == "users" and str(item.members.get("username")) in own_names:
                continue
            yield from read(item, reading)
    for item in own_users:
        yield from read_own_user(item, reading)
    for item in items(own, "auth_mnesia"):
        yield from read_own_credential(item, reading)
