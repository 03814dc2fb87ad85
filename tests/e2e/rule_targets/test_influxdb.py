"""Results of rules as points, written to a double of InfluxDB that reads line protocol strictly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from app.rules.errors import ActionFailed, ResourceDown, TryAgain
from app.rules.resources.base import ResourceSpec
from tests.e2e.rule_targets.conftest import RESOURCES, Work, play
from tests.harness.influxdb_double import InfluxDouble, parsed
from tests.harness.playbook import Playbook

V1 = ("backend_influxdb_http", {"database": "d b", "username": "user", "password": "secret"})
V2 = ("backend_influxdb_http_v2", {"org": "o", "bucket": "b/1", "token": "t0ken"})
POINT = {"measurement": "m ${m}", "tags": {"t": "${t}"}, "fields": {"value": "${v}", "n": "${n}i"}}


@pytest.fixture
def influx() -> Iterator[InfluxDouble]:
    with InfluxDouble() as server:
        yield server


def at(
    server: InfluxDouble,
    scene: Callable[[Work], Coroutine[Any, Any, None]],
    version: tuple[str, dict[str, Any]] = V2,
    **config: Any,
) -> None:
    resource = (version[0], {**version[1], "port": server.port, **config})
    play(scene, resource, ("data_to_influxdb", POINT))


@pytest.mark.parametrize("version", [V1, V2], ids=["v1", "v2"])
def test_points_arrive_as_they_were_meant(influx: InfluxDouble, version: Any) -> None:
    async def scene(work: Work) -> None:
        await work.give(
            {"m": "a,b", "t": "x=1, y", "v": 'say "\\" twice,\nplease', "n": 3},
            {"m": "c", "t": "\u6e29 \u5ea6", "v": True},
            {"m": "d", "v": 2.5, "n": -7},
        )

    at(influx, scene, version)
    time = 1_700_000_000_123
    assert influx.points == [
        ("m a,b", {"t": "x=1, y"}, {"value": 'say "\\" twice,\nplease', "n": 3}, time),
        ("m c", {"t": "\u6e29 \u5ea6"}, {"value": True}, time),
        ("m d", {}, {"value": 2.5, "n": -7}, time),
    ]


@pytest.mark.parametrize(
    ("version", "unit", "asked", "time"),
    [
        (V1, "ns", ("/write", {"db": ["d b"], "precision": ["n"]}), 1_700_000_000_123_000_000),
        (V1, "h", ("/write", {"db": ["d b"], "precision": ["h"]}), 472_222),
        (V2, "s", ("/api/v2/write", {"org": ["o"], "bucket": ["b/1"], "precision": ["s"]}), 1_700_000_000),
    ],
)  # fmt: skip
def test_each_api_is_asked_in_its_own_words(
    influx: InfluxDouble, version: Any, unit: str, asked: Any, time: int
) -> None:
    async def scene(work: Work) -> None:
        await work.give({"m": "m", "v": 1})

    at(influx, scene, version, precision=unit)
    assert influx.asked == [asked]
    assert influx.points[0][3] == time


def test_what_is_refused_is_told_from_what_may_pass(influx: InfluxDouble) -> None:
    async def scene(work: Work) -> None:
        with pytest.raises(ActionFailed) as failed:
            await work.give({"m": "m", "v": 1}, {"m": "m", "v": "refuse me"})
        assert type(failed.value) is ActionFailed and "conflict" in str(failed.value)
        influx.is_well = False
        with pytest.raises(TryAgain):
            await work.give({"m": "m", "v": 1})
        influx.is_well = True
        await work.give({"m": "m", "v": 1})
        assert work.resource.is_alive

    at(influx, scene)
    assert len(influx.points) == 1


def test_a_login_that_is_refused_may_be_mended(influx: InfluxDouble) -> None:
    async def scene(work: Work) -> None:
        with pytest.raises(TryAgain, match="401"):
            await work.give({"m": "m", "v": 1})

    at(influx, scene, token="another")


def test_a_server_is_looked_for(influx: InfluxDouble) -> None:
    async def probe(port: int) -> None:
        kind = RESOURCES[V2[0]]
        kind.make_ready()
        config = kind.checked({**V2[1], "port": port})
        await kind.probe(ResourceSpec("r", kind.name, config), Playbook().core)

    asyncio.run(probe(influx.port))
    with pytest.raises(ResourceDown):
        asyncio.run(probe(1))


@pytest.mark.parametrize(
    "body",
    ["m 1", "m v=", "m v=x 1", "m,t v=1 1", "m v=1", "m  v=1 1", 'm v="a"b" 1', "m,=a v=1 1"],
)
def test_the_double_takes_no_line_that_is_none(body: str) -> None:
    assert parsed(body) is None
