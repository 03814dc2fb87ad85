"""Slow subscriptions: who takes longest to get his messages."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from app.dashboard.access import Right
from app.dashboard.answers import done, show
from app.dashboard.pages import Page, Route, Section
from app.dashboard.texts import N_, _
from app.services import Services

MODULE = "emqx_mod_slow_subs"
RANKING = "slow-ranking"
PATH = "/slow_subscriptions"


def slow_subscriptions(services: Services) -> ResponseReturnValue:
    """Show the ranking."""
    slow = services.observers.slow_subscriptions
    is_on = services.modules.is_active(MODULE)
    ranking = slow.list() if is_on else []
    return show(
        "pages/slow_subscriptions.html",
        {RANKING: "pages/slow_ranking.html"},
        is_on=is_on,
        ranking=ranking,
        slowest_ms=max((one.timespan_ms for one in ranking), default=0),
        node=slow.node_name,
    )


def switch_on(services: Services) -> ResponseReturnValue:
    """Switch the module on."""
    services.modules.load(MODULE)
    return done(_("The module is switched on."), to=PATH)


def clear(services: Services) -> ResponseReturnValue:
    """Forget the ranking."""
    services.audit.note("slow_subscriptions.clear", "")
    services.observers.slow_subscriptions.clear()
    return done(_("The ranking is empty."), to=PATH, refresh=[RANKING])


PAGES = (
    Page(
        name="slow_subscriptions",
        title=N_("Slow subscriptions"),
        path=PATH,
        view=slow_subscriptions,
        section=Section.DIAGNOSE,
        icon="hourglass",
        order=40,
        routes=(
            Route("POST", f"{PATH}/switch_on", switch_on, Right.OPERATE),
            Route("POST", f"{PATH}/clear", clear, Right.OPERATE),
        ),
    ),
)
