"""Access rules of `emqx_auth_mnesia` in the words of the fourth generation (EMQX 4.4, `emqx_acl_mnesia_api`).

A rule for client id and user name at once is refused, where EMQX crashes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import orjson

from app.api.endpoint import Answer, Call, Endpoint, Handler
from app.api.v4.dialect import OK, page, success
from app.errors import ServiceError
from app.node.proxy import RowsPage
from app.schemas.acl_rule import AclWanted, read_acl
from app.services import Services
from app.services.acl_rules import AclQuery, AclRecord
from app.services.query import Filter, one_of, read_filters, to_text

PLUGIN = "emqx_auth_mnesia"
ALL = "$all"
DEFAULT_LIMIT = 50


def acl_row(rule: AclRecord) -> dict[str, object]:
    """Return one rule as the API shows it."""
    return {
        **_who(rule.kind, rule.login),
        "topic": rule.topic,
        "action": rule.action,
        "access": rule.access,
    }


def _who(kind: str, login: str) -> dict[str, object]:
    return {"all": ALL} if kind == "all" else {kind: login}


def filters_of(kind: str) -> tuple[Filter, ...]:
    """Return what narrows the list of one kind of rules down."""
    return (
        Filter(kind, "login", to_text),
        Filter(f"_like_{kind}", "like_login", to_text, unless=kind),
        Filter("topic", "topic", to_text),
        Filter("action", "action", one_of("pub", "sub")),
        Filter("access", "access", one_of("allow", "deny")),
    )


def _list(kind: str) -> Handler:
    filters = filters_of(kind)

    def list_rules(services: Services, call: Call) -> Answer:
        params = {"_limit": DEFAULT_LIMIT, **call.params}
        asked = Call(params, None, call.max_row_limit).page()
        query = AclQuery(**read_filters(filters, params))  # type: ignore[arg-type]
        rules, total = services.acl_rules.list(kind, asked.page, asked.limit, query)
        return page(RowsPage(_rows(rules), total, hasnext=False), asked, with_hasnext=False)

    return list_rules


def _rows(rules: Iterable[AclRecord]) -> bytes:
    return b",".join(orjson.dumps(acl_row(rule)) for rule in rules)


def _lookup(kind: str) -> Handler:
    def lookup(services: Services, _call: Call, login: str) -> Answer:
        return success([acl_row(rule) for rule in services.acl_rules.of(kind, login)])

    return lookup


def add_acl(services: Services, call: Call) -> Answer:
    """Add one rule, or several: a list is answered in reverse, as EMQX does."""
    if not isinstance(call.body, list):
        return success(_told(services.acl_rules.add(call.params)))
    told: list[dict[str, object]] = []
    wanted: list[AclWanted] = []
    for item in call.body:
        params = item if isinstance(item, Mapping) else {}
        try:
            one = read_acl(params)
        except ServiceError as error:
            told.append({**params, "result": f"{{error,{error.message}}}"})
        else:
            wanted.append(one)
            told.append(_told(one))
    services.acl_rules.add_all(wanted)
    return success(told[::-1])


def _told(wanted: AclWanted) -> dict[str, object]:
    return {
        **_who(wanted.kind, wanted.login),
        "topic": wanted.topic,
        "action": wanted.action,
        "access": wanted.access,
        "result": "ok",
    }


def _delete(kind: str) -> Handler:
    def delete(services: Services, _call: Call, topic: str, login: str = "") -> Answer:
        services.acl_rules.delete(kind, login, topic)
        return OK

    return delete


def _endpoints(kind: str) -> tuple[tuple[str, str, str, Handler, str], ...]:
    return (
        (f"list_{kind}", "GET", f"/acl/{kind}", _list(kind), f"List available {kind} in the cluster"),
        (f"lookup_{kind}", "GET", f"/acl/{kind}/:login", _lookup(kind), f"Lookup {kind} in the cluster"),
        (
            f"delete_{kind}", "DELETE", f"/acl/{kind}/:login/topic/:topic", _delete(kind),
            f"Delete {kind} in the cluster",
        ),
    )  # fmt: skip


ENDPOINTS = tuple(
    Endpoint(
        f"v4:{method} {path.replace(':login', '{login}').replace(':topic', '{topic}')}",
        name,
        method,
        path,
        handler,
        descr,
        plugin=PLUGIN,
    )
    for name, method, path, handler, descr in (
        *_endpoints("clientid"),
        *_endpoints("username"),
        ("list_all", "GET", f"/acl/{ALL}", _list("all"), "List available all in the cluster"),
        ("add_acl", "POST", "/acl", add_acl, "Add acls in the cluster"),
        (
            "delete_all",
            "DELETE",
            f"/acl/{ALL}/topic/:topic",
            _delete("all"),
            "Delete all in the cluster",
        ),
    )
)
