"""Why a client may or may not come in, publish or subscribe: the checks of `connect` and `AccessControl`, step by step.

The same callbacks are asked in the same order as for a real client, and say their reasons (`reasons.py`). Nothing is
counted, remembered, banned or told to anybody; backends are really asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import Any

from app.broker.access_control import Credentials, Verdict, no_opinion
from app.broker.channel.connect import fill_mountpoint
from app.broker.channel.subscribe import split_filter
from app.broker.client_info import ClientInfo
from app.broker.core import BrokerCore
from app.broker.hooks import HookPoint, Ok, Stop
from app.broker.reasons import because, listening
from app.config import AllowAnonymous
from app.mqtt.reason_codes import ReasonCode

PASS = "pass"  # noqa: S105 - no password
IGNORE = "ignore"
OK = "ok"
STOP = "stop"
ERROR = "error"
ANSWERS = (PASS, IGNORE, OK, STOP, ERROR)
"""What a step says: nothing against it; not mine; so far, and go on; finally; it failed, which refuses."""
BROKER = "broker"
ACL_CACHE = "acl_cache"


@dataclass(frozen=True, slots=True)
class Question:
    """Who wants what."""

    clientid: str
    username: str | None = None
    password: bytes | None = None
    peerhost: str | None = None
    """None is that of the connected client, or this machine."""
    action: str = "connect"
    """`connect`, `publish` or `subscribe`."""
    topic: str = ""

    def __repr__(self) -> str:
        """Show who and what, never the password."""
        return f"Question({self.clientid!r}, {self.action!r}, {self.topic!r})"


@dataclass(frozen=True, slots=True)
class Step:
    """One check."""

    check: str
    """A hook point, or the name of a check or setting of the broker."""
    by: str
    """Which plugin or module; `broker` for the broker's own."""
    answer: str
    """One of `ANSWERS`."""
    verdict: str = ""
    """What it answered: `allow`, `deny`, or the name of a reason code; empty where it has no opinion."""
    why: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """The steps in their order, and what comes of them."""

    is_allowed: bool
    reason: str
    """The reason code of CONNACK, or `allow` or `deny`."""
    is_connected: bool
    """Whether the client is connected, and was judged by what is known of it."""
    is_superuser: bool
    steps: tuple[Step, ...]

    @property
    def decided_by(self) -> Step:
        """Return the step that decided."""
        remembered = (step for step in self.steps if step.check == ACL_CACHE)
        return next(remembered, self.steps[-1])


async def explain(core: BrokerCore, question: Question) -> Explanation:
    """Ask everybody whom a real client would have to get past, on the loop."""
    return await _Inquiry(core, question).run()


