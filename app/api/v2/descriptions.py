"""What the calls of the second generation take and answer, by their ids in the table; its envelopes are here too."""

from __future__ import annotations

from collections.abc import Mapping

from app.api.describing import (
    ANYTHING,
    NODE,
    ByName,
    Description,
    Either,
    Example,
    Parameter,
    Row,
    Word,
    row,
)
from app.api.v2 import rows

REFUSED = row("Refused", code=108, message="params type error")

_SUCCESS = Word((0,))
_NOTHING: Example = row(code=_SUCCESS, result=[ANYTHING])
_DONE = Description(_NOTHING)
_PAGING = (Parameter("curr_page", 1), Parameter("page_size", 20))


def _result(shape: Example) -> Row:
    return row(code=_SUCCESS, result=shape)


def _shown(shape: Example) -> Description:
    return Description(_result(shape))


def _found(one: Row) -> Description:
    return _shown(row(objects=[one]))


def _paged(one: Row) -> Description:
    figures = {"current_page": 1, "page_size": 20, "total_num": 1, "total_page": 1}
    return Description(_result(Row("", {**figures, "objects": [one]})), _PAGING)


def _done(body: Example) -> Description:
    return Description(_NOTHING, body=body)


DESCRIPTIONS: Mapping[str, Description] = {
    "v2:GET /management/nodes": _shown([rows.LISTED_BROKER]),
    "v2:GET /management/nodes/{node_name}": _shown(rows.BROKER),
    "v2:GET /monitoring/nodes": _shown([rows.SHOWN_NODE]),
    "v2:GET /monitoring/nodes/{node_name}": _shown(rows.SHOWN_NODE),
    "v2:GET /nodes/{node_name}/clients": _paged(rows.CLIENT),
    "v2:GET /nodes/{node_name}/clients/{clientid}": _found(rows.CLIENT),
    "v2:GET /clients/{clientid}": _found(rows.CLIENT),
    "v2:DELETE /clients/{clientid}": _DONE,
    "v2:PUT /clients/{clientid}/clean_acl_cache": _done(rows.TOPIC_NAMED),
    "v2:GET /nodes/{node_name}/sessions": _paged(rows.SESSION),
    "v2:GET /nodes/{node_name}/sessions/{clientid}": _found(rows.SESSION),
    "v2:GET /sessions/{clientid}": _found(rows.SESSION),
    "v2:GET /nodes/{node_name}/subscriptions": _paged(rows.SUBSCRIPTION),
    "v2:GET /nodes/{node_name}/subscriptions/{clientid}": _found(rows.SUBSCRIPTION),
    "v2:GET /subscriptions/{clientid}": _found(rows.SUBSCRIPTION),
    "v2:GET /routes": _paged(rows.ROUTE),
    "v2:GET /routes/{topic}": _found(rows.ROUTE),
    "v2:GET /routers": _paged(rows.ROUTE),
    "v2:GET /routers/{topic}": _found(rows.ROUTE),
    "v2:POST /mqtt/publish": _done(rows.MESSAGE),
    "v2:POST /mqtt/subscribe": _done(rows.SUBSCRIBING),
    "v2:POST /mqtt/unsubscribe": _done(rows.UNSUBSCRIBING),
    "v2:GET /nodes/{node_name}/plugins": _shown([rows.PLUGIN]),
    "v2:PUT /nodes/{node_name}/plugins/{name}": _done(rows.PLUGIN_SWITCH),
    "v2:GET /nodes/{node_name}/plugin_configs/{plugin_name}": _shown([rows.PARAMETER]),
    "v2:PUT /nodes/{node_name}/plugin_configs/{plugin_name}": _done(
        ByName("retainer.max_payload_size", ANYTHING)
    ),
    "v2:GET /monitoring/listeners": _shown(ByName(NODE, [rows.LISTENER])),
    "v2:GET /monitoring/listeners/{node_name}": _shown([rows.LISTENER]),
    "v2:GET /monitoring/metrics": _shown(rows.COUNTS),
    "v2:GET /monitoring/metrics/{node_name}": _shown(rows.COUNTS),
    "v2:GET /monitoring/stats": _shown([ByName(NODE, rows.GAUGES)]),
    "v2:GET /monitoring/stats/{node_name}": _shown(rows.GAUGES),
    "v2:GET /nodes/{node_name}/alarms": _shown([rows.ALARM]),
    "v2:GET /configs": _shown(ByName(NODE, [rows.SETTING])),
    "v2:GET /nodes/{node_name}/configs": _shown([rows.SETTING]),
    "v2:PUT /configs/{app_name}": _done(rows.SETTING_CHANGE),
    "v2:PUT /nodes/{node_name}/configs/{app_name}": _done(rows.SETTING_CHANGE),
    "v2:GET /users": _shown([rows.USER]),
    "v2:POST /users": _done(rows.USER_WANTED),
    "v2:GET /users/{username}": _shown(Either((rows.USER, [ANYTHING]))),
    "v2:PUT /users/{username}": _done(rows.USER_CHANGE),
    "v2:DELETE /users/{username}": _DONE,
    "v2:POST /auth": _done(rows.CREDENTIALS),
    "v2:PUT /change_pwd/{username}": _done(rows.PASSWORD_CHANGE),
}
