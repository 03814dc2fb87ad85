"""What the calls of the fourth generation take and answer, by their ids in the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.api.describing import (
    ANYTHING,
    NODE,
    ByName,
    Description,
    Either,
    Number,
    Parameter,
    Word,
    parameters_of,
    row,
)
from app.api.minirest_shapes import DONE, OK, by_node, data, done, paged, shown
from app.api.v4 import rows
from app.api.v4.acl import filters_of
from app.api.v4.audit import FILTERS as AUDIT_FILTERS
from app.schemas.alarm import AlarmDeactivate
from app.schemas.app import AppCreate, AppUpdate
from app.schemas.banned import BanCreate
from app.schemas.explain import ExplainWanted
from app.schemas.sasl import MECHANISMS
from app.services.clients import FILTERS as CLIENT_FILTERS
from app.services.history import LEVELS
from app.services.subscriptions import FILTERS as SUBSCRIPTION_FILTERS

REFUSED = row(
    "Refused",
    "code",
    "reason",
    code=Either((108, "NOT_FOUND")),
    message="bad_params",
    reason="the file does not say of which version it is",
).hiding("reason")
"""What is wrong: mostly with a code, which traces write as a word; in some calls with the message alone."""

_CLIENTS = paged(rows.CLIENT, *parameters_of(CLIENT_FILTERS))
_SUBSCRIPTIONS = paged(rows.SUBSCRIPTION, *parameters_of(SUBSCRIPTION_FILTERS))
_ALARMS = shown([rows.ALARM])
_RESTARTED = {403: Word(("http_listener_restart_unsupported",))}
_STOPPED = {403: Word(("http_listener_stop_unsupported",))}


def _everywhere(verb: str, what: str, *words: str) -> Iterator[tuple[str, Description]]:
    """Yield calls that there are for the cluster and for one node."""
    for word in words:
        yield f"v4:{verb} /{what}/{word}", DONE
        yield f"v4:{verb} /nodes/{{node}}/{what}/{word}", DONE


_WATCHING = {
    "v4:GET /": shown([rows.CALL]),
    "v4:GET /nodes": shown([rows.LISTED_NODE]),
    "v4:GET /nodes/{node}": shown(rows.SHOWN_NODE),
    "v4:GET /brokers": shown([rows.BROKER]),
    "v4:GET /brokers/{node}": shown(rows.BROKER),
    "v4:GET /metrics": by_node("metrics", rows.COUNTS),
    "v4:GET /nodes/{node}/metrics": shown(rows.COUNTS),
    "v4:GET /stats": by_node("stats", ByName("connections.count", 1)),
    "v4:GET /nodes/{node}/stats": shown(ByName("connections.count", 1)),
    "v4:GET /emqx_prometheus": Description(
        data(rows.PROMETHEUS),
        (Parameter("type", Word(("json", "prometheus"))),),
        media={"text/plain": "With `type=prometheus`: the text that Prometheus reads."},
    ),
    "v4:GET /listeners": by_node("listeners", [rows.LISTENER]),
    "v4:GET /nodes/{node}/listeners": shown([rows.LISTENER]),
    "v4:PUT /listeners/{identifier}/restart": Description(OK, statuses=_RESTARTED),
    "v4:PUT /nodes/{node}/listeners/{identifier}/restart": Description(
        data("Listener restarted."), statuses=_RESTARTED
    ),
    "v4:PUT /listeners/{identifier}/stop": Description(OK, statuses=_STOPPED),
    "v4:PUT /listeners/{identifier}/start": DONE,
    "v4:GET /alarms": by_node("alarms", [rows.ALARM]),
    "v4:GET /alarms/activated": by_node("alarms", [rows.ALARM]),
    "v4:GET /alarms/deactivated": by_node("alarms", [rows.ALARM]),
    "v4:GET /nodes/{node}/alarms": _ALARMS,
    "v4:GET /nodes/{node}/alarms/activated": _ALARMS,
    "v4:GET /nodes/{node}/alarms/deactivated": _ALARMS,
    "v4:POST /alarms/deactivated": done(AlarmDeactivate),
    "v4:DELETE /alarms/deactivated": DONE,
    "v4:DELETE /nodes/{node}/alarms/deactivated": DONE,
    "v4:GET /bridges": shown([rows.BRIDGE]),
    "v4:GET /bridges/{name}": shown(rows.BRIDGE),
    "v4:PUT /bridges/{name}/start": shown(row(changed=True)),
    "v4:PUT /bridges/{name}/stop": shown(row(changed=True)),
    "v4:POST /bridges/{name}/forwards": Description(
        data(rows.BRIDGE), body=row("Forward", topic="sensors/#")
    ),
    "v4:DELETE /bridges/{name}/forwards": Description(
        data(rows.BRIDGE), (Parameter("topic", "sensors/#"),)
    ),
    "v4:POST /bridges/{name}/subscriptions": Description(
        data(rows.BRIDGE),
        body=row("BridgeSubscription", "qos", topic="commands/#", qos=Number(1, 0, 2)),
    ),
    "v4:DELETE /bridges/{name}/subscriptions": Description(
        data(rows.BRIDGE), (Parameter("topic", "commands/#"),)
    ),
    "v4:GET /slow_subscriptions": shown([rows.SLOW_SUBSCRIPTION]),
    "v4:DELETE /slow_subscriptions": DONE,
    "v4:GET /telemetry/status": shown(row(enabled=False)),
    "v4:PUT /telemetry/status": done(row("TelemetrySwitch", enabled=True)),
    "v4:GET /telemetry/data": shown(rows.TELEMETRY),
    "v4:GET /topic-metrics": shown([rows.TOPIC_METRICS]),
    "v4:GET /topic-metrics/{topic}": shown(rows.TOPIC_METRICS.members["metrics"]),
    "v4:POST /topic-metrics": done(row("TopicNamed", topic="plant/1/state")),
    "v4:DELETE /topic-metrics/{topic}": DONE,
    "v4:DELETE /topic-metrics": DONE,
    "v4:GET /trace": shown([rows.TRACE]),
    "v4:POST /trace": done(rows.TRACE_WANTED),
    "v4:DELETE /trace": DONE,
    "v4:DELETE /trace/{name}": DONE,
    "v4:PUT /trace/{name}/stop": shown(row(name="sensor-1-trace", enable=False)),
    "v4:GET /trace/{name}/detail": shown([row(node=NODE, size=0, mtime=1_700_000_000)]),
    "v4:GET /trace/{name}/download": Description(
        data(ANYTHING), media={"application/zip": "The log, packed."}
    ),
    "v4:GET /trace/{name}/log": Description(
        data(row(meta=row(position=0, bytes=1_000), items="12:00:00 CONNECT")),
        (Parameter("node", NODE), Parameter("position", 0), Parameter("bytes", 1_000)),
    ),
}

_CLIENT = {
    "v4:GET /clients": _CLIENTS,
    "v4:GET /nodes/{node}/clients": _CLIENTS,
    "v4:GET /clients/{clientid}": shown([rows.CLIENT]),
    "v4:GET /nodes/{node}/clients/{clientid}": shown([rows.CLIENT]),
    "v4:GET /clients/username/{username}": shown([rows.CLIENT]),
    "v4:GET /nodes/{node}/clients/username/{username}": shown([rows.CLIENT]),
    "v4:DELETE /clients/{clientid}": DONE,
    "v4:GET /clients/{clientid}/events": shown([rows.CLIENT_EVENT]),
    "v4:GET /clients/{clientid}/messages": Description(
        data([rows.CLIENT_MESSAGES]), (Parameter("_limit", 20),)
    ),
    "v4:GET /clients/{clientid}/acl_cache": shown([rows.VERDICT]),
    "v4:DELETE /clients/{clientid}/acl_cache": DONE,
    "v4:DELETE /acl-cache": DONE,
    "v4:DELETE /node/{node}/acl-cache": DONE,
    "v4:POST /clients/{clientid}/ratelimit": done(
        row(
            "Rates", "conn_messages_in", "conn_bytes_in",
            conn_messages_in="100,10s", conn_bytes_in="100KB,10s",
        )
    ),
    "v4:DELETE /clients/{clientid}/ratelimit": DONE,
    "v4:POST /clients/{clientid}/quota": done(
        row("Quota", "conn_messages_routing", conn_messages_routing="100,10s")
    ),
    "v4:DELETE /clients/{clientid}/quota": DONE,
    "v4:PUT /clients/{clientid}/keepalive": done(row("Keepalive", interval=60)),
    "v4:GET /subscriptions": _SUBSCRIPTIONS,
    "v4:GET /nodes/{node}/subscriptions": _SUBSCRIPTIONS,
    "v4:GET /subscriptions/{clientid}": shown([rows.SUBSCRIPTION]),
    "v4:GET /nodes/{node}/subscriptions/{clientid}": shown([rows.SUBSCRIPTION]),
    "v4:GET /routes": paged(rows.ROUTE, with_hasnext=False),
    "v4:GET /routes/{topic}": shown([rows.ROUTE]),
    "v4:POST /mqtt/publish": Description(
        Either((OK, data(Either((row(msgid="0005F2A1"), row(msgids=["0005F2A1"])))))),
        body=rows.MESSAGE,
    ),
    "v4:POST /mqtt/subscribe": done(rows.SUBSCRIBING),
    "v4:POST /mqtt/unsubscribe": done(rows.UNSUBSCRIBING),
    "v4:POST /mqtt/publish_batch": Description(data([rows.PUBLISHED_ITEM]), body=[rows.MESSAGE]),
    "v4:POST /mqtt/subscribe_batch": Description(
        data([rows.SUBSCRIBED_ITEM]), body=[rows.SUBSCRIBING]
    ),
    "v4:POST /mqtt/unsubscribe_batch": Description(
        data([rows.SUBSCRIBED_ITEM]), body=[rows.UNSUBSCRIBING]
    ),
}  # fmt: skip

_ADMINISTRATION = {
    "v4:POST /apps": Description(data(row(secret="aVerySecretText")), body=AppCreate),
    "v4:GET /apps": shown([rows.APP]),
    "v4:GET /apps/{appid}": shown(Either((rows.APP_WITH_SECRET, row()))),
    "v4:PUT /apps/{appid}": done(AppUpdate),
    "v4:DELETE /apps/{appid}": DONE,
    "v4:GET /audit": paged(rows.AUDIT_ENTRY, *parameters_of(AUDIT_FILTERS)),
    "v4:GET /history": Description(
        data(rows.HISTORY),
        (
            Parameter("span", Word(tuple(level.span for level in LEVELS))),
            Parameter("names", "connections,messages_received"),
            Parameter("node", NODE),
        ),
    ),
    "v4:GET /banned": paged(rows.BANNED, with_hasnext=False),
    "v4:POST /banned": Description(data(ByName("who", ANYTHING)), body=BanCreate),
    "v4:DELETE /banned/{as}/{who}": DONE,
    "v4:GET /configs": shown([rows.SETTING]),
    "v4:GET /configs/{key}": shown(rows.SETTING),
    "v4:PUT /configs": done(ByName("acl_nomatch", ANYTHING)),
    "v4:PUT /configs/{key}": done(rows.SETTING_VALUE),
    "v4:DELETE /configs/{key}": DONE,
    "v4:POST /data/export": shown(rows.FILE),
    "v4:GET /data/export": shown([rows.FILE]),
    "v4:POST /data/import": Description(
        Either((OK, data(ByName("apps", Either((rows.DIFFERENCE, True)))))),
        body=Either((rows.IMPORT, ByName("version", ANYTHING))),
    ),
    "v4:GET /data/file/{filename}": Description(rows.FILE_CONTENT),
    "v4:POST /data/file": Description(data(row(node=NODE)), body=rows.UPLOAD),
    "v4:DELETE /data/file/{filename}": DONE,
    "v4:GET /modules": by_node("modules", [rows.MODULE]),
    "v4:GET /nodes/{node}/modules": shown([rows.MODULE]),
    **dict(_everywhere("PUT", "modules/{module}", "load", "unload", "reload")),
    "v4:GET /plugins": by_node("plugins", [rows.PLUGIN]),
    "v4:GET /nodes/{node}/plugins": shown([rows.PLUGIN]),
    "v4:GET /recon": shown(rows.RECON),
    "v4:GET /plugins/{plugin}/metrics": shown(ByName("auth.success", 1)),
    "v4:PUT /nodes/{node}/plugins/{plugin}/load": DONE,
    **dict(_everywhere("PUT", "plugins/{plugin}", "unload", "reload")),
    "v4:POST /auth": done(rows.CREDENTIALS),
    "v4:POST /users": done(rows.USER_WANTED),
    "v4:GET /users": shown([rows.USER]),
    "v4:PUT /users/{name}": done(rows.USER_CHANGE),
    "v4:DELETE /users/{name}": DONE,
    "v4:PUT /users/{name}/password": done(rows.NEW_PASSWORD),
    "v4:PUT /change_pwd/{username}": done(rows.PASSWORD_CHANGE),
}


def _logins(kind: str) -> dict[str, Description]:
    wanted = rows.login_wanted(kind)
    return {
        f"v4:GET /auth_{kind}": paged(
            rows.login(kind), Parameter(kind, ""), Parameter(f"_like_{kind}", "")
        ),
        f"v4:GET /auth_{kind}/{{login}}": shown(Either((rows.login(kind), row()))),
        f"v4:POST /auth_{kind}": Description(
            Either((OK, data(ByName("sensor-1", "ok")))), body=Either((wanted, [wanted]))
        ),
        f"v4:PUT /auth_{kind}/{{login}}": done(rows.LOGIN_CHANGE),
        f"v4:DELETE /auth_{kind}/{{login}}": DONE,
    }


def _access_rules(kind: str) -> dict[str, Description]:
    one, filters = f"v4:GET /acl/{kind}", parameters_of(filters_of(kind))
    return {
        one: paged(rows.ACCESS_RULE, *filters, with_hasnext=False),
        f"{one}/{{login}}": shown([rows.ACCESS_RULE]),
        f"v4:DELETE /acl/{kind}/{{login}}/topic/{{topic}}": DONE,
    }


_OPERATION = {
    "v4:GET /delayed": paged(rows.DELAYED, with_hasnext=False),
    "v4:GET /delayed/{msgid}": shown(rows.DELAYED),
    "v4:DELETE /delayed/{msgid}": DONE,
    "v4:GET /retainer": shown(row(retained=1)),
    "v4:GET /retainer/messages": paged(rows.RETAINED, Parameter("topic", "plant/#")),
    "v4:GET /retainer/message/{topic}": shown(rows.RETAINED_WITH_PAYLOAD),
    "v4:GET /retainer/topics": shown(["plant/1/state"]),
    "v4:GET /retainer/topics/{topic}": shown(["plant/1/state"]),
    "v4:DELETE /retainer/topics": shown(row(cleaned=1)),
    "v4:DELETE /retainer/topics/{topic}": shown(row(cleaned=1)),
    "v4:GET /log/level": shown(row(level="warning")),
    "v4:PUT /log/level": Description(data(row(level="info")), body=rows.LOG_LEVEL),
    "v4:GET /vm": shown(rows.MACHINE),
    "v4:GET /database": shown(rows.DATABASE),
}

_SASL_QUERY = (Parameter("mechanism", Word(MECHANISMS)), Parameter("username", ""))
_SASL_NAMES = ByName("SCRAM-SHA-1", ["sensor-1"])

_ADMISSION = {
    **_logins("clientid"),
    **_logins("username"),
    **_access_rules("clientid"),
    **_access_rules("username"),
    "v4:GET /acl/$all": paged(
        rows.ACCESS_RULE, *parameters_of(filters_of("all")), with_hasnext=False
    ),
    "v4:DELETE /acl/$all/topic/{topic}": DONE,
    "v4:GET /sasl": Description(
        data(Either((rows.SASL_USER, _SASL_NAMES, [_SASL_NAMES]))), _SASL_QUERY
    ),
    "v4:POST /sasl": done(rows.SASL_WANTED),
    "v4:PUT /sasl": done(rows.SASL_WANTED),
    "v4:DELETE /sasl": Description(OK, _SASL_QUERY),
    "v4:POST /explain": Description(data(rows.EXPLANATION), body=ExplainWanted),
    "v4:POST /acl": Description(
        data(Either((rows.ADDED_RULE, [rows.ADDED_RULE]))),
        body=Either((rows.RULE_WANTED, [rows.RULE_WANTED])),
    ),
}

DESCRIPTIONS: Mapping[str, Description] = {
    **_WATCHING,
    **_CLIENT,
    **_ADMINISTRATION,
    **_OPERATION,
    **_ADMISSION,
}
