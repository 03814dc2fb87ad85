"""Calls that plugins of installed packages answer: listed and served like our own, below `/api/v4`."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from app.api.endpoint import Answer, Call, Endpoint, EndpointTable, Handler
from app.api.v4.dialect import success
from app.plugins import PluginEndpoint
from app.services import Services

log = logging.getLogger(__name__)


def endpoints_of(services: Services, table: EndpointTable) -> Iterator[Endpoint]:
    """Yield the calls that plugins bring; one that there is already is logged and left out.

    Args:
        services: Know the plugins.
        table: The calls that there are.
    """
    taken = {(one.method, rule) for one in table for rule in one.rules}
    for plugin, wanted in services.plugins.endpoints():
        endpoint = Endpoint(
            f"v4:{wanted.method} {wanted.path}",
            wanted.name,
            wanted.method,
            wanted.path,
            _handler(wanted),
            wanted.descr,
            plugin=plugin,
        )
        rules = {(endpoint.method, rule) for rule in endpoint.rules}
        if rules & taken:
            log.error("The plugin %s cannot have %s: it is taken", plugin, endpoint.id)
            continue
        taken |= rules
        yield endpoint


def _handler(wanted: PluginEndpoint) -> Handler:
    def answer(services: Services, call: Call, **path_params: str) -> Answer:
        return success(services.plugins.ask(wanted, {**call.params, **path_params}))

    return answer
