"""Every documented call of the third generation in turn; see `walk`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.api.contract.check_contract import load
from tests.api.contract.walk import Facts, Send, Step, follow

SETTING = {"key": "mqtt.max_topic_levels", "value": "128"}
PLUGIN = "emqx_auth_mnesia"
USER = {"username": "contract-walk", "password": "password"}
APP = "contract-walk"
KICK = "v3:DELETE /connections/{clientid}"


def walk(send: Send, facts: Facts) -> list[str]:
    """Make every call in every spelling, and kick the client last; return what is wrong with the answers."""
    walked = follow(send, facts, load("v3"), list(_steps(facts)), _is_walked)
    return walked + _farewell(send, facts)


def _is_walked(endpoint: Mapping[str, Any]) -> bool:
    return bool(endpoint["id"] != KICK)


def _steps(facts: Facts) -> Iterator[Step]:
    yield Step("v3:GET /", check=lambda answer: len(answer["data"]) > 30)
    yield from _node_steps(facts)
    yield from _client_steps(facts)
    yield from _message_steps(facts)
    ban = {"who": facts.banned, "as": "client_id", "reason": "a walk", "desc": "", "until": 2**31}
    yield Step("v3:POST /banned", body=ban, check=lambda answer: answer["data"] == ban)
    yield Step(
        "v3:GET /banned",
        check=lambda answer: facts.banned in [row["who"] for row in answer["data"]],
    )
    yield Step(
        "v3:DELETE /banned/{who}",
        params={"as": "client_id", "who": facts.banned},
        body={"as": "client_id"},
    )
    yield from _app_steps()
    yield from _user_steps()
    yield Step("v3:GET /configs", check=lambda answer: facts.node in answer["data"])
    yield Step("v3:GET /nodes/{node}/configs", check=lambda answer: bool(answer["data"]))
    yield Step("v3:PUT /configs/{app}", params={"app": "emqx"}, body=SETTING)
    yield Step("v3:PUT /nodes/{node}/configs/{app}", params={"app": "emqx"}, body=SETTING)
    yield from _plugin_steps(facts)


def _plugin_steps(facts: Facts) -> Iterator[Step]:
    named = {"plugin": PLUGIN}
    yield Step("v3:GET /plugins", check=lambda answer: answer["data"][0]["node"] == facts.node)
    yield Step(
        "v3:GET /nodes/{node}/plugins",
        check=lambda answer: PLUGIN in [row["name"] for row in answer["data"]],
    )
    for verb, done in (("load", "already_started"), ("unload", "not_started")):
        yield Step(f"v3:PUT /nodes/{{node}}/plugins/{{plugin}}/{verb}", params=named, refusal=done)
    yield Step("v3:GET /nodes/{node}/plugin_configs/{plugin}", params=named)
    yield Step("v3:PUT /nodes/{node}/plugin_configs/{plugin}", params=named, body={})


def _user_steps() -> Iterator[Step]:
    row = {"username": USER["username"], "tags": "user"}
    named = {"name": USER["username"], "username": USER["username"]}
    yield Step("v3:POST /users", body={**USER, "tags": "user"}, refusal="Username Already Exist")
    yield Step("v3:GET /users", check=lambda answer: row in answer["data"])
    yield Step("v3:PUT /users/{name}", params=named, body={"tags": "admin"})
    yield Step("v3:POST /auth", body=USER)
    yield Step(
        "v3:PUT /change_pwd/{username}",
        params=named,
        body={"old_pwd": USER["password"], "new_pwd": USER["password"]},
    )
    yield Step("v3:DELETE /users/{name}", params=named, refusal="Username Not Found")


def _app_steps() -> Iterator[Step]:
    app = {"app_id": APP, "name": "walk", "status": True}
    yield Step("v3:POST /apps", body=app, refusal="alread_existed")
    yield Step(
        "v3:GET /apps", check=lambda answer: APP in [row["app_id"] for row in answer["data"]]
    )
    yield Step(
        "v3:GET /apps/{appid}",
        params={"appid": APP},
        check=lambda answer: answer["data"]["app_id"] == APP,
    )
    yield Step("v3:PUT /apps/{appid}", params={"appid": APP}, body={"name": "n", "status": False})
    yield Step("v3:DELETE /apps/{appid}", params={"appid": APP})


def _node_steps(facts: Facts) -> Iterator[Step]:
    for kind in ("brokers", "nodes"):
        yield Step(
            f"v3:GET /{kind}",
            check=lambda answer: facts.node in [row["node"] for row in answer["data"]],
        )
        yield Step(f"v3:GET /{kind}/{{node}}", check=lambda answer: "node" not in answer["data"])
    for kind in ("metrics", "stats", "listeners"):
        yield Step(f"v3:GET /{kind}", check=lambda answer: answer["data"][0]["node"] == facts.node)
        yield Step(f"v3:GET /nodes/{{node}}/{kind}", check=lambda answer: bool(answer["data"]))
    yield Step("v3:GET /alarms", check=lambda answer: answer["data"][0]["node"] == facts.node)
    yield Step("v3:GET /alarms/{node}")


def _client_steps(facts: Facts) -> Iterator[Step]:
    def shows_client(answer: Any) -> bool:
        return facts.clientid in [row["client_id"] for row in answer["data"]]

    for kind in ("connections", "sessions", "subscriptions"):
        for query in ("", "?_page=1&_limit=10000"):
            yield Step(f"v3:GET /{kind}", query, check=shows_client)
            yield Step(f"v3:GET /nodes/{{node}}/{kind}", query, check=shows_client)
        yield Step(f"v3:GET /{kind}/{{clientid}}", check=shows_client)
        yield Step(f"v3:GET /nodes/{{node}}/{kind}/{{clientid}}", check=shows_client)
    yield Step("v3:DELETE /connections/{clientid}/acl/{topic}")
    yield Step("v3:GET /routes", check=lambda answer: answer["meta"]["count"] > 0)
    yield Step(
        "v3:GET /routes/{topic}",
        raw_tail=True,
        check=lambda answer: answer["data"] == [{"topic": facts.topic, "node": facts.node}],
    )


def _message_steps(facts: Facts) -> Iterator[Step]:
    book = load("v3")
    for act in ("publish", "subscribe", "unsubscribe"):
        call = f"v3:POST /mqtt/{act}"
        body = {**book.endpoints[call]["request_example"], "client_id": facts.clientid}
        yield Step(call, body=body, check=lambda answer: answer == {"code": 0})


def _farewell(send: Send, facts: Facts) -> list[str]:
    """Kick the client, as the only call that cannot be made twice; return what is wrong with the answers."""
    path = f"/api/v3/connections/{facts.clientid.replace('/', '%2F')}"
    answers = [send("DELETE", path, None)[2] for _ in range(2)]
    wanted = [b'{"code":0}', b'{"code":112,"message":"not_found"}']
    return [] if answers == wanted else [repr(answers)]
