"""Retained messages: the tree of their topics, one of them with what is in it, and forgetting them."""

from __future__ import annotations

from flask import Response, request
from flask.typing import ResponseReturnValue

from app.dashboard.access import Right
from app.dashboard.answers import done, show
from app.dashboard.pages import Page, Route, Section
from app.dashboard.payloads import shown_payload
from app.dashboard.texts import N_, _
from app.services import Services

PATH = "/retained"
MOST_LEVELS = 500
"""Of one branch that are shown; who looks for others searches."""
MOST_FOUND = 200


def retained(services: Services) -> ResponseReturnValue:
    """Show the tree, or what was searched for."""
    tree = services.insight.retained
    search = request.args.get("search", "").strip()
    found = tree.search(search, MOST_FOUND) if search else []
    below, total = tree.below((), MOST_LEVELS)
    return show(
        "pages/retained.html",
        {"retained-topics": "pages/retained_topics.html"},
        count_of_all=services.operation.retainer.count(),
        search=search,
        found=found,
        most_found=MOST_FOUND,
        prefix="",
        below=below,
        total=total,
    )


def branch(services: Services) -> ResponseReturnValue:
    """Show the levels below one: its names with slashes, and one at the end."""
    prefix = request.args.get("prefix", "")
    below, total = services.insight.retained.below(prefix.removesuffix("/").split("/"), MOST_LEVELS)
    return show("pages/retained_branch.html", prefix=prefix, below=below, total=total)


def message(services: Services) -> ResponseReturnValue:
    """Show one message."""
    found = services.insight.retained.get(request.args.get("topic", ""))
    return show(
        "pages/retained_page.html",
        {"retained-message": "pages/retained_message.html"},
        message=found,
        payload=shown_payload(found.payload, request.args.get("form", "")),
    )


def payload(services: Services) -> ResponseReturnValue:
    """Hand a payload out as a file."""
    found = services.insight.retained.get(request.args.get("topic", ""))
    headers = {"Content-Disposition": "attachment; filename=payload.bin"}
    return Response(found.payload, headers=headers, content_type="application/octet-stream")


def delete(services: Services) -> ResponseReturnValue:
    """Forget one message."""
    topic = request.form.get("topic", "")
    services.insight.retained.delete(topic)
    return done(_("The message of {topic} is deleted.", topic=topic), to=PATH)


def clean(services: Services) -> ResponseReturnValue:
    """Forget all messages whose topics match a filter."""
    topic_filter = request.form.get("topic_filter", "")
    cleaned = services.operation.retainer.clean(topic_filter)
    return done(_("{number} messages are deleted.", number=cleaned), to=PATH)


PAGES = (
    Page(
        name="retained",
        title=N_("Retained messages"),
        path=PATH,
        view=retained,
        section=Section.MONITOR,
        icon="pin",
        order=50,
        routes=(
            Route("GET", f"{PATH}/branch", branch),
            Route("GET", f"{PATH}/message", message),
            Route("GET", f"{PATH}/payload", payload),
            Route("POST", f"{PATH}/delete", delete, Right.OPERATE),
            Route("POST", f"{PATH}/clean", clean, Right.OPERATE),
        ),
    ),
)
