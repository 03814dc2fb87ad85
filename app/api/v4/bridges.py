"""Bridges to other MQTT brokers; EMQX has them in `emqx_ctl` only, whose words these are."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint, Handler
from app.api.v4.dialect import success
from app.services import Services

PLUGIN = "emqx_bridge_mqtt"
_CALLS = (
    ("list_bridges", "GET", "/bridges", "List bridges to other MQTT brokers"),
    ("get_bridge", "GET", "/bridges/:name", "Show a bridge"),
    ("start_bridge", "PUT", "/bridges/:name/start", "Start a bridge"),
    ("stop_bridge", "PUT", "/bridges/:name/stop", "Stop a bridge"),
    (
        "add_bridge_forward",
        "POST",
        "/bridges/:name/forwards",
        "Have a bridge forward a topic, until it is made anew",
    ),
    (
        "del_bridge_forward",
        "DELETE",
        "/bridges/:name/forwards",
        "Have a bridge forward a topic no more",
    ),
    (
        "add_bridge_subscription",
        "POST",
        "/bridges/:name/subscriptions",
        "Have a bridge subscribe to a topic there, until it is made anew",
    ),
    (
        "del_bridge_subscription",
        "DELETE",
        "/bridges/:name/subscriptions",
        "Have a bridge unsubscribe there",
    ),
)


def _handler(call_name: str) -> Handler:
    def answer(services: Services, call: Call, **path_params: str) -> Answer:
        params = {**call.params, **path_params}
        return success(services.plugins.answer(PLUGIN, call_name, params))

    return answer


ENDPOINTS = tuple(
    Endpoint(
        f"v4:{method} {path.replace(':name', '{name}')}",
        name,
        method,
        path,
        _handler(name),
        descr,
        plugin=PLUGIN,
    )
    for name, method, path, descr in _CALLS
)
