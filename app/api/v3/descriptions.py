"""What the calls of the third generation take and answer, by their ids in the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.api.describing import ANYTHING, NODE, ByName, Description, Either, Parameter, Row, row
from app.api.minirest_shapes import DONE, OK, by_node, data, done, paged, shown
from app.api.v3 import rows
from app.schemas.app import AppCreate, AppUpdate

REFUSED = row("Refused", "code", code=108, message="bad_params")
"""What is wrong: mostly with a code, in some calls with the message alone."""

_CONNECTIONS = paged(rows.CONNECTION, with_hasnext=False)
_SESSIONS = paged(rows.SESSION, with_hasnext=False)
_SUBSCRIPTIONS = paged(rows.SUBSCRIPTION, with_hasnext=False)


def _alarms() -> Iterator[tuple[str, Description]]:
    for tail, alarm in (
        ("", rows.ALARM),
        ("/present", rows.NOTED_ALARM),
        ("/history", rows.NOTED_ALARM),
    ):
        yield f"v3:GET /alarms{tail}", by_node("alarms", [alarm])
        yield f"v3:GET /alarms{tail}/{{node}}", shown([alarm])


_WATCHING = {
    "v3:GET /": shown([rows.CALL]),
    **dict(_alarms()),
    "v3:GET /brokers": shown([rows.LISTED_BROKER]),
    "v3:GET /brokers/{node}": shown(rows.BROKER),
    "v3:GET /nodes": shown([rows.LISTED_NODE]),
    "v3:GET /nodes/{node}": shown(rows.SHOWN_NODE),
    "v3:GET /listeners": by_node("listeners", [rows.LISTENER]),
    "v3:GET /nodes/{node}/listeners": shown([rows.LISTENER]),
    "v3:GET /metrics": by_node("metrics", rows.COUNTS),
    "v3:GET /nodes/{node}/metrics": shown(rows.COUNTS),
    "v3:GET /stats": shown([ByName("connections/count", Either((1, NODE)))]),
    "v3:GET /nodes/{node}/stats": shown(rows.GAUGES),
}

_CLIENTS = {
    "v3:GET /connections": _CONNECTIONS,
    "v3:GET /nodes/{node}/connections": _CONNECTIONS,
    "v3:GET /connections/{clientid}": shown([rows.CONNECTION]),
    "v3:GET /nodes/{node}/connections/{clientid}": shown([rows.CONNECTION]),
    "v3:GET /connection/username/{username}": shown([rows.CONNECTION]),
    "v3:GET /nodes/{node}/connection/username/{username}": shown([rows.CONNECTION]),
    "v3:DELETE /connections/{clientid}": DONE,
    "v3:DELETE /connections/{clientid}/acl/{topic}": DONE,
    "v3:GET /sessions": _SESSIONS,
    "v3:GET /nodes/{node}/sessions": _SESSIONS,
    "v3:GET /sessions/{clientid}": shown([rows.SESSION]),
    "v3:GET /nodes/{node}/sessions/{clientid}": shown([rows.SESSION]),
    "v3:DELETE /sessions/persistent/{clientid}": DONE,
    "v3:DELETE /nodes/{node}/sessions/persistent/{clientid}": DONE,
    "v3:GET /subscriptions": _SUBSCRIPTIONS,
    "v3:GET /nodes/{node}/subscriptions": _SUBSCRIPTIONS,
    "v3:GET /subscriptions/{clientid}": shown([rows.SUBSCRIPTION]),
    "v3:GET /nodes/{node}/subscriptions/{clientid}": shown([rows.SUBSCRIPTION]),
    "v3:GET /routes": paged(rows.ROUTE, with_hasnext=False),
    "v3:GET /routes/{topic}": shown([rows.ROUTE]),
    "v3:POST /mqtt/publish": done(rows.MESSAGE),
    "v3:POST /mqtt/subscribe": done(rows.SUBSCRIBING),
    "v3:POST /mqtt/unsubscribe": done(rows.UNSUBSCRIBING),
    "v3:POST /mqtt/publish_batch": Description(data([rows.PUBLISHED_ITEM]), body=[rows.MESSAGE]),
    "v3:POST /mqtt/subscribe_batch": Description(
        data([rows.SUBSCRIBED_ITEM]), body=[rows.SUBSCRIBING]
    ),
    "v3:POST /mqtt/unsubscribe_batch": Description(
        data([rows.SUBSCRIBED_ITEM]), body=[rows.UNSUBSCRIBING]
    ),
}

_ADMINISTRATION = {
    "v3:POST /apps": Description(data(row(secret="aVerySecretText")), body=AppCreate),
    "v3:GET /apps": shown([rows.APP]),
    "v3:GET /apps/{appid}": shown(Either((rows.APP_WITH_SECRET, row()))),
    "v3:PUT /apps/{appid}": done(AppUpdate),
    "v3:DELETE /apps/{appid}": DONE,
    "v3:GET /banned": paged(rows.BAN, with_hasnext=False),
    "v3:POST /banned": Description(data(ByName("who", ANYTHING)), body=rows.BAN_WANTED),
    "v3:DELETE /banned/{who}": Description(OK, (Parameter("as", rows.BAN_AS),)),
    "v3:GET /configs": shown(ByName(NODE, [rows.SETTING])),
    "v3:GET /nodes/{node}/configs": shown([rows.SETTING]),
    "v3:PUT /configs/{app}": done(rows.SETTING_CHANGE),
    "v3:PUT /nodes/{node}/configs/{app}": done(rows.SETTING_CHANGE),
    "v3:GET /plugins": by_node("plugins", [rows.PLUGIN]),
    "v3:GET /nodes/{node}/plugins": shown([rows.PLUGIN]),
    "v3:PUT /nodes/{node}/plugins/{plugin}/load": DONE,
    "v3:PUT /nodes/{node}/plugins/{plugin}/unload": DONE,
    "v3:PUT /nodes/{node}/plugins/{plugin}/reload": DONE,
    "v3:PUT /plugins/{plugin}/unload": DONE,
    "v3:PUT /plugins/{plugin}/reload": DONE,
    "v3:GET /nodes/{node}/plugin_configs/{plugin}": shown([rows.PARAMETER]),
    "v3:PUT /nodes/{node}/plugin_configs/{plugin}": done(
        ByName("retainer.max_payload_size", ANYTHING)
    ),
    "v3:POST /auth": done(rows.CREDENTIALS),
    "v3:PUT /change_pwd/{username}": done(rows.PASSWORD_CHANGE),
    "v3:POST /users": done(rows.USER_WANTED),
    "v3:GET /users": shown([rows.USER]),
    "v3:PUT /users/{name}": done(rows.USER_CHANGE),
    "v3:DELETE /users/{name}": DONE,
}


def _logins(kind: str) -> Iterator[tuple[str, Description]]:
    room = f"/auth_{kind}"
    one = f"{room}/{{{kind}}}"
    wanted = Row(f"Login{kind.title()}Wanted", {kind: "sensor-1", "password": "a-password"})
    yield f"v3:GET {room}", paged("sensor-1", with_hasnext=False)
    yield f"v3:GET {one}", shown(Either((Row("", {kind: "sensor-1"}), row())))
    yield f"v3:POST {room}", Description(OK, body=wanted)
    yield f"v3:PUT {one}", done(rows.LOGIN_CHANGE)
    yield f"v3:DELETE {one}", DONE


DESCRIPTIONS: Mapping[str, Description] = {
    **_WATCHING,
    **_CLIENTS,
    **_ADMINISTRATION,
    **dict(_logins("username")),
    **dict(_logins("clientid")),
}
