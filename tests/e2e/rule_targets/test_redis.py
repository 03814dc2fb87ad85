"""Results of rules in a real Redis: each command has its own answer, and an outage is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.rules.errors import ActionFailed, TryAgain
from tests.e2e.rule_targets.conftest import Work, play
from tests.harness.node import eventually
from tests.harness.ports import free_port
from tests.harness.redis_server import RedisProcess, SentinelProcess

PASSWORD = "s3cret"

pytestmark = pytest.mark.server("redis-server")


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisProcess]:
    with RedisProcess(tmp_path, "--requirepass", PASSWORD) as server:
        yield server


def at(
    server: RedisProcess, scene: Callable[[Work], Coroutine[Any, Any, None]], cmd: str, **more: Any
) -> None:
    config = {"server": server.address, "password": PASSWORD, **more}
    play(scene, ("backend_redis_single", config), ("data_to_redis", {"cmd": cmd}))


def test_values_are_words_whatever_is_in_them(redis: RedisProcess) -> None:
    evil = "x\r\nFLUSHALL\r\n"

    async def scene(work: Work) -> None:
        assert await work.give({"id": evil, "p": b"\x00\xff"}, {"id": "b", "p": {"a": 1}}) == [None, None]  # fmt: skip

    at(redis, scene, "HSET mqtt:${id} p ${p}")
    with redis.client() as client:
        assert client.hget(f"mqtt:{evil}", "p") == b"\x00\xff"
        assert client.hget("mqtt:b", "p") == b'{"a":1}'


def test_a_refused_command_takes_no_other_with_it(redis: RedisProcess) -> None:
    with redis.client() as client:
        client.set("text", "x")

    async def scene(work: Work) -> None:
        first, second, third = await work.give({"k": "a"}, {"k": "text"}, {"k": "b"}) or ()
        assert (first, third) == (None, None)
        assert type(second) is ActionFailed and "WRONGTYPE" in str(second)

    at(redis, scene, "RPUSH ${k} v")
    with redis.client() as client:
        assert client.llen("a") == client.llen("b") == 1


def test_a_server_that_may_only_be_read_or_is_full_is_tried_again(redis: RedisProcess) -> None:
    async def scene(work: Work) -> None:
        for name, value, well in (("maxmemory", "1", "0"), ("min-replicas-to-write", "1", "0")):
            with redis.client() as client:
                client.config_set(name, value)
            (failure,) = await work.give({"k": "a"}) or ()
            assert isinstance(failure, TryAgain), name
            with redis.client() as client:
                client.config_set(name, well)
        assert await work.give({"k": "a"}) == [None]

    at(redis, scene, "SET ${k} v")


def test_a_server_that_is_killed_is_waited_for(redis: RedisProcess) -> None:
    async def scene(work: Work) -> None:
        assert await work.give({"k": "a"}) == [None]
        redis.stop()
        with pytest.raises(TryAgain):
            await work.give({"k": "b"})
        assert not work.resource.is_alive
        await asyncio.get_running_loop().run_in_executor(None, redis.start)
        assert await work.give({"k": "b"}) == [None]
        assert work.resource.is_alive

    at(redis, scene, "SET ${k} v")
    with redis.client() as client:
        assert client.keys() == [b"b"]


def test_sentinels_say_which_server_it_is(tmp_path: Path) -> None:
    async def scene(work: Work) -> None:
        assert await work.give({"k": "a"}) == [None]

    with RedisProcess(tmp_path) as master, SentinelProcess(tmp_path, master) as sentinel:
        config = {"servers": f"127.0.0.1:1, {sentinel.address}", "sentinel": "mymaster"}
        play(scene, ("backend_redis_sentinel", config), ("data_to_redis", {"cmd": "SET ${k} v"}))
        with master.client() as client:
            assert client.get("a") == b"v"


def test_a_cluster_is_written_to_where_each_key_is(tmp_path: Path) -> None:
    async def scene(work: Work) -> None:
        keys = [{"k": f"k{n}"} for n in range(20)]
        assert await work.give(*keys) == [None] * 20

    bus = ("--cluster-port", str(free_port()))
    with RedisProcess(tmp_path, "--cluster-enabled", "yes", *bus) as node:
        with node.client() as client:
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16_383)
            eventually(lambda: client.cluster("info")["cluster_state"] == "ok", "a cluster")
        config = {"servers": node.address}
        play(scene, ("backend_redis_cluster", config), ("data_to_redis", {"cmd": "SET ${k} v"}))
        with node.client() as client:
            assert client.dbsize() == 20
