"""Every documented call in turn, on whatever speaks HTTP: a test client over doubles, or a real node.

    faults = walk(send, Facts(node="godwit@127.0.0.1", clientid="c1", username="u1", topic="t/1"))

What is created is removed again; nothing that was there before is changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.api.contract.check_contract import Book, load, violations

Send = Callable[[str, str, bytes | None], tuple[int, Mapping[str, str], bytes]]
"""Make one request with good credentials: method, path with query, body; status, headers and body come back."""

# Calls of rooms that are not built yet.
LATER = re.compile(r"/license")


@dataclass(frozen=True)
class Facts:
    """What the server has at the start of a walk."""

    node: str
    clientid: str
    """A connected client with that `username`, subscribed to `topic`."""
    username: str
    topic: str
    banned: str = "contract-walk"
    """A client id that nobody has."""


@dataclass(frozen=True)
class Step:
    """One request of the walk."""

    id: str
    query: str = ""
    body: Any = None
    params: Mapping[str, str] = field(default_factory=dict)
    check: Callable[[Any], bool] | None = None
    """What must hold of the decoded answer beyond the contract."""
    raw_tail: bool = False
    """The path ends in a topic as it came, so that a slash behind it would belong to the topic."""
    refusal: str | None = None
    """The message that may come instead, where success depends on what the server is doing, or comes once."""


def in_scope(endpoint: Mapping[str, Any]) -> bool:
    """Tell whether a call of the contract is to be served by now."""
    return not LATER.search(endpoint["path"])


def walk(send: Send, facts: Facts) -> list[str]:
    """Make every call of the fourth generation in every spelling; return what is wrong with the answers."""
    return follow(send, facts, load(), list(_steps(facts)), in_scope)


def follow(
    send: Send,
    facts: Facts,
    book: Book,
    steps: Sequence[Step],
    is_served: Callable[[Mapping[str, Any]], bool],
) -> list[str]:
    """Take these steps, each in every spelling; return what is wrong with the answers, and which calls are not made."""
    missed = {e["id"] for e in book.endpoints.values() if is_served(e)} - {
        step.id for step in steps
    }
    faults = [f"{endpoint_id}: the walk does not make this call" for endpoint_id in sorted(missed)]
    for step in steps:
        for path in _paths(book, step, facts):
            faults += [f"{step.id} as {path}: {fault}" for fault in _visit(send, book, step, path)]
    return faults


def _visit(send: Send, book: Book, step: Step, path: str) -> Iterator[str]:
    endpoint = book.endpoints[step.id]
    body = None if step.body is None else json.dumps(step.body).encode()
    status, headers, answer = send(endpoint["method"], path, body)
    if status != 200:
        yield f"status {status}, {answer[:80]!r}"
        return
    if text := endpoint.get("response_text_example"):
        lines = re.sub(r"Node \S+ ", "Node ", text)
        if re.sub(r"Node \S+ ", "Node ", answer.decode()) != lines:
            yield f"{answer!r} instead of {text!r}"
        return
    if headers["Content-Type"] != "application/json":
        yield f"content type {headers['Content-Type']}"
    decoded = json.loads(answer)
    if step.refusal is not None and decoded.get("message") == step.refusal:
        return
    yield from violations(book, endpoint, decoded, error=False)
    if step.check and not step.check(decoded):
        yield f"{answer[:200]!r}"


def _paths(book: Book, step: Step, facts: Facts) -> Iterator[str]:
    values = {"node": facts.node, "clientid": facts.clientid, "username": facts.username}
    values |= {"node_name": facts.node, "topic": facts.topic, **step.params}
    endpoint = book.endpoints[step.id]
    spellings = dict.fromkeys(
        spelling.split(" ", 1)[1]
        for spelling in (*endpoint["spellings"], *endpoint.get("suggested_aliases", ()))
    )
    for spelling in spellings:
        filled = re.sub(r"\{(\w+)\}", lambda name: quote(values[name[1]], safe=""), spelling)
        path, mark, query = filled.partition("?")
        yield path + mark + query + step.query
        if not endpoint.get("absolute") and not step.raw_tail:
            yield path.rstrip("/") + "/" + mark + query + step.query


def _steps(facts: Facts) -> Iterator[Step]:
    yield Step("v4:GET /status")
    yield Step("v4:GET /", check=lambda answer: len(answer["data"]) > 30)
    yield from _node_steps(facts)
    yield from _client_steps(facts)
    yield from _message_steps(facts)
    yield from _observing_steps(facts)
    yield from _extension_steps(facts)
    ban = {"who": facts.banned, "as": "clientid", "reason": "a walk"}
    yield Step("v4:POST /banned", body=ban, check=lambda answer: answer["data"] == ban)
    yield Step(
        "v4:GET /banned",
        check=lambda answer: facts.banned in [row["who"] for row in answer["data"]],
    )
    yield Step("v4:DELETE /banned/{as}/{who}", params={"as": "clientid", "who": facts.banned})
    yield from _rule_steps()
    yield from _data_steps()


def _node_steps(facts: Facts) -> Iterator[Step]:
    for kind in ("brokers", "nodes"):
        yield Step(
            f"v4:GET /{kind}",
            check=lambda answer: facts.node in [row["node"] for row in answer["data"]],
        )
        yield Step(f"v4:GET /{kind}/{{node}}")
    for kind in ("metrics", "stats", "listeners"):
        yield Step(f"v4:GET /{kind}", check=lambda answer: answer["data"][0]["node"] == facts.node)
        yield Step(f"v4:GET /nodes/{{node}}/{kind}", check=lambda answer: bool(answer["data"]))
    yield from _alarm_steps(facts)


def _extension_steps(facts: Facts) -> Iterator[Step]:
    for kind in ("plugins", "modules"):
        yield Step(f"v4:GET /{kind}", check=lambda answer: answer["data"][0]["node"] == facts.node)
        yield Step(f"v4:GET /nodes/{{node}}/{kind}", check=lambda answer: bool(answer["data"]))
    plugin = {"plugin": "emqx_auth_mnesia"}
    on = "v4:PUT /nodes/{node}/plugins/{plugin}"
    yield Step(f"{on}/load", params=plugin, refusal="already_started")
    yield Step("v4:GET /auth_clientid", check=lambda answer: answer["data"] == [])
    yield Step(f"{on}/reload", params=plugin)
    yield Step(f"{on}/unload", params=plugin, refusal="not_started")
    module = {"module": "emqx_mod_rewrite"}
    for where in ("/modules/{module}", "/nodes/{node}/modules/{module}"):
        yield Step(f"v4:PUT {where}/load", params=module, refusal="already_started")
        yield Step(f"v4:PUT {where}/reload", params=module)
        yield Step(f"v4:PUT {where}/unload", params=module, refusal="not_started")


def _rule_steps() -> Iterator[Step]:
    book, there = load(), "Already Exists"
    for name, kinds in (("inspect", "actions"), ("web_hook", "resource_types")):
        parameter = "action_name" if kinds == "actions" else "resource_type_name"
        yield Step(
            f"v4:GET /{kinds}",
            check=lambda answer, name=name: name in [row["name"] for row in answer["data"]],
        )
        yield Step(f"v4:GET /{kinds}/{{{parameter}}}", params={parameter: name})
    for thing in ("rule", "resource"):
        one = {f"{thing}_id": "contract/walk"}
        call = f"/{thing}s"
        example = book.endpoints[f"v4:POST {call}"]["request_example"]
        made = {**example, "id": "contract/walk"}
        yield Step(f"v4:POST {call}", body=made, refusal=there)
        yield Step(f"v4:GET {call}", check=lambda answer: bool(answer["data"]))
        if thing == "rule":
            changes = book.endpoints["v4:PUT /rules/{rule_id}"]["request_example"]
            yield Step(
                "v4:PUT /rules/{rule_id}",
                body=changes,
                params=one,
                check=lambda answer: answer["data"]["for"] == ["t/b"],
            )
        yield Step(f"v4:GET {call}/{{{thing}_id}}", params=one)
        yield Step(f"v4:DELETE {call}/{{{thing}_id}}", params=one)


def _data_steps() -> Iterator[Step]:
    name = "contract-walk.json"
    file = {"filename": name, "file": '{"version":"4.4","blacklist":[]}'}
    yield Step("v4:POST /data/export", check=lambda answer: answer["data"]["size"] > 0)
    yield Step("v4:POST /data/file", body=file)
    yield Step(
        "v4:GET /data/export",
        check=lambda answer: name in [row["filename"] for row in answer["data"]],
    )
    yield Step(
        "v4:GET /data/file/{filename}",
        params={"filename": name},
        check=lambda answer: answer["file"] == file["file"],
    )
    yield Step("v4:POST /data/import", body={"filename": name})
    yield Step("v4:DELETE /data/file/{filename}", params={"filename": name}, refusal="not_found")


def _alarm_steps(facts: Facts) -> Iterator[Step]:
    for tail in ("", "/activated", "/deactivated"):
        yield Step(
            f"v4:GET /alarms{tail}", check=lambda answer: answer["data"][0]["node"] == facts.node
        )
        yield Step(f"v4:GET /nodes/{{node}}/alarms{tail}")
    yield Step(
        "v4:POST /alarms/deactivated",
        body={"node": facts.node, "name": "high_system_memory_usage"},
        refusal="not_found",
    )
    yield Step("v4:DELETE /alarms/deactivated")
    yield Step("v4:DELETE /nodes/{node}/alarms/deactivated")


def _client_steps(facts: Facts) -> Iterator[Step]:
    def shows_client(answer: Any) -> bool:
        return facts.clientid in [row["clientid"] for row in answer["data"]]

    for query in ("", "?_page=1&_limit=10000", f"?_like_clientid={quote(facts.clientid, safe='')}"):
        yield Step("v4:GET /clients", query, check=shows_client)
        yield Step("v4:GET /nodes/{node}/clients", query, check=shows_client)
        yield Step("v4:GET /subscriptions", query.replace("_like_", ""), check=shows_client)
        yield Step("v4:GET /nodes/{node}/subscriptions", query, check=shows_client)
    for kind in ("clients", "clients/username", "subscriptions"):
        name = "username" if kind.endswith("username") else "clientid"
        yield Step(f"v4:GET /{kind}/{{{name}}}", check=shows_client)
        yield Step(f"v4:GET /nodes/{{node}}/{kind}/{{{name}}}", check=shows_client)
    yield Step("v4:DELETE /clients/{clientid}", params={"clientid": facts.banned})
    yield Step("v4:GET /routes", check=lambda answer: answer["meta"]["count"] > 0)
    yield Step(
        "v4:GET /routes/{topic}",
        check=lambda answer: answer["data"] == [{"topic": facts.topic, "node": facts.node}],
    )


def _observing_steps(facts: Facts) -> Iterator[Step]:
    yield Step("v4:GET /clients/{clientid}/acl_cache")
    yield Step("v4:DELETE /clients/{clientid}/acl_cache")
    yield Step("v4:DELETE /acl-cache")
    yield Step("v4:DELETE /node/{node}/acl-cache")
    off = "module_not_loaded"
    yield Step("v4:POST /topic-metrics", body={"topic": facts.topic}, refusal=off)
    for call in ("GET /topic-metrics", "GET /topic-metrics/{topic}"):
        yield Step(f"v4:{call}", refusal=off, check=lambda answer: bool(answer["data"]))
    for call in ("DELETE /topic-metrics/{topic}", "DELETE /topic-metrics"):
        yield Step(f"v4:{call}", refusal=off)
    for enabled in (True, False):
        yield Step("v4:PUT /telemetry/status", body={"enabled": enabled})
    yield Step("v4:GET /telemetry/status", check=lambda answer: not answer["data"]["enabled"])
    yield Step("v4:GET /telemetry/data")


def _message_steps(facts: Facts) -> Iterator[Step]:
    book = load()
    for act in ("publish", "subscribe", "unsubscribe"):
        for call in (f"v4:POST /mqtt/{act}", f"v4:POST /mqtt/{act}_batch"):
            example = book.endpoints[call]["request_example"]
            items = example if isinstance(example, list) else [example]
            body = [{**item, "clientid": facts.clientid} for item in items]
            yield Step(call, body=body if isinstance(example, list) else body[0])
    # What the examples subscribed and did not unsubscribe.
    yield Step(
        "v4:POST /mqtt/unsubscribe_batch",
        body=[{"topic": topic, "clientid": facts.clientid} for topic in ("a", "b", "c")],
        check=lambda answer: [item["code"] for item in answer["data"]] == [0, 0, 0],
    )
