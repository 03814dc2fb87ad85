"""Bridges to other MQTT brokers: their state, what they carry, starting and stopping them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from flask import request
from flask.typing import ResponseReturnValue

from app.dashboard.access import Right
from app.dashboard.answers import done, show
from app.dashboard.pages import Page, Route, Section
from app.dashboard.texts import N_, _
from app.services import Services

PLUGIN = "emqx_bridge_mqtt"
COUNTS = {
    "sent": N_("Sent"),
    "received": N_("Received"),
    "queued": N_("Waiting"),
    "dropped": N_("Dropped"),
    "expired": N_("Expired"),
    "refused": N_("Refused there"),
    "looped": N_("Came back"),
}
_CALLS = {
    "start": ("start_bridge", N_("{bridge} is started.")),
    "stop": ("stop_bridge", N_("{bridge} is stopped.")),
    "add_forward": ("add_bridge_forward", N_("{bridge} forwards {topic}.")),
    "del_forward": ("del_bridge_forward", N_("{bridge} forwards {topic} no more.")),
    "add_subscription": ("add_bridge_subscription", N_("{bridge} subscribes to {topic}.")),
    "del_subscription": (
        "del_bridge_subscription",
        N_("{bridge} subscribes to {topic} no more."),
    ),
}
"""What a form does: the call of the plugin, and what is said afterwards."""


def bridges(services: Services) -> ResponseReturnValue:
    """Show all of them."""
    is_active = services.plugins.is_active(PLUGIN)
    found = services.plugins.answer(PLUGIN, "list_bridges", {}) if is_active else []
    return show(
        "pages/bridges.html",
        {"bridges": "pages/bridges_list.html"},
        is_active=is_active,
        bridges=cast("list[dict[str, Any]]", found),
        counts=COUNTS,
        plugin=PLUGIN,
    )


def _doing(what: str) -> Callable[[Services], ResponseReturnValue]:
    call, said = _CALLS[what]

    def act(services: Services) -> ResponseReturnValue:
        form = request.form
        name, topic = form.get("name", ""), form.get("topic", "").strip()
        services.audit.note(f"bridge.{what}", f"{name} {topic}".strip())
        services.plugins.answer(PLUGIN, call, {**form.to_dict(), "name": name, "topic": topic})
        message = _(said).format(bridge=name, topic=topic)
        return done(message, to="/bridges", refresh=["bridges"])

    act.__name__ = what
    return act


PAGES = (
    Page(
        name="bridges",
        title=N_("Bridges"),
        path="/bridges",
        view=bridges,
        section=Section.RULES,
        icon="building-bridge-2",
        order=40,
        routes=tuple(
            Route("POST", f"/bridges/{what}", _doing(what), Right.OPERATE) for what in _CALLS
        ),
    ),
)
