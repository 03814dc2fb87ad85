"""Who may call what: which kind of login a port takes, what a login may do, and who has to wait.

The management ports take applications, the dashboard's port takes its users, as in EMQX. What EMQX does not have:
applications with a permission, users with a role, and addresses that failed too often. The rules are a table over the
first words of a path, the same in every generation. Knows HTTP; whether credentials are good is for the services to
say.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum
from functools import wraps

from flask import Response, g, request
from werkzeug.datastructures import Authorization

from app.actor import Actor, current_act
from app.api.auth import MINIREST, BasicAuth, HintLog, Refusal
from app.api.endpoint import Principal
from app.clock import Clock, SystemClock
from app.config import Settings
from app.errors import ResultCode, ServiceError
from app.loopback import is_local
from app.services import Services
from app.services.apps import AuthenticationRefused
from app.services.users import WRONG

View = Callable[..., Response]
READING = frozenset({"GET", "HEAD"})


class Area(Enum):
    """What a call is about, as far as rights go."""

    OPERATION = "operation"
    ADMINISTRATION = "administration"
    """Who may do what: also to read it is for administrators, since secrets are among it."""
    PUBLISHING = "publishing"
    OWN_PASSWORD = "own password"  # noqa: S105 - not a password, but a word about one
    """For whoever knows the old one."""
    LOGIN = "login"
    MONITORING = "monitoring"


_AREAS = {
    ("apps",): Area.ADMINISTRATION,
    ("users",): Area.ADMINISTRATION,
    ("data",): Area.ADMINISTRATION,
    ("audit",): Area.ADMINISTRATION,
    ("database",): Area.ADMINISTRATION,
    ("mqtt", "publish"): Area.PUBLISHING,
    ("mqtt", "publish_batch"): Area.PUBLISHING,
    ("change_pwd",): Area.OWN_PASSWORD,
    ("emqx_prometheus",): Area.MONITORING,
}


def area_of(path: str) -> Area:
    """Return what a path is about: `/api/v4/mqtt/publish` is PUBLISHING."""
    parts = tuple(word for word in path.split("/") if word)
    if parts == ("metrics",):
        return Area.MONITORING
    words = parts[2:]
    if words == ("auth",):
        return Area.LOGIN
    return _AREAS.get(words[:2]) or _AREAS.get(words[:1]) or Area.OPERATION


def permits(principal: Principal, right: str, area: Area, method: str) -> bool:
    """Tell whether a permission or a role allows a call.

    Args:
        principal: Whose right it is.
        right: An application's permission or a user's role.
        area: What the call is about.
        method: Its HTTP method.
    """
    if right in ("full", "administrator") or area is Area.MONITORING:
        return True
    if right == "publish_only":
        return area is Area.PUBLISHING
    if area is Area.ADMINISTRATION:
        return False
    if area is Area.OWN_PASSWORD:
        return principal is Principal.USER
    return right == "operator" or method in READING


class Guard:
    """Lets nobody through to a view but those who may call it."""

    def __init__(
        self,
        services: Services,
        settings: Settings,
        refusal: Refusal = MINIREST,
        clock: Clock | None = None,
        *,
        users_everywhere: bool = False,
    ) -> None:
        """Take what it asks.

        Args:
            services: Who knows applications, users, and failures.
            settings: Which ports are the dashboard's, and whether monitoring needs a login.
            refusal: How the generation says no.
            clock: For what is logged once a minute.
            users_everywhere: Whether the dashboard's users may log in at every port, as in EMQ 2.
        """
        self._services = services
        self._users_everywhere = users_everywhere
        self._dashboard_ports = frozenset(str(at.port) for at in settings.dashboard.listeners)
        self._open_monitoring = not settings.management.metrics_need_login
        self._refusal = refusal
        self._basic = BasicAuth()
        self._hints = HintLog(clock or SystemClock())

    def __call__(self, view: View) -> View:
        """Return the view behind the guard."""

        @wraps(view)
        def guarded(**path_params: str) -> Response:
            return self._refuse() or view(**path_params)

        return guarded

    def _refuse(self) -> Response | None:
        """Return why the request goes no further, or None where it may."""
        on_dashboard = request.environ.get("SERVER_PORT") in self._dashboard_ports
        principal = Principal.USER if on_dashboard else Principal.APP
        g.principal = principal
        area = area_of(request.path)
        if self._needs_no_login(area, principal):
            return None
        given: Authorization | None = self._basic.get_auth()
        if given is None or given.username is None or given.password is None:
            return self._unauthorized()
        name, secret = given.username, given.password
        if self._is_operator(name, secret):
            return None
        wait_s = attempt_wait_s(self._services, name, secret)
        if wait_s:
            return too_many_failures(wait_s)
        try:
            principal, right = self._log_in(principal, name, secret)
        except AuthenticationRefused as refused:
            self._services.login_limits.failed(request.remote_addr or "")
            self._hints.say(principal.value, name, refused.hint)
            return self._unauthorized(refused.hint)
        if permits(principal, right, area, request.method):
            return None
        return Response(f"Forbidden: {name} is {right}\n", status=403, content_type="text/plain")

    def _is_operator(self, name: str, secret: str) -> bool:
        """Tell whether `godwit ctl` calls; its secret is never waited for, so that nobody can lock an operator out."""
        operator = self._services.operation.local_login.operator(name, secret)
        if operator is None or not is_local(request.environ):
            return False
        g.principal = Principal.CLI
        identify(Principal.CLI, operator)
        return True

    def _needs_no_login(self, area: Area, principal: Principal) -> bool:
        if area is Area.LOGIN:
            open_here = principal is Principal.USER or self._users_everywhere
            return open_here and request.method == "POST"
        return area is Area.MONITORING and request.method in READING and self._open_monitoring

    def _log_in(self, principal: Principal, name: str, secret: str) -> tuple[Principal, str]:
        try:
            right = self._right_of(principal, name, secret)
        except AuthenticationRefused:
            if principal is Principal.USER or not self._users_everywhere:
                raise
            principal = Principal.USER
            right = self._right_of(principal, name, secret)
        g.principal = principal
        self._services.login_limits.succeeded(request.remote_addr or "", (name, secret))
        identify(principal, name)
        return principal, right

    def _right_of(self, principal: Principal, name: str, secret: str) -> str:
        from_loopback = is_local(request.environ)
        services = self._services
        if principal is Principal.USER:
            return services.users.authenticate(name, secret, from_loopback=from_loopback).role
        return services.apps.authenticate(name, secret, from_loopback=from_loopback).permission

    def _unauthorized(self, hint: str = "") -> Response:
        body = self._refusal.body
        response = Response(f"{body}\n{hint}\n" if hint else body, status=401)
        response.headers["WWW-Authenticate"] = f'Basic Realm="{self._refusal.realm}"'
        del response.headers["Content-Type"]
        return response


def attempt_wait_s(services: Services, name: str, secret: str) -> float:
    """Return how long the caller of this request must wait before these credentials are looked at."""
    return services.login_limits.wait_s(request.remote_addr or "", (name, secret))


def too_many_failures(wait_s: float) -> Response:
    """Answer a caller whose address has failed too often."""
    response = Response(_wait_sentence(wait_s), status=429, content_type="text/plain")
    response.headers["Retry-After"] = str(math.ceil(wait_s))
    return response


def checked(services: Services, name: object, secret: object, check: Callable[[bool], str]) -> None:
    """Check credentials that are in a call's body, as `POST /auth` has them.

    Args:
        services: Who counts failures.
        name: As it was sent.
        secret: As it was sent.
        check: Called with whether the caller is on this machine; returns the user's name, or raises.

    Raises:
        ServiceError: They are not good, or the address has failed too often; without a code, as EMQX's dashboard.
    """
    credentials = (str(name), str(secret))
    wait_s = attempt_wait_s(services, *credentials)
    if wait_s:
        raise ServiceError(
            ResultCode.BAD_USERNAME_OR_PASSWORD, _wait_sentence(wait_s).strip(), bare=True
        )
    try:
        username = check(is_local(request.environ))
    except AuthenticationRefused as refused:
        services.login_limits.failed(request.remote_addr or "")
        message = refused.hint or WRONG
        raise ServiceError(ResultCode.BAD_USERNAME_OR_PASSWORD, message, bare=True) from None
    services.login_limits.succeeded(request.remote_addr or "", credentials)
    identify(Principal.USER, username)


def identify(principal: Principal, name: str) -> None:
    """Have what this request changes be done by whom it has logged in."""
    act = current_act()
    if act is not None:
        act.actor = Actor(principal.value, name, act.actor.address, act.actor.request_id)


def _wait_sentence(wait_s: float) -> str:
    return f"Too many failed logins: try again in {math.ceil(wait_s)} s\n"
