"""A WebSocket MQTT client: the browser itself connects, as many times as wanted; the server only hands the page out."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import request
from flask.typing import ResponseReturnValue

from app.dashboard.answers import show
from app.dashboard.pages import Page, Section
from app.dashboard.texts import N_
from app.services import Services

PROTOCOLS = ("mqtt:ws:", "mqtt:wss:")


def websocket(services: Services) -> ResponseReturnValue:
    """Show the client, which knows where this node listens for WebSockets."""
    ports = {
        one.protocol.split(":")[1]: one.protocol.rpartition(":")[2]
        for _node, listeners in services.listeners.list()
        for one in reversed(listeners)
        if one.protocol.startswith(PROTOCOLS)
    }
    return show(
        "pages/websocket.html", ports=ports, host=urlsplit(request.host_url).hostname or "localhost"
    )


PAGES = (
    Page(
        name="websocket",
        title=N_("MQTT client"),
        path="/websocket",
        view=websocket,
        section=Section.TOOLS,
        icon="plug-connected",
        order=10,
    ),
)
