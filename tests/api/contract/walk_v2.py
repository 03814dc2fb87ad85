"""Every documented call of the second generation in turn; see `walk`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.api.contract.check_contract import load
from tests.api.contract.walk import Facts, Send, Step, follow

SETTING = {"key": "mqtt.max_topic_levels", "value": "128"}
PLUGIN = "emqx_auth_mnesia"
USER = {"username": "contract-walk", "password": "password"}
KICK = "v2:DELETE /clients/{clientid}"


def walk(send: Send, facts: Facts) -> list[str]:
    """Make every call in every spelling, and kick the client last; return what is wrong with the answers."""
    walked = follow(send, facts, load("v2"), list(_steps(facts)), _is_walked)
    return walked + _farewell(send, facts)


def _is_walked(endpoint: Mapping[str, Any]) -> bool:
    return bool(endpoint["id"] != KICK)


def _steps(facts: Facts) -> Iterator[Step]:
    yield from _node_steps(facts)
    yield from _client_steps(facts)
    for word in ("routes", "routers"):
        yield Step(f"v2:GET /{word}", check=lambda answer: answer["result"]["total_num"] > 0)
        yield Step(
            f"v2:GET /{word}/{{topic}}",
            raw_tail=True,
            check=lambda answer: (
                answer["result"]["objects"] == [{"topic": facts.topic, "node": facts.node}]
            ),
        )
    yield from _message_steps(facts)
    yield from _user_steps()
    yield Step("v2:GET /configs", check=lambda answer: facts.node in answer["result"])
    yield Step("v2:GET /nodes/{node_name}/configs", check=lambda answer: bool(answer["result"]))
    yield Step("v2:PUT /configs/{app_name}", params={"app_name": "emqx"}, body=SETTING)
    yield Step(
        "v2:PUT /nodes/{node_name}/configs/{app_name}", params={"app_name": "emqx"}, body=SETTING
    )
    yield from _plugin_steps()


def _plugin_steps() -> Iterator[Step]:
    named = {"name": PLUGIN, "plugin_name": PLUGIN}
    yield Step(
        "v2:GET /nodes/{node_name}/plugins",
        check=lambda answer: PLUGIN in [row["name"] for row in answer["result"]],
    )
    for active, done in ((True, "already_started"), (False, "not_started")):
        yield Step(
            "v2:PUT /nodes/{node_name}/plugins/{name}",
            params=named,
            body={"active": active},
            refusal=done,
        )
    yield Step("v2:GET /nodes/{node_name}/plugin_configs/{plugin_name}", params=named)
    yield Step("v2:PUT /nodes/{node_name}/plugin_configs/{plugin_name}", params=named, body={})


def _user_steps() -> Iterator[Step]:
    row = {"username": USER["username"], "tags": "user"}
    named = {"username": USER["username"]}
    yield Step("v2:POST /users", body={**USER, "tags": "user"}, refusal="User already exist")
    yield Step("v2:GET /users", check=lambda answer: row in answer["result"])
    yield Step(
        "v2:GET /users/{username}", params=named, check=lambda answer: answer["result"] == row
    )
    yield Step("v2:PUT /users/{username}", params=named, body={"tags": "admin"})
    yield Step("v2:POST /auth", body=USER)
    yield Step(
        "v2:PUT /change_pwd/{username}",
        params=named,
        body={"old_pwd": USER["password"], "new_pwd": USER["password"]},
    )
    yield Step("v2:DELETE /users/{username}", params=named, refusal="User not found")


def _node_steps(facts: Facts) -> Iterator[Step]:
    for kind in ("management", "monitoring"):
        yield Step(
            f"v2:GET /{kind}/nodes",
            check=lambda answer: facts.node in [row["name"] for row in answer["result"]],
        )
        yield Step(f"v2:GET /{kind}/nodes/{{node_name}}")
    yield Step("v2:GET /monitoring/listeners", check=lambda answer: answer["result"][facts.node])
    yield Step("v2:GET /monitoring/stats", check=lambda answer: facts.node in answer["result"][0])
    yield Step("v2:GET /monitoring/metrics")
    for kind in ("listeners", "stats", "metrics"):
        yield Step(
            f"v2:GET /monitoring/{kind}/{{node_name}}", check=lambda answer: bool(answer["result"])
        )


def _client_steps(facts: Facts) -> Iterator[Step]:
    def shows_client(answer: Any) -> bool:
        return facts.clientid in [row["client_id"] for row in answer["result"]["objects"]]

    for kind in ("clients", "sessions", "subscriptions"):
        for query in ("", "?curr_page=1&page_size=1000"):
            yield Step(f"v2:GET /nodes/{{node_name}}/{kind}", query, check=shows_client)
        yield Step(f"v2:GET /nodes/{{node_name}}/{kind}/{{clientid}}", check=shows_client)
        yield Step(f"v2:GET /{kind}/{{clientid}}", check=shows_client)

    yield Step("v2:PUT /clients/{clientid}/clean_acl_cache", body={"topic": facts.topic})


def _message_steps(facts: Facts) -> Iterator[Step]:
    book = load("v2")
    for act in ("publish", "subscribe", "unsubscribe"):
        call = f"v2:POST /mqtt/{act}"
        body = {**book.endpoints[call]["request_example"], "client_id": facts.clientid}
        yield Step(call, body=body, check=lambda answer: answer == {"code": 0, "result": []})


def _farewell(send: Send, facts: Facts) -> list[str]:
    """Kick the client, as the only call that cannot be made twice; return what is wrong with the answers."""
    path = f"/api/v2/clients/{facts.clientid.replace('/', '%2F')}"
    answers = [send("DELETE", path, None)[2] for _ in range(2)]
    wanted = [b'{"code":0,"result":[]}', b'{"code":112,"message":"not_found"}']
    return [] if answers == wanted else [repr(answers)]
