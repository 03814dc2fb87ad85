"""The plugin: its place in the authentication chain and among the access rules.

Source: EMQX 4.4 `emqx_auth_mongo`, `emqx_acl_mongo`: who has no document is left to the next; whoever has access rules
there may do what they allow and nothing else. Where EMQX passes over access rules that it cannot get or read, here they
refuse.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from app.auth.metrics import AuthCounters
from app.auth.passwords import PasswordHash
from app.auth.placeholders import PlaceholderError, Subject, UnusableValueError
from app.backends.breaker import BackendError, UnavailableError
from app.broker.access_control import Credentials, Verdict
from app.broker.client_info import ClientInfo
from app.broker.core import BrokerCore
from app.broker.hooks import Stop
from app.broker.reasons import because
from app.config.auth_mongo import (
    MONGO_ACL_COLLECTION,
    MONGO_ACL_QUERY,
    MONGO_ACL_SELECTOR,
    MONGO_ACL_SELECTORS,
    MONGO_AUTH_COLLECTION,
    MONGO_AUTH_SELECTOR,
    MONGO_PASSWORD_FIELD,
    MONGO_PASSWORD_HASH,
    MONGO_POOL,
    MONGO_QUERY_TIMEOUT,
    MONGO_ROWS,
    MONGO_RS_SET_NAME,
    MONGO_SERVER,
    MONGO_SUPER_COLLECTION,
    MONGO_SUPER_FIELD,
    MONGO_SUPER_QUERY,
    MONGO_SUPER_SELECTOR,
    MONGO_TYPE,
    MONGO_UNAVAILABLE,
)
from app.mqtt.reason_codes import ReasonCode
from app.plugins.auth_mongo.documents import (
    LISTS,
    AclQuery,
    Filter,
    Query,
    Selector,
    field_name,
    first_that_allows,
    read_password,
    read_superuser,
    topics_of,
)
from app.plugins.auth_mongo.server import MongoServer
from app.plugins.auth_watch import Watch
from app.plugins.base import Context, ExtensionError, Plugin

T = TypeVar("T")
REFUSED = Stop(Verdict(ReasonCode.BAD_USER_NAME_OR_PASSWORD))
UNAVAILABLE = Stop(Verdict(ReasonCode.SERVER_UNAVAILABLE))
MAX_RULES = 1_000
"""Documents with access rules that one client may have, as in EMQX."""


@dataclass(frozen=True, slots=True)
class Questions:
    """What MongoDB is asked, and how passwords are hashed there."""

    auth: Query
    super: Query | None
    acl: AclQuery | None
    hashed: PasswordHash


class AuthMongo(Plugin):
    """Authentication and access rules from MongoDB."""

    name = "emqx_auth_mongo"
    description = "EMQX Authentication/ACL with MongoDB"
    type = "auth"
    guards = True
    parameters = MONGO_ROWS

    def __init__(self) -> None:
        """Ask nobody yet."""
        self.counters = AuthCounters()
        self._core: BrokerCore | None = None
        self._server: MongoServer
        self._watch: Watch
        self._questions: Questions
        self._denies = True

    def prepare(self, config: Mapping[str, Any]) -> Questions:
        """Return the questions.

        Raises:
            ExtensionError: A parameter cannot be used; the text names it.
        """
        # Large, and needed by nodes with a MongoDB only; here its loading keeps nobody waiting.
        from app.plugins.auth_mongo.driver import missing_file

        if not config[MONGO_SERVER.key]:
            raise ExtensionError(f"Set {MONGO_SERVER.key}.")
        if config[MONGO_TYPE.key] == "single" and len(config[MONGO_SERVER.key]) > 1:
            raise ExtensionError(f"Set {MONGO_TYPE.key}, or {MONGO_SERVER.key} to one server.")
        if config[MONGO_TYPE.key] == "rs" and not config[MONGO_RS_SET_NAME.key]:
            raise ExtensionError(f"Set {MONGO_RS_SET_NAME.key}: the name of the replica set.")
        if (key := missing_file(config)) is not None:
            raise ExtensionError(f"{key}: there is no such file.")
        return questions_of(config)

    def load(self, context: Context) -> None:
        """Join authentication, and the access rules where they are asked for."""
        from app.plugins.auth_mongo.driver import driver_for

        core, config = context.core, context.config
        questions: Questions = context.prepared
        in_a_row = 1 if questions.super is None else 2
        watch = Watch(core, self.name, "MongoDB", config[MONGO_QUERY_TIMEOUT.key], in_a_row)
        driver = driver_for(config, watch.timeout_s)
        self._core = core
        self._questions = questions
        self._denies = config[MONGO_UNAVAILABLE.key] == "deny"
        self._watch = watch
        self._server = server = MongoServer(driver, config[MONGO_POOL.key], watch.breaker)
        context.hook("client.authenticate", self.authenticate)
        if questions.acl is not None:
            context.hook("client.check_acl", self.check_acl)
        watch.begin(server.probe)

    def unload(self) -> None:
        """Close the connections, once what is under way is answered."""
        if self._core is not None:
            self._watch.end()
            self._core.spawn(self._server.close())
            self._core = None

    def authenticate(
        self, credentials: Credentials, _verdict: object
    ) -> Awaitable[Stop | None] | Stop | None:
        """Say whether the password is the one that MongoDB has."""
        subject = Subject(credentials.client, credentials.password)
        try:
            filter_ = self._questions.auth.selector.render(subject)
        except UnusableValueError:
            because("what the client says cannot be asked with: NUL, or no text")
            self.counters.auth_failure += 1
            return REFUSED
        if filter_ is None:
            because("%s needs what the client does not say", MONGO_AUTH_SELECTOR.key)
            self.counters.auth_ignore += 1
            return None
        return self._authenticate(self._server, self._questions, subject, {**filter_})

    async def _authenticate(
        self, server: MongoServer, questions: Questions, subject: Subject, filter_: Filter
    ) -> Stop | None:
        fields = questions.auth.fields
        try:
            found = await server.find(questions.auth.collection, filter_, fields, 1)
            if not found:
                because("%s finds no such client", MONGO_AUTH_SELECTOR.key)
                self.counters.auth_ignore += 1
                return None
            stored = read_password(found[0], fields)
            if not await questions.hashed.check(subject.password, stored.digest, stored.salt):
                because("%s finds the client, with another password", MONGO_AUTH_SELECTOR.key)
                self.counters.auth_failure += 1
                return REFUSED
            because("the password fits that of %s", MONGO_AUTH_SELECTOR.key)
            is_superuser = await self._is_superuser(server, questions.super, subject)
        except UnusableValueError:
            because("what the client says cannot be asked with: NUL, or no text")
            self.counters.auth_failure += 1
            return REFUSED
        except (UnavailableError, BackendError):
            because("MongoDB does not answer, or with an error: %s", MONGO_UNAVAILABLE.key)
            if not self._denies:
                self.counters.auth_ignore += 1
                return None
            self.counters.auth_failure += 1
            return UNAVAILABLE
        self.counters.auth_success += 1
        return Stop(Verdict(ReasonCode.SUCCESS, is_superuser=is_superuser))

    async def _is_superuser(
        self, server: MongoServer, query: Query | None, subject: Subject
    ) -> bool:
        filter_ = None if query is None else query.selector.render(subject)
        if query is None or filter_ is None:
            return False
        try:
            found = await server.find(query.collection, filter_, query.fields, 1)
        except BackendError:
            # He is let in all the same, and held to the rules.
            because("%s is answered with an error: no superuser", MONGO_SUPER_SELECTOR.key)
            return False
        is_superuser = bool(found) and read_superuser(found[0], query.fields[0])
        because("%s says yes" if is_superuser else "%s says no", MONGO_SUPER_SELECTOR.key)
        return is_superuser

    def check_acl(
        self, client: ClientInfo, action: str, topic: str, _verdict: object
    ) -> Awaitable[Stop | None] | Stop | None:
        """Say what the client's rules in MongoDB allow."""
        query = self._questions.acl
        assert query is not None
        try:
            filter_ = query.render(Subject(client, action=action, topic=topic))
        except UnusableValueError:
            because("what the client says cannot be asked with: NUL, or no text")
            self.counters.acl_deny += 1
            return Stop(False)
        if filter_ is None:
            because("%s needs what the client does not say", MONGO_ACL_SELECTOR.key)
            self.counters.acl_ignore += 1
            return None
        return self._check_acl(query.collection, filter_, client, action, topic)

    async def _check_acl(
        self, collection: str, filter_: Filter, client: ClientInfo, action: str, topic: str
    ) -> Stop | None:
        try:
            rules = await self._server.find(collection, filter_, LISTS[action], MAX_RULES)
            allowed = first_that_allows(topics_of(rules, action), client, topic)
        except (UnavailableError, BackendError):
            because("MongoDB does not answer, or with an error: %s", MONGO_UNAVAILABLE.key)
            self._watch.forget_soon(client)
            if self._denies:
                self.counters.acl_deny += 1
                return Stop(False)
            rules, allowed = [], None
        if not rules:
            because("%s finds no rules of the client", MONGO_ACL_SELECTOR.key)
            self.counters.acl_ignore += 1
            return None
        if allowed is None:
            because("none of the %s rules of %s allows it", len(rules), MONGO_ACL_SELECTOR.key)
            self.counters.acl_deny += 1
            return Stop(False)
        because("%s finds %s to %s", MONGO_ACL_SELECTOR.key, allowed, action)
        self.counters.acl_allow += 1
        return Stop(True)


