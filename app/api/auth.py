"""How a caller shows who it is: HTTP Basic, and where its request came from.

Knows the wire only; whether credentials are good, and for what, is for `app.api.security` to find out. A refusal is
EMQX's: 401, `Basic Realm="minirest-server"`, the body `UNAUTHORIZED`; EMQ 2 has words of its own.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from flask_httpauth import HTTPBasicAuth

from app.clock import Clock
from app.loopback import is_loopback

log = logging.getLogger(__name__)

_FORWARDING_HEADERS = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")
_LOG_INTERVAL_S = 60.0


class BasicAuth(HTTPBasicAuth):  # type: ignore[misc]  # its base class has no types
    """HTTP Basic and nothing else; another scheme's token is no password, even if it decodes like one."""

    def get_auth(self) -> Any:
        """Return the credentials of the request, or None."""
        auth = super().get_auth()
        return auth if auth is not None and auth.type.lower() == b"basic" else None


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a generation tells a caller that its credentials are not good."""

    realm: str = "minirest-server"
    body: str = "UNAUTHORIZED"


MINIREST = Refusal()


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


class HintLog:
    """Says at most once a minute what an operator has to do; two threads at once may say it twice."""

    def __init__(self, clock: Clock) -> None:
        """Take monotonic time."""
        self._clock = clock
        self._next_at_s = 0.0

    def say(self, kind: str, name: str, hint: str) -> None:
        """Log why somebody from another machine was refused, unless that was just said."""
        now_s = self._clock.monotonic_s()
        if hint and now_s >= self._next_at_s:
            self._next_at_s = now_s + _LOG_INTERVAL_S
            log.warning("refused the %s %r from another machine: %s", kind, name, hint)
