"""How a caller shows who it is: HTTP Basic, and where its request came from.

Knows the wire only; whether credentials are good, and for what, is for `app.api.security` to find out. A refusal is
EMQX's: 401, `Basic Realm="minirest-server"`, the body `UNAUTHORIZED`; EMQ 2 has words of its own.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from flask_httpauth import HTTPBasicAuth

from app.clock import Clock

log = logging.getLogger(__name__)

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
