"""A stream of acknowledged messages into a database that is killed in the middle: nothing is lost."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import Any

from app.mqtt.packets import Puback, Publish
from tests.e2e.rule_targets.conftest import KINDS, config_of, rows_of
from tests.harness.mqtt_client import MqttClient
from tests.harness.node import MakeNode, NodeProcess, eventually
from tests.harness.sql_servers import SqlServer

V4 = "/api/v4"
STREAM = 400
IN_FLIGHT = 20
PATIENCE_S = 60.0
QUICK = {"rule_engine.action_queue.retry_interval": "50ms"}


def ask(node: NodeProcess, method: str, path: str, body: Any = None) -> Any:
    """Return `data` of a call that succeeds."""
    answer = node.api(method, f"{V4}/{path}", body).body
    assert answer["code"] == 0, answer
    return answer.get("data")


def a_rule(
    node: NodeProcess, resource: tuple[str, dict[str, Any]], action: str, **params: Any
) -> str:
    kind, config = resource
    made = ask(node, "POST", "resources", {"type": kind, "config": config})["id"]
    actions = [{"name": action, "params": {"$resource": made, **params}}]
    sql = 'SELECT payload.id as id, payload.name as name FROM "stream/#"'
    rule: str = ask(node, "POST", "rules", {"rawsql": sql, "actions": actions})["id"]
    return rule


def figures(node: NodeProcess, rule: str) -> dict[str, int]:
    (action,) = ask(node, "GET", f"rules/{rule}")["actions"]
    found: dict[str, int] = action["metrics"][0]
    return found


def publish(node: NodeProcess, numbers: range) -> None:
    """Publish numbers at QoS 1, and see each acknowledged."""
    with MqttClient(node.tcp) as publisher:
        publisher.connect("publisher")
        waiting, left = 0, list(numbers)
        while left or waiting:
            while left and waiting < IN_FLIGHT:
                number = left.pop(0)
                payload = b'{"id": %d, "name": "n%d"}' % (number, number)
                publisher.send(Publish("stream/a", payload, 1, packet_id=number % 60_000 + 1))
                waiting += 1
            assert isinstance(publisher.receive(), Puback)
            waiting -= 1


def test_a_database_that_is_killed_in_the_middle_loses_nothing(
    make_node: MakeNode, table: SqlServer
) -> None:
    node = make_node(**QUICK)
    kind = KINDS[table.name]
    rule = a_rule(
        node,
        (f"backend_{kind}", config_of(table)),
        f"data_to_{kind}",
        # Whoever may be given twice says so in SQL.
        sql={
            "mysql": "insert ignore into msg (id, name) values (${id}, ${name})",
            "pgsql": "insert into msg (id, name) values (${id}, ${name}) on conflict do nothing",
        }[kind],
        disk_cache="on",
    )
    stream = threading.Thread(target=publish, args=(node, range(STREAM)))
    stream.start()
    eventually(lambda: len(rows_of(table, "id")) > STREAM // 10, "the first rows", PATIENCE_S)
    table.kill()
    stream.join(PATIENCE_S)
    assert not stream.is_alive(), "publishers wait for the disk, not for the database"
    table.start()
    eventually(lambda: len(rows_of(table, "id")) == STREAM, "all rows", PATIENCE_S)
    assert rows_of(table, "id") == [(number,) for number in range(STREAM)]
    eventually(lambda: figures(node, rule)["success"] == STREAM, "all are counted", PATIENCE_S)
    assert figures(node, rule)["failed"] == 0


def test_a_bad_row_becomes_a_dead_letter_and_the_rest_goes_in(
    make_node: MakeNode, table: SqlServer
) -> None:
    node = make_node(**QUICK)
    kind = KINDS[table.name]
    sql = "insert into msg (id, name) values (${id}, ${name})"
    rule = a_rule(node, (f"backend_{kind}", config_of(table)), f"data_to_{kind}", sql=sql)
    publish(node, range(10))
    publish(node, range(5, 15))
    eventually(lambda: figures(node, rule)["failed"] == 5, "five are refused", PATIENCE_S)
    eventually(lambda: len(rows_of(table, "id")) == 15, "the others go in", PATIENCE_S)
    eventually(lambda: figures(node, rule)["dead_letters"] == 5, "they are kept", PATIENCE_S)


def test_files_and_databases_of_the_node_are_below_one_folder(make_node: MakeNode) -> None:
    node = make_node(**QUICK)
    schema = "create table if not exists msg(id, name)"
    sql = "insert into msg values (${id}, ${name})"
    to_sqlite = ("backend_sqlite", {"file": "a.db", "schema": schema})
    to_file = ("backend_file", {"file": "a.log", "max_size": "1KB"})
    a_rule(node, to_sqlite, "data_to_sqlite", sql=sql)
    a_rule(node, to_file, "data_to_file", payload_tmpl="${id} ${name}")
    publish(node, range(100))
    folder = node.instance / "rule_files"

    def stored() -> list[Any]:
        with closing(sqlite3.connect(folder / "sqlite" / "a.db")) as connection:
            return connection.execute("select id, name from msg order by id").fetchall()

    def lines() -> list[str]:
        files = sorted((folder / "lines").glob("a.log*"), reverse=True)
        return [line for file in files for line in file.read_text().splitlines()]

    wanted = [(number, f"n{number}") for number in range(100)]
    eventually(lambda: (folder / "sqlite" / "a.db").exists() and stored() == wanted, "rows", 20.0)
    eventually(lambda: sorted(lines()) == sorted(f"{a} {b}" for a, b in wanted), "lines", 20.0)
    answer = node.api("POST", f"{V4}/resources", {"type": "backend_file", "config": {"file": "../x"}})  # fmt: skip
    assert answer.body["code"] != 0
