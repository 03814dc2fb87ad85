"""What a view answers: a page or the fragment of it that was asked for, a result, an error with its advice.

Whether the browser runs our scripts makes no difference to a view: a request of htmx gets the fragment and a toast,
a plain form gets a redirect and the same text on the next page.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from urllib.parse import urlencode

import orjson
from flask import Response, flash, g, redirect, render_template, request
from flask.typing import ResponseReturnValue

from app.dashboard.heard import heard
from app.dashboard.sessions import ROOT
from app.dashboard.texts import N_, _
from app.errors import ResultCode, ServiceError


def url(path: str, **query: object) -> str:
    """Return the address of a path of the dashboard.

    Args:
        path: Below `/dashboard`, such as `/clients`.
        query: What is asked of it; None and empty texts are left out.
    """
    asked = urlencode({name: value for name, value in query.items() if value not in (None, "")})
    return f"{request.script_root}{ROOT}{path}" + (f"?{asked}" if asked else "")


def is_htmx() -> bool:
    """Tell whether our script asks, not the browser itself."""
    return request.headers.get("HX-Request") == "true"


def show(template: str, fragments: Mapping[str, str] | None = None, **values: object) -> str:
    """Return a page, or the fragment of it that htmx wants to put in.

    Args:
        template: Of the whole page.
        fragments: Templates of its parts by the ids of their elements; each template is that element.
        values: For the template.
    """
    wanted = request.headers.get("HX-Target", "") if is_htmx() else ""
    return render_template((fragments or {}).get(wanted, template), **values)


def done(message: str, *, to: str, refresh: Iterable[str] = ()) -> ResponseReturnValue:
    """Answer an action that has succeeded.

    Args:
        message: What has happened, in the reader's language.
        to: Path of the page to go to where no script runs.
        refresh: Ids of elements to fetch again; without any, the browser goes to the page.
    """
    wanted = list(refresh)
    if not is_htmx() or not wanted:
        flash(message, "success")
        if is_htmx():
            return Response(status=204, headers={"HX-Redirect": url(to)})
        return redirect(url(to), 303)
    return _told(204, message, "success", wanted)


def refused(message: str, status: int) -> ResponseReturnValue:
    """Answer a request that was refused, with a sentence that says what to do."""
    if is_htmx():
        return _told(status, message, "danger", ())
    return render_template("pages/refused.html", message=message, status=status), status


def _told(status: int, message: str, kind: str, refresh: Iterable[str]) -> Response:
    events: dict[str, object] = {"godwit:toast": {"text": message, "kind": kind}}
    if refresh:
        events["godwit:refresh"] = {"ids": list(refresh)}
    # Headers hold no Chinese; JSON says it in ASCII.
    text = orjson.dumps(events).decode()
    escaped = "".join(c if c.isascii() else _escaped(c) for c in text)
    return Response(status=status, headers={"HX-Trigger": escaped})


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


ADVICE: Mapping[ResultCode, str] = {
    ResultCode.BADRPC: N_("The node did not answer in time. Try again in a moment."),
    ResultCode.CLIENT_NOT_ONLINE: N_("The client is not connected any more. Reload the list."),
    ResultCode.NOT_FOUND: N_("It is not there any more. Reload the page."),
    ResultCode.ADMIN_UNDELETABLE: N_("The user admin cannot be deleted."),
    ResultCode.USER_EXISTS: N_("The name is taken. Choose another one."),
    ResultCode.BAD_TOPIC: N_("This is no topic that MQTT allows. Correct it and try again."),
    ResultCode.BAD_QOS: N_("The QoS must be 0, 1 or 2."),
}
"""What to do about a refusal whose own words say little."""


_BARE_WORDS: Mapping[str, str] = {
    "existed": N_("The name is taken. Choose another one."),
    "already_existed": N_("The name is taken. Choose another one."),
    "Username Already Exist": N_("The name is taken. Choose another one."),
    "noexisted": N_("It is not there any more. Reload the page."),
    "Cannot delete admin": N_("The user admin cannot be deleted."),
    "Cannot go without an administrator": N_(
        "Nobody would be left to administer. Make somebody else an administrator first."
    ),
    "login": N_("The name must not be empty, and must have at most 512 bytes."),
    "invalid_username": N_("The name must not be empty, and must have at most 512 bytes."),
    "password": N_("The password must not be empty, and must have at most 512 bytes."),
    "invalid_password": N_("The password must not be empty, and must have at most 512 bytes."),
    "clientid": N_("Say for which client ID the rule holds."),
    "username": N_("Say for which user name the rule holds."),
    "topic": N_("This is no topic that MQTT allows. Correct it and try again."),
    "bad_filename": N_("The name of the file must end in .json and have no slashes in it."),
}
"""What to do about EMQX's refusals of one word."""


def explained(error: ServiceError) -> str:
    """Return a refusal of a service as a sentence that says what to do."""
    if error.bare and error.message in _BARE_WORDS:
        return _(_BARE_WORDS[error.message])
    advice = ADVICE.get(error.code)
    if advice is not None and error.message in (error.code.text, "not_found", "nodedown"):
        return _(advice)
    reason = heard(error.message).rstrip(".。")
    return _("The node refused: {reason}. Correct it and try again.", reason=reason)


def style_nonce() -> str:
    """Return what lets a library put styles into this page (CodeMirror); the policy of the answer names it."""
    if "style_nonce" not in g:
        g.style_nonce = secrets.token_urlsafe(16)
    return str(g.style_nonce)
