"""How a node fared over time, in the words of the fourth generation: an addition, EMQX 4 keeps no history."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v4.dialect import success
from app.services import Services
from app.services.history import LEVELS, NAMES
from app.services.query import to_text


def show_history(services: Services, call: Call) -> Answer:
    """Show series of a node: over `span`, those that `names` lists with commas, or all."""
    params = call.params
    names = to_text(params.get("names", ",".join(NAMES))).split(",")
    node = params.get("node")
    series = services.history.series(
        [name for name in names if name],
        to_text(params.get("span", LEVELS[0].span)),
        None if node is None else to_text(node),
    )
    return success(
        {
            "node": series.node,
            "span": series.span,
            "period": series.period_s,
            "at": series.at_ms,
            "values": series.values,
        }
    )


ENDPOINTS = (
    Endpoint(
        "v4:GET /history",
        "get_history",
        "GET",
        "/history",
        show_history,
        "How a node fared over time",
    ),
)
