"""Who may call the API: HTTP Basic with an application's id and secret.

Knows how a caller shows credentials and how a refusal looks on the wire; whether they are good is for `services.apps`
to say. A refusal is EMQX's: 401, `Basic Realm="minirest-server"`, the body `UNAUTHORIZED`.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Protocol
from urllib.parse import urlsplit

from flask import Response, g, request
from flask_httpauth import HTTPBasicAuth

from app.clock import Clock, SystemClock
from app.loopback import is_loopback
from app.services.apps import AuthenticationRefused

log = logging.getLogger(__name__)

_FORWARDING_HEADERS = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")
_LOG_INTERVAL_S = 60.0


class Authenticator(Protocol):
    """What this room needs of `app.services.apps.AppsService`."""

    def authenticate(self, app_id: str, secret: str, *, from_loopback: bool) -> object:
        """Return for good credentials, raise `AuthenticationRefused` for others."""


class BasicAuth(HTTPBasicAuth):  # type: ignore[misc]  # its base class has no types
    """HTTP Basic and nothing else; another scheme's token is no password, even if it decodes like one."""

    def get_auth(self) -> Any:
        """Return the credentials of the request, or None."""
        auth = super().get_auth()
        return auth if auth is not None and auth.type.lower() == b"basic" else None


def application_auth(apps: Authenticator, clock: Clock | None = None) -> BasicAuth:
    """Return the guard for calls that applications make; use its `login_required`."""
    auth = BasicAuth()
    hints = _HintLog(clock or SystemClock())

    @auth.verify_password  # type: ignore[untyped-decorator]  # it ships no types
    def verify(app_id: str, secret: str) -> str | None:
        g.refusal_hint = ""
        try:
            apps.authenticate(app_id, secret, from_loopback=is_local(request.environ))
        except AuthenticationRefused as refusal:
            g.refusal_hint = refusal.hint or ""
            hints.say(app_id, g.refusal_hint)
            return None
        return app_id

    @auth.error_handler  # type: ignore[untyped-decorator]  # it ships no types
    def refuse() -> Response:
        hint = g.get("refusal_hint")
        response = Response(f"UNAUTHORIZED\n{hint}\n" if hint else "UNAUTHORIZED", status=401)
        response.headers["WWW-Authenticate"] = 'Basic Realm="minirest-server"'
        del response.headers["Content-Type"]
        return response

    return auth


def is_local(environ: dict[str, Any]) -> bool:
    """Tell whether a request comes from this machine itself.

    A proxy on this machine must not make the world local, nor may a page of another site that a browser here shows.
    """
    if any(header in environ for header in _FORWARDING_HEADERS):
        return False
    if environ.get("HTTP_SEC_FETCH_SITE", "none") not in ("none", "same-origin"):
        return False
    return _names_an_address(environ.get("HTTP_HOST", "localhost")) and _is_loopback(
        environ.get("REMOTE_ADDR", "")
    )


@lru_cache(maxsize=1_024)
def _names_an_address(host: str) -> bool:
    """Tell whether a Host header means the same machine whoever resolves it.

    A page of another site can have its own name resolve to this machine and then call us as its own origin; the name
    in Host is what gives it away.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
        if name == "localhost" or name.endswith(".localhost"):
            return True
        ip_address(name)
    except ValueError:
        return False
    return True


_is_loopback = lru_cache(maxsize=1_024)(is_loopback)


class _HintLog:
    """Says at most once a minute what an operator has to do; two threads at once may say it twice."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next_at_s = 0.0

    def say(self, app_id: str, hint: str) -> None:
        now_s = self._clock.monotonic_s()
        if hint and now_s >= self._next_at_s:
            self._next_at_s = now_s + _LOG_INTERVAL_S
            log.warning("refused the application %r from another machine: %s", app_id, hint)
