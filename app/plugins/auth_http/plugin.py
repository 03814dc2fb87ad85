"""The plugin: its place in the authentication chain and among the access rules.

Source: EMQX 4.4 `emqx_auth_http`, `emqx_acl_http`: 200 is yes, 200 with the body `ignore` is "not mine", anything else
is no. Where there is no answer the client is refused, and what he wants to do denied; EMQX would go on to `acl.conf`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson

from app.auth.metrics import AuthCounters
from app.auth.placeholders import Subject, UnusableValueError
from app.backends.breaker import UnavailableError
from app.broker.access_control import Credentials, Verdict
from app.broker.client_info import ClientInfo
from app.broker.core import BrokerCore
from app.broker.hooks import Stop
from app.broker.reasons import because
from app.config.auth_http import (
    ACL_REQ,
    AUTH_REQ,
    HTTP_CACERTFILE,
    HTTP_CERTFILE,
    HTTP_CONNECT_TIMEOUT,
    HTTP_KEYFILE,
    HTTP_POOL_SIZE,
    HTTP_RETRY_TIMES,
    HTTP_ROWS,
    HTTP_SNI,
    HTTP_TIMEOUT,
    HTTP_UNAVAILABLE,
    HTTP_VERIFY,
    REQUESTS,
    SUPER_REQ,
)
from app.mqtt.reason_codes import ReasonCode
from app.mqtt.topic import InvalidTopic, validate_topic_name
from app.plugins.auth_http.form import RequestForm, form_of
from app.plugins.base import Context, ExtensionError, Plugin
from app.rules.errors import BadArguments
from app.rules.resources.tls import server_name, tls_context

if TYPE_CHECKING:
    from app.plugins.auth_http.service import HttpService, ServiceAnswer, ServiceLimits

logger = logging.getLogger(__name__)

YES = 200
NOT_MINE = b"ignore"
ASK_AGAIN_S = 1.0
"""How long a denial counts that nobody has spoken."""
HOOK_SHARE = 0.9
"""A question that is ended from outside says nothing about the service: its own time has to be over first."""
REASONS = {
    400: ReasonCode.BAD_USER_NAME_OR_PASSWORD,
    401: ReasonCode.BAD_USER_NAME_OR_PASSWORD,
    403: ReasonCode.NOT_AUTHORIZED,
    429: ReasonCode.BANNED,
    503: ReasonCode.SERVER_UNAVAILABLE,
    504: ReasonCode.SERVER_BUSY,
}
"""By status; any other is `UNAVAILABLE`."""
UNAVAILABLE = Stop(Verdict(ReasonCode.SERVER_UNAVAILABLE))
UNUSABLE = Stop(Verdict(ReasonCode.BAD_USER_NAME_OR_PASSWORD))


class BadMountpoint(Exception):
    """The service answers with a mountpoint that is none."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    forms: Mapping[str, RequestForm]
    limits: ServiceLimits


class AuthHttp(Plugin):
    """Authentication and access rules by a web service."""

    name = "emqx_auth_http"
    description = "EMQX Authentication/ACL with HTTP API"
    type = "auth"
    guards = True
    parameters = HTTP_ROWS

    def __init__(self) -> None:
        """Know no service."""
        self.counters = AuthCounters()
        self._working: _Working | None = None

    def prepare(self, config: Mapping[str, Any]) -> _Prepared:
        """Read the forms of the requests, and the certificates.

        Raises:
            ExtensionError: They cannot be used.
        """
        # Its HTTP client is large, and needed by nodes with a service only; here its loading keeps nobody waiting.
        from app.plugins.auth_http.service import ServiceLimits

        forms = {request: form_of(config, request) for request in REQUESTS}
        tls_config = {
            "cacertfile": config[HTTP_CACERTFILE.key],
            "certfile": config[HTTP_CERTFILE.key],
            "keyfile": config[HTTP_KEYFILE.key],
            "verify": config[HTTP_VERIFY.key],
            "server_name_indication": config[HTTP_SNI.key],
        }
        try:
            tls = tls_context(tls_config)
        except BadArguments:
            raise ExtensionError(
                "Name usable PEM files in auth.http.ssl.cacertfile, .certfile and .keyfile."
            ) from None
        limits = ServiceLimits(
            config[HTTP_TIMEOUT.key],
            config[HTTP_CONNECT_TIMEOUT.key],
            config[HTTP_POOL_SIZE.key],
            config[HTTP_RETRY_TIMES.key],
            tls,
            server_name(tls_config),
        )
        return _Prepared({name: form for name, form in forms.items() if form is not None}, limits)

    def load(self, context: Context) -> None:
        """Join authentication and access rules, as far as there is somebody to ask."""
        prepared: _Prepared = context.prepared
        core = context.core
        self._working = working = _Working(core, prepared, self.counters)
        working.denies = context.config[HTTP_UNAVAILABLE.key] == "deny"
        if AUTH_REQ in prepared.forms:
            context.hook("client.authenticate", working.authenticate)
        if ACL_REQ in prepared.forms:
            context.hook("client.check_acl", working.check_acl)

    def unload(self) -> None:
        """Close the connections; whoever waits for an answer is refused."""
        working, self._working = self._working, None
        if working is not None:
            working.close()


