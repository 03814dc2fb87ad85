"""Topic metrics: messages of single topics, counted and drawn."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from app.broker.topic_metrics import RATE_OVER_S
from app.dashboard.access import Right
from app.dashboard.answers import done, show
from app.dashboard.pages import Page, Route, Section
from app.dashboard.texts import N_, _
from app.services import Services

MODULE = "emqx_mod_topic_metrics"
PATH = "/topic_metrics"
LIST = "topic-metrics"
COLUMNS = (
    ("messages.in", N_("Messages in")),
    ("messages.out", N_("Messages out")),
    ("messages.dropped", N_("Messages dropped")),
)
QOS = (0, 1, 2)


def topic_metrics(services: Services) -> ResponseReturnValue:
    """Show the topics that are counted."""
    is_on = services.modules.is_active(MODULE)
    return show(
        "pages/topic_metrics.html",
        {LIST: "pages/topic_metrics_list.html"},
        is_on=is_on,
        topics=services.observers.topic_metrics.list() if is_on else {},
        columns=COLUMNS,
        qos=QOS,
        chosen=request.args.get("topic", ""),
    )


def series(services: Services) -> ResponseReturnValue:
    """Return the rates of a topic, for a chart."""
    found = services.observers.topic_metrics.past_rates(request.args.get("topic", ""))
    number = len(found.messages_in)
    lines = (
        (N_("In"), found.messages_in),
        (N_("Out"), found.messages_out),
        (N_("Dropped"), found.messages_dropped),
    )
    return {
        "at_s": [
            round(found.until_ms / 1000 - (number - 1 - step) * RATE_OVER_S)
            for step in range(number)
        ],
        "series": [{"title": _(title), "values": values} for title, values in lines],
    }


def register(services: Services) -> ResponseReturnValue:
    """Count a topic from now on."""
    topic = request.form.get("topic", "")
    services.observers.topic_metrics.register({"topic": topic})
    return done(_("{topic} is counted.", topic=topic), to=PATH)


def unregister(services: Services) -> ResponseReturnValue:
    """Count a topic no more."""
    topic = request.form.get("topic", "")
    services.observers.topic_metrics.unregister(topic)
    return done(_("{topic} is not counted any more.", topic=topic), to=PATH)


def switch_on(services: Services) -> ResponseReturnValue:
    """Switch the module on."""
    services.modules.load(MODULE)
    return done(_("The module is switched on."), to=PATH)


PAGES = (
    Page(
        name="topic_metrics",
        title=N_("Topic metrics"),
        path=PATH,
        view=topic_metrics,
        section=Section.DIAGNOSE,
        icon="chart-dots",
        order=30,
        routes=(
            Route("GET", f"{PATH}/series", series),
            Route("POST", f"{PATH}/register", register, Right.OPERATE),
            Route("POST", f"{PATH}/unregister", unregister, Right.OPERATE),
            Route("POST", f"{PATH}/switch_on", switch_on, Right.OPERATE),
        ),
    ),
)
