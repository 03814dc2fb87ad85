"""Logins of MQTT clients in the words of the third generation, whose plugins had one kind of login each.

A list is names alone. Passwords are never shown, nor their hashes, which EMQ X 3 did show.
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from app.api.endpoint import Answer, Call, Endpoint, Handler
from app.api.v3.dialect import OK, page, success
from app.node.proxy import RowsPage
from app.services import Services

PLUGIN = "emqx_auth_mnesia"
"""Has both kinds here."""


def _list(kind: str) -> Handler:
    def list_logins(services: Services, call: Call) -> Answer:
        asked = call.page()
        found = services.credentials.list(kind, asked.page, asked.limit)
        names = b",".join(orjson.dumps(one.login) for one in found.records)
        return page(RowsPage(names, found.total, found.hasnext), asked)

    return list_logins


def _lookup(kind: str) -> Handler:
    def lookup(services: Services, _call: Call, login: str) -> Answer:
        return success({} if services.credentials.get(kind, login) is None else {kind: login})

    return lookup


def _add(kind: str) -> Handler:
    def add(services: Services, call: Call) -> Answer:
        services.credentials.create(kind, call.params)
        return OK

    return add


def _update(kind: str) -> Handler:
    def update(services: Services, call: Call, login: str) -> Answer:
        services.credentials.update(kind, login, call.params)
        return OK

    return update


def _delete(kind: str) -> Handler:
    def delete(services: Services, _call: Call, login: str) -> Answer:
        services.credentials.delete(kind, login)
        return OK

    return delete


def _endpoints() -> Iterator[Endpoint]:
    for kind in ("username", "clientid"):
        room, one = f"/auth_{kind}", f"/auth_{kind}/{{{kind}}}"
        path = f"{room}/:login"
        rows = (
            (
                "GET",
                room,
                room,
                f"list_{kind}",
                _list(kind),
                f"List available {kind} in the cluster",
            ),
            ("GET", one, path, f"lookup_{kind}", _lookup(kind), f"Lookup {kind} in the cluster"),
            ("POST", room, room, f"add_{kind}", _add(kind), f"Add {kind} in the cluster"),
            ("PUT", one, path, f"update_{kind}", _update(kind), f"Update {kind} in the cluster"),
            ("DELETE", one, path, f"delete_{kind}", _delete(kind), f"Delete {kind} in the cluster"),
        )
        for method, contract_path, listed_path, name, handler, descr in rows:
            yield Endpoint(
                f"v3:{method} {contract_path}",
                name,
                method,
                listed_path,
                handler,
                descr,
                plugin=PLUGIN,
            )


ENDPOINTS = tuple(_endpoints())