def questions_of(config: Mapping[str, Any]) -> Questions:
    """Return the selectors, taken apart, and how passwords are hashed.

    Raises:
        ExtensionError: One cannot be used; the text names its key.
    """

    def read(key: str, parse: Callable[[str], T], text: str | None = None) -> T:
        try:
            return parse(config[key] if text is None else text)
        except PlaceholderError as error:
            raise ExtensionError(f"{key}: {error}") from None

    password = MONGO_PASSWORD_FIELD.key
    fields = tuple(read(password, field_name, one) for one in config[password].split(","))
    auth_selector = read(MONGO_AUTH_SELECTOR.key, Selector.parse)
    hashed = PasswordHash.of(config[MONGO_PASSWORD_HASH.key])
    if hashed.needs_salt and len(fields) < 2:
        raise ExtensionError(f"{password}: name the field of the salt as well: password,salt.")
    superuser = None
    if config[MONGO_SUPER_QUERY.key]:
        selector = read(MONGO_SUPER_SELECTOR.key, Selector.parse)
        named = (read(MONGO_SUPER_FIELD.key, field_name),)
        superuser = Query(config[MONGO_SUPER_COLLECTION.key], selector, named)
    acl = None
    if config[MONGO_ACL_QUERY.key]:
        keys = [MONGO_ACL_SELECTOR.key, *sorted(k for k in config if MONGO_ACL_SELECTORS.takes(k))]
        selectors = tuple(read(key, Selector.parse) for key in keys if config[key])
        acl = AclQuery(config[MONGO_ACL_COLLECTION.key], selectors)
    return Questions(
        Query(config[MONGO_AUTH_COLLECTION.key], auth_selector, fields), superuser, acl, hashed
    )