class _Working:
    """The plugin while it is loaded."""

    def __init__(self, core: BrokerCore, prepared: _Prepared, counters: AuthCounters) -> None:
        self.denies = True
        """Whether who is not answered for is refused."""
        self._is_closed = False
        self._core = core
        self._counters = counters
        forms = prepared.forms
        self._services = {
            request: self._service(request, form, prepared.limits, 2 if SUPER_REQ in forms else 1)
            for request, form in forms.items()
        }

    def _service(
        self, request: str, form: RequestForm, limits: ServiceLimits, in_a_row: int
    ) -> HttpService:
        from app.plugins.auth_http.service import HttpService  # loaded by `prepare`

        core, alarm = self._core, alarm_name(request)
        most_s = core.config.hook_timeout_s * HOOK_SHARE / in_a_row

        def opened() -> None:
            if self._is_closed:
                # What was under way was ended by us.
                return
            core.alarms.activate(alarm, f"auth.http.{request} does not answer", {"name": request})

        def recovered() -> None:
            core.alarms.deactivate(alarm)
            # What was said without an answer holds no longer.
            core.access.drain_caches()

        return HttpService(
            f"auth.http.{request}",
            form,
            replace(limits, timeout_s=min(limits.timeout_s, most_s)),
            core.clock,
            opened,
            recovered,
        )

    def close(self) -> None:
        self._is_closed = True
        for request, service in self._services.items():
            self._core.alarms.deactivate(alarm_name(request))
            self._core.spawn(service.close())

    async def authenticate(self, credentials: Credentials, _verdict: object) -> Stop | None:
        client = credentials.client
        subject = Subject(client, credentials.password)
        try:
            answer = await self._services[AUTH_REQ].ask(subject)
            because("auth.http.auth_req answers %s", _told(answer))
            if answer.status == YES and answer.body == NOT_MINE:
                self._counters.auth_ignore += 1
                return None
            if answer.status == YES:
                verdict = await self._welcome(subject, answer)
                self._counters.auth_success += 1
                return verdict
            refusal = Stop(Verdict(REASONS.get(answer.status, ReasonCode.SERVER_UNAVAILABLE)))
        except UnusableValueError:
            because("what the client says cannot be asked with: NUL, or no text")
            refusal = UNUSABLE
        except BadMountpoint:
            because("its mountpoint is none")
            logger.warning("auth.http.auth_req answers with a mountpoint that is none")
            refusal = UNAVAILABLE
        except UnavailableError:
            because("auth.http.auth_req does not answer: %s", HTTP_UNAVAILABLE.key)
            if not self.denies:
                self._counters.auth_ignore += 1
                return None
            refusal = UNAVAILABLE
        self._counters.auth_failure += 1
        return refusal

    async def _welcome(self, subject: Subject, answer: ServiceAnswer) -> Stop:
        mountpoint = mountpoint_in(answer.body)
        is_superuser = await self._is_superuser(subject)
        if mountpoint is not None:
            subject.client.mountpoint = mountpoint
        return Stop(Verdict(ReasonCode.SUCCESS, is_superuser=is_superuser))

    async def _is_superuser(self, subject: Subject) -> bool:
        service = self._services.get(SUPER_REQ)
        if service is None:
            return False
        try:
            answer = await service.ask(subject)
        except UnavailableError:
            because("auth.http.super_req does not answer: no superuser")
            # He is let in all the same, and held to the rules.
            return False
        because("auth.http.super_req answers %s", _told(answer))
        return answer.status == YES

    async def check_acl(
        self, client: ClientInfo, action: str, topic: str, _verdict: object
    ) -> Stop | None:
        subject = Subject(client, action=action, topic=topic)
        allowed: bool | None = False
        try:
            answer = await self._services[ACL_REQ].ask(subject)
        except UnavailableError:
            # Nobody has said so: it is forgotten soon, whatever the broker remembers.
            because("auth.http.acl_req does not answer: %s", HTTP_UNAVAILABLE.key)
            self._core.after(ASK_AGAIN_S, lambda: self._core.access.drain_cache(client))
            allowed = False if self.denies else None
        except UnusableValueError:
            because("what the client says cannot be asked with: NUL, or no text")
        else:
            because("auth.http.acl_req answers %s", _told(answer))
            is_ours = answer.status != YES or answer.body != NOT_MINE
            allowed = answer.status == YES if is_ours else None
        if allowed is None:
            self._counters.acl_ignore += 1
            return None
        if allowed:
            self._counters.acl_allow += 1
        else:
            self._counters.acl_deny += 1
        return Stop(allowed)


def _told(answer: ServiceAnswer) -> str:
    return f"{answer.status} ignore" if answer.body == NOT_MINE else str(answer.status)


def alarm_name(request: str) -> str:
    """Return what the alarm about one of the services is called."""
    return f"{AuthHttp.name}_{request}_unavailable"


def mountpoint_in(body: bytes) -> str | None:
    """Return the mountpoint that an answer gives to the client; None where it gives none.

    Raises:
        BadMountpoint: It cannot be one.
    """
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(found, dict) or "mountpoint" not in found:
        return None
    mountpoint = found["mountpoint"]
    try:
        validate_topic_name(f"{mountpoint}x" if isinstance(mountpoint, str) else "")
    except InvalidTopic:
        raise BadMountpoint from None
    return str(mountpoint)
