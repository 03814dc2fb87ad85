"""Bans in the words of the third generation."""

from __future__ import annotations

import orjson

from app.api.endpoint import Answer, Call, Endpoint
from app.api.formats import UNDEFINED
from app.api.v3.dialect import OK, page, success
from app.broker.records import BanRecord
from app.errors import ResultCode, ServiceError
from app.node.proxy import RowsPage
from app.schemas.banned import FOREVER
from app.services import Services

KINDS = {"client_id": "clientid", "username": "username", "ip_address": "peerhost"}
"""What `as` may be, and how the services call it."""
_WORDS = {ours: theirs for theirs, ours in KINDS.items()}


def ban_row(ban: BanRecord) -> dict[str, object]:
    """Return one ban as the API shows it (EMQ X 3.2, GET /api/v3/banned)."""
    return {
        "who": ban.who,
        "as": _WORDS[ban.kind],
        "by": ban.by,
        "reason": ban.reason,
        "desc": ban.desc or UNDEFINED,
        "until": FOREVER if ban.until_s is None else ban.until_s,
    }


def list_banned(services: Services, call: Call) -> Answer:
    """List the bans."""
    asked = call.page()
    bans, total = services.banned.list(max(asked.page, 1), asked.limit)
    rows = b",".join(orjson.dumps(ban_row(ban)) for ban in bans)
    return page(RowsPage(rows, total, hasnext=False), asked)


def create_banned(services: Services, call: Call) -> Answer:
    """Ban somebody, for ever where no `until` is given; the answer repeats what was asked."""
    params = call.params
    _demand(call, "who", "as")
    services.banned.create({"until": FOREVER, **params, "as": _kind(params["as"])})
    return success(dict(params))


def delete_banned(services: Services, call: Call, who: str) -> Answer:
    """Lift a ban, if there is one."""
    _demand(call, "as")
    services.banned.delete(_kind(call.params["as"]), who)
    return OK


def _demand(call: Call, *mandatory: str) -> None:
    if not set(mandatory) <= call.params.keys():
        raise ServiceError(
            ResultCode.MISSING_PARAMETER, f"missing mandatory params: {list(mandatory)}"
        )


def _kind(word: object) -> str:
    if not isinstance(word, str) or word not in KINDS:
        raise ServiceError(ResultCode.BAD_PARAMETER, f"value of 'as' must be one of: {list(KINDS)}")
    return KINDS[word]


ENDPOINTS = (
    Endpoint(
        "v3:POST /banned",
        "create_banned",
        "POST",
        "/banned/",
        create_banned,
        "Create banned",
    ),
    Endpoint(
        "v3:DELETE /banned/{who}",
        "delete_banned",
        "DELETE",
        "/banned/:who",
        delete_banned,
        "Delete banned",
    ),
    Endpoint(
        "v3:GET /banned",
        "list_banned",
        "GET",
        "/banned/",
        list_banned,
        "List banned",
    ),
)
