"""Bans in the words of the fourth generation."""

from __future__ import annotations

import orjson

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v4.dialect import OK, page, success
from app.broker.records import BanRecord
from app.node.proxy import RowsPage
from app.services import Services


def ban_row(ban: BanRecord) -> dict[str, object]:
    """Return one ban as the API shows it (seed 004, GET /api/v4/banned)."""
    return {
        "who": ban.who,
        "as": ban.kind,
        "by": ban.by,
        "reason": ban.reason,
        "at": ban.at_s,
        "until": "infinity" if ban.until_s is None else ban.until_s,
    }


def list_banned(services: Services, call: Call) -> Answer:
    """List the bans."""
    asked = call.page()
    bans, total = services.banned.list(max(asked.page, 1), asked.limit)
    rows = b",".join(orjson.dumps(ban_row(ban)) for ban in bans)
    return page(RowsPage(rows, total, hasnext=False), asked, with_hasnext=False)


def create_banned(services: Services, call: Call) -> Answer:
    """Ban somebody; the answer repeats what was asked."""
    return success(services.banned.create(call.params))


def delete_banned(services: Services, _call: Call, as_: str, who: str) -> Answer:
    """Lift a ban, if there is one."""
    services.banned.delete(as_, who)
    return OK


ENDPOINTS = (
    Endpoint("v4:GET /banned", "list_banned", "GET", "/banned/", list_banned, "List banned"),
    Endpoint(
        "v4:POST /banned", "create_banned", "POST", "/banned/", create_banned, "Create banned"
    ),
    Endpoint(
        "v4:DELETE /banned/{as}/{who}",
        "delete_banned",
        "DELETE",
        "/banned/:as/:who",
        delete_banned,
        "Delete banned",
    ),
)
