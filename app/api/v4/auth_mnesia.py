"""Logins of MQTT clients in the words of the fourth generation (EMQX 4.4, `emqx_auth_mnesia_api`).

Passwords are never shown. EMQX answers 500 to a body that is no object or an empty list; here it names the login.
"""

from __future__ import annotations

import orjson

from app.api.endpoint import Answer, Call, Endpoint, Handler
from app.api.v4.dialect import OK, page, success
from app.errors import ResultCode, ServiceError
from app.node.proxy import RowsPage
from app.services import Services
from app.services.credentials import CredentialRecord
from app.services.query import to_text

PLUGIN = "emqx_auth_mnesia"


def credential_row(credential: CredentialRecord) -> dict[str, object]:
    """Return one login as the API shows it."""
    row: dict[str, object] = {
        credential.kind: credential.login,
        "created_at": credential.created_at_ms,
    }
    return {**row, "is_superuser": True} if credential.is_superuser else row


def _list(kind: str) -> Handler:
    def list_logins(services: Services, call: Call) -> Answer:
        asked = call.page()
        exact, like = call.params.get(kind), call.params.get(f"_like_{kind}")
        found = services.credentials.list(
            kind,
            asked.page,
            asked.limit,
            None if exact is None else to_text(exact),
            None if like is None else to_text(like),
        )
        rows = b",".join(orjson.dumps(credential_row(one)) for one in found.records)
        return page(RowsPage(rows, found.total, found.hasnext), asked)

    return list_logins


def _lookup(kind: str) -> Handler:
    def lookup(services: Services, _call: Call, login: str) -> Answer:
        found = services.credentials.get(kind, login)
        return success({} if found is None else credential_row(found))

    return lookup


def _add(kind: str) -> Handler:
    def add(services: Services, call: Call) -> Answer:
        if isinstance(call.body, list) and call.body:
            return success(services.credentials.create_many(kind, call.body))
        if isinstance(call.body, list):
            raise ServiceError(ResultCode.BAD_PARAMETER, "login", bare=True)
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


def _endpoints(kind: str) -> tuple[Endpoint, ...]:
    path = f"/auth_{kind}"
    one = f"{path}/:login"
    rows = (
        (f"list_{kind}", "GET", path, _list(kind), f"List available {kind} in the cluster"),
        (f"lookup_{kind}", "GET", one, _lookup(kind), f"Lookup {kind} in the cluster"),
        (f"add_{kind}", "POST", path, _add(kind), f"Add {kind} in the cluster"),
        (f"update_{kind}", "PUT", one, _update(kind), f"Update {kind} in the cluster"),
        (f"delete_{kind}", "DELETE", one, _delete(kind), f"Delete {kind} in the cluster"),
    )
    return tuple(
        Endpoint(
            f"v4:{method} {where.replace(':login', '{login}')}",
            name,
            method,
            where,
            handler,
            descr,
            plugin=PLUGIN,
        )
        for name, method, where, handler, descr in rows
    )


ENDPOINTS = tuple(endpoint for kind in ("clientid", "username") for endpoint in _endpoints(kind))