class _Inquiry:
    """One question on its way through the checks."""

    def __init__(self, core: BrokerCore, question: Question) -> None:
        self._core = core
        self._question = question
        self._steps: list[Step] = []
        channel = core.cm.get(question.clientid)
        is_meant = channel is not None and channel.is_connected and _fits(channel.client, question)
        self._connected = channel.client if channel is not None and is_meant else None
        self._client = self._connected or self._stranger()

    def _stranger(self) -> ClientInfo:
        """Return what would be known of a client that came now, by the first listener there is."""
        question, listeners = self._question, self._core.config.listeners
        zones = self._core.config.zones
        zone = zones[listeners[0].zone if listeners else next(iter(zones))]
        return ClientInfo(
            zone,
            listeners[0].identifier if listeners else "",
            question.peerhost or "127.0.0.1",
            0,
            listeners[0].port if listeners else 0,
            question.clientid,
            question.username,
            mountpoint=fill_mountpoint(zone.mountpoint, question.clientid, question.username),
        )

    async def run(self) -> Explanation:
        action = self._question.action
        if action == "connect":
            if self._connected is not None:
                # Whoever comes again is judged anew; the client that is there must not be touched.
                self._client = replace(self._connected, acl_cache=None)
            verdict = await self._connect()
            return self._told(verdict.reason is ReasonCode.SUCCESS, _word(verdict))
        if self._connected is None and not await self._arrive():
            return self._told(False, self._steps[-1].verdict)
        allowed = await self._may(action)
        return self._told(allowed, _said(allowed))

    def _told(self, is_allowed: bool, reason: str) -> Explanation:
        return Explanation(
            is_allowed,
            reason,
            self._connected is not None,
            self._client.is_superuser,
            tuple(self._steps),
        )

    def _note(self, check: str, answer: str, verdict: str, why: str, *values: object) -> None:
        self._steps.append(Step(check, BROKER, answer, verdict, (why % values,)))

    # -- coming in -----------------------------------------------------------------------------

    async def _arrive(self) -> bool:
        """Judge who is not connected as if he were; without a password nobody is asked about it."""
        if self._question.password is not None:
            return (await self._connect()).reason is ReasonCode.SUCCESS
        if (refused := self._barred()) is not None:
            return refused.reason is ReasonCode.SUCCESS
        self._note(
            "client.authenticate", PASS, "", "not asked: no password is given, and no superuser assumed"
        )  # fmt: skip
        return True

    async def _connect(self) -> Verdict:
        barred = self._barred()
        if barred is not None:
            return barred
        point = self._core.hooks.point("client.authenticate")
        credentials = Credentials(self._client, self._question.password)
        found, has_failed = await self._ask(point, credentials)
        if has_failed:
            return Verdict(ReasonCode.SERVER_UNAVAILABLE)
        verdict = found if isinstance(found, Verdict) else self._anonymous()
        self._client.is_superuser = verdict.is_superuser
        self._client.anonymous = verdict.anonymous
        return verdict

    def _barred(self) -> Verdict | None:
        core, client = self._core, self._client
        ban = core.banned.find(client) if client.zone.enable_ban else None
        if ban is not None:
            until, named = ban.until_s, (ban.kind, ban.who)
            if until is None:
                why = "%s %s is banned for ever by %s: %s"
                self._note("banned", STOP, "banned", why, *named, ban.by, ban.reason)
            else:
                why = "%s %s is banned until %s (Unix seconds) by %s: %s"
                self._note("banned", STOP, "banned", why, *named, until, ban.by, ban.reason)
            return Verdict(ReasonCode.BANNED)
        if client.zone.enable_ban:
            self._note("banned", PASS, "", "no ban meets the client")
        else:
            self._note("banned", PASS, "", "zone.%s.enable_ban is off", client.zone.name)
        return self._limited()

    def _limited(self) -> Verdict | None:
        """Return whether an address has failed too often; say how near a client id is to being too restless."""
        core, client = self._core, self._client
        if client.zone.enable_flapping_detect:
            times = core.flapping.disconnects.times(client.clientid)
            most = core.config.flapping_detect_policy.times
            self._note("flapping", PASS, "", "%s of %s disconnects in its window", times, most)
        if not client.zone.enable_auth_failure_limit:
            return None
        left_s = core.flapping.refused_s(client)
        times = core.flapping.failures.times(client.peerhost)
        if left_s <= 0:
            self._note("auth_failures", PASS, "", "%s failed logins from its address", times)
            return None
        verdict = Verdict(ReasonCode.CONNECTION_RATE_EXCEEDED)
        self._note(
            "auth_failures", STOP, _word(verdict),
            "too many failed logins from %s, refused for %d s more", client.peerhost, left_s,
        )  # fmt: skip
        return verdict

    def _anonymous(self) -> Verdict:
        policy = self._core.config.allow_anonymous
        verdict = self._core.access.default(self._client)
        word = _word(verdict)
        if policy is AllowAnonymous.LOOPBACK:
            why = (
                "nobody had an opinion, and allow_anonymous is loopback, and %s is this machine"
                if self._client.is_loopback
                else "nobody had an opinion, and allow_anonymous is loopback, and %s is not this machine"
            )
            self._note("allow_anonymous", STOP, word, why, self._client.peerhost)
        else:
            why = "nobody had an opinion, and allow_anonymous is %s"
            self._note("allow_anonymous", STOP, word, why, policy.value)
        return verdict

    # -- publishing and subscribing ------------------------------------------------------------

    async def _may(self, action: str) -> bool:
        client, core = self._client, self._core
        if client.is_superuser:
            self._note("superuser", STOP, "allow", "the client is a superuser, whom no rule holds")
            return True
        self._note("superuser", PASS, "", "the client is no superuser")
        if not client.zone.enable_acl:
            self._note("enable_acl", STOP, "allow", "zone.%s.enable_acl is off", client.zone.name)
            return True
        topic = self._question.topic
        if action == "subscribe":
            topic = split_filter(topic).inner
        remembered = self._remembered(action, topic)
        found = await self._ask_acl(action, topic)
        if found is None:
            found = core.access.allow_unmatched
            self._note("acl_nomatch", STOP, _said(found), "no rule is about it: acl_nomatch")
        return found if remembered is None else remembered

    def _remembered(self, action: str, topic: str) -> bool | None:
        """Return what is remembered, which counts until it is too old, whatever the rules say now."""
        for verdict in self._core.access.remembered(self._client):
            if (verdict.access, verdict.topic) == (action, topic):
                self._note(
                    ACL_CACHE,
                    STOP,
                    _said(verdict.allowed),
                    "remembered since %s (Unix milliseconds), and counts before the rules below",
                    verdict.updated_ms,
                )
                return verdict.allowed
        return None

    async def _ask_acl(self, action: str, topic: str) -> bool | None:
        hooks, client = self._core.hooks, self._client
        found, has_failed = await self._ask(hooks.point("client.check_acl"), client, action, topic)
        if found is None and not has_failed and action == "subscribe":
            point = hooks.point("client.check_acl_subscribe")
            found, has_failed = await self._ask(point, client, topic)
        if has_failed:
            return False
        if found is None:
            # What cannot change the verdict is not asked about a real client; it has its reasons all the same.
            found, _ = await self._ask(hooks.point("client.explain_acl"), client, action, topic)
        return None if found is None else bool(found)

    # -- the hooks -----------------------------------------------------------------------------

    async def _ask(self, point: HookPoint, *args: Any) -> tuple[Any, bool]:
        """Return what the callbacks of a point make of a question, and whether one of them failed."""
        value: Any = None
        for callback in point.callbacks:
            if callback is no_opinion:
                continue
            with listening() as reasons:
                try:
                    answer = callback(*args, value)
                    if isinstance(answer, Awaitable):
                        async with asyncio.timeout(self._core.config.hook_timeout_s):
                            answer = await answer
                except Exception as error:  # noqa: BLE001 - whatever a plugin raises
                    because("it failed: %s; such a client is refused", type(error).__name__)
                    refusal = "deny" if len(args) > 1 else "server_unavailable"
                    self._heard(point, callback, ERROR, refusal, reasons)
                    return None, True
            if isinstance(answer, Ok | Stop):
                value = answer.value
                word = OK if isinstance(answer, Ok) else STOP
                self._heard(point, callback, word, _said(value), reasons)
                if word is STOP:
                    return value, False
            else:
                self._heard(point, callback, IGNORE, "", reasons)
        return value, False

    def _heard(
        self, point: HookPoint, callback: Any, answer: str, verdict: str, reasons: list[str]
    ) -> None:
        by = point.owner_of(callback) or callback.__module__
        self._steps.append(Step(point.spec.name, by, answer, verdict, tuple(reasons)))


def _fits(client: ClientInfo, question: Question) -> bool:
    """Tell whether a question is about the client that is connected by that id."""
    is_it = question.username is None or question.username == client.username
    return is_it and (question.peerhost is None or question.peerhost == client.peerhost)


def _word(verdict: Verdict) -> str:
    return verdict.reason.name.lower()


def _said(value: Any) -> str:
    if isinstance(value, Verdict):
        return _word(value)
    return "allow" if value else "deny"
