"""What every request gets: a number, an actor for the audit log, headers that keep browsers out of trouble.

A change that no service has recorded is recorded here, so that a call that somebody forgot is in the log all the same.
"""

from __future__ import annotations

import logging
import re
import secrets
from contextlib import ExitStack

import orjson
from flask import Flask, Response, g, request

from app.actor import Actor, acting, current_act
from app.services.audit import AuditService

log = logging.getLogger(__name__)

REQUEST_ID = "X-Request-Id"
_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,64}")
_ID_BYTES = 8
_CHANGING = frozenset({"POST", "PUT", "DELETE", "PATCH"})
_NO_CHANGES = ("mqtt", "auth")
"""First words of calls that change nothing that an administrator decides: publishing, logging in."""
_LONGEST_VERDICT_BYTES = 65_536
_LONGEST_REQUEST_BYTES = 4_096
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""For answers of the APIs; a page that needs others says so itself."""


def install(app: Flask, audit: AuditService) -> None:
    """Do this for every request of `app`.

    Args:
        app: The application.
        audit: Where a change goes that nobody else has recorded.
    """

    def arrive() -> None:
        g.request_stack = ExitStack()
        actor = Actor("nobody", "", request.remote_addr or "", _request_id())
        g.request_stack.enter_context(acting(actor))

    def leave(response: Response) -> Response:
        act = current_act()
        if act is not None:
            response.headers[REQUEST_ID] = act.actor.request_id
            if request.method in _CHANGING and act.recorded == 0 and _is_a_change(response):
                _record(audit)
        if request.path.startswith("/api"):
            for name, value in _HEADERS.items():
                response.headers.setdefault(name, value)
        return response

    def gone(_error: BaseException | None) -> None:
        stack: ExitStack | None = g.pop("request_stack", None)
        if stack is not None:
            stack.close()

    app.before_request(arrive)
    app.after_request(leave)
    app.teardown_request(gone)


def _request_id() -> str:
    given = request.headers.get(REQUEST_ID, "")
    return given if _ACCEPTABLE_ID.fullmatch(given) else secrets.token_hex(_ID_BYTES)


def _is_a_change(response: Response) -> bool:
    """Tell whether a call has changed something: it succeeded, and is none of those that change nothing."""
    words = [word for word in request.path.split("/") if word]
    if words[:1] != ["api"] or words[2:3] == [] or words[2] in _NO_CHANGES:
        return False
    if response.status_code != 200:
        return False
    body = response.get_data()
    if response.mimetype != "application/json" or len(body) > _LONGEST_VERDICT_BYTES:
        return True
    verdict = orjson.loads(body)
    return not isinstance(verdict, dict) or verdict.get("code") == 0


def _record(audit: AuditService) -> None:
    action, target = f"api.{request.method.lower()}", request.path
    asked = dict(g.get("asked") or {})
    try:
        # Of what is large the audit log is no copy.
        known = asked and len(orjson.dumps(asked, default=str)) <= _LONGEST_REQUEST_BYTES
        audit.note(action, target, after=asked if known else None)
    except Exception:
        # The change is made and cannot be taken back; the log is the next best place for it.
        act = current_act()
        log.exception("the audit log misses: %s %s by %s", action, target, act and act.actor)
