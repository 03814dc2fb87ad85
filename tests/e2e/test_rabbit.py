"""Rules that publish to a real RabbitMQ, started without privileges in a temporary folder."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import aiormq
import pytest
import uvloop
from aiormq.abc import AbstractChannel

from app.rules.errors import ResourceDown
from tests.harness.certificates import Authority
from tests.harness.ports import free_port
from tests.harness.rabbit_servers import RabbitProcess
from tests.harness.working_rules import WorkingRules, play, probe, until

KIND = "bridge_rabbit"
ACTION = "data_to_rabbit"
pytestmark = pytest.mark.xdist_group("rabbit")


@pytest.fixture(scope="module")
def secure_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority, secure_port: int
) -> Iterator[RabbitProcess]:
    pair = authority.issue("localhost")
    settings = (
        f"listeners.ssl.1 = 127.0.0.1:{secure_port}\n"
        f"ssl_options.cacertfile = {authority.certfile}\n"
        f"ssl_options.certfile = {pair.certfile}\nssl_options.keyfile = {pair.keyfile}\n"
    )
    with RabbitProcess(tmp_path_factory.mktemp("rabbit"), settings) as process:
        yield process


def asked(server: RabbitProcess, do: Callable[[AbstractChannel], Coroutine[Any, Any, Any]]) -> Any:
    """Return what a client of the test's own is answered."""

    async def run() -> Any:
        connection = await aiormq.connect(f"amqp://guest:guest@{server.address}/")
        try:
            return await do(await connection.channel())
        finally:
            await connection.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())


def a_queue(server: RabbitProcess, name: str, exchange: str, key: str, **more: Any) -> None:
    async def make(channel: AbstractChannel) -> None:
        await channel.exchange_declare(exchange, exchange_type="topic", durable=True)
        await channel.queue_declare(name, durable=True, arguments=more)
        await channel.queue_bind(name, exchange, key)

    asked(server, make)


def taken_from(server: RabbitProcess, name: str) -> list[Any]:
    async def take(channel: AbstractChannel) -> list[Any]:
        found = []
        while (message := await channel.basic_get(name, no_ack=True)).delivery_tag:
            found.append(message)
        return found

    got: list[Any] = asked(server, take)
    return got


def config(server: RabbitProcess, **more: Any) -> dict[str, Any]:
    return {"server": server.address, **more}


def test_a_result_becomes_a_message_of_an_exchange(server: RabbitProcess) -> None:
    a_queue(server, "q1", "e1", "of.#")
    params = {
        "exchange": "e1",
        "durable": True,
        "routing_key": "of.${clientid}",
        "payload_tmpl": "${payload}",
    }

    async def scene(rules: WorkingRules) -> None:
        await until(lambda: rules.is_alive)
        for number in range(300):
            rules.publish("t", b"%d \xff" % number)
        await rules.settled(300)
        assert (rules.figures.success, rules.figures.failed) == (300, 0)

    play(KIND, config(server), (ACTION, params), scene)
    got = taken_from(server, "q1")
    assert [one.body for one in got] == [b"%d \xff" % number for number in range(300)]
    assert got[0].delivery.routing_key == "of.publisher"
    assert got[0].header.properties.delivery_mode == 2


def test_an_exchange_that_is_not_there_is_made(server: RabbitProcess) -> None:
    async def scene(rules: WorkingRules) -> None:
        rules.publish("t", b"x")
        await rules.settled(1)
        assert rules.figures.success == 1

    params = {"exchange": "made", "exchange_type": "fanout"}
    play(KIND, config(server), (ACTION, params), scene)
    asked(server, lambda channel: channel.exchange_declare("made", exchange_type="fanout"))


def test_the_default_exchange_reaches_a_queue_by_its_name(server: RabbitProcess) -> None:
    a_queue(server, "q2", "e2", "#")

    async def scene(rules: WorkingRules) -> None:
        rules.publish("q2", b"x")
        await rules.settled(1)

    params = {"exchange": "", "routing_key": "${topic}", "payload_tmpl": "${payload}"}
    play(KIND, config(server), (ACTION, params), scene)
    assert [one.body for one in taken_from(server, "q2")] == [b"x"]


def test_what_can_never_be_taken_is_given_up(server: RabbitProcess) -> None:
    a_queue(server, "q3", "e3", "#")

    async def scene(rules: WorkingRules) -> None:
        await until(lambda: rules.is_alive)
        rules.publish("t", b"x")
        rules.publish("t", b"y")
        await rules.settled(2)
        figures = rules.figures
        assert (figures.success, figures.failed, figures.retried) == (0, 2, 0)
        assert rules.is_alive

    # It is durable, and a topic exchange.
    wrong = {"exchange": "e3", "exchange_type": "fanout", "durable": False}
    play(KIND, config(server), (ACTION, wrong), scene)
    play(KIND, config(server), (ACTION, {"routing_key": "k" * 256}), scene)


def test_a_message_that_the_broker_does_not_confirm_is_tried_again(server: RabbitProcess) -> None:
    a_queue(server, "full", "e4", "#", **{"x-max-length": 1, "x-overflow": "reject-publish"})

    async def scene(rules: WorkingRules) -> None:
        await until(lambda: rules.is_alive)
        rules.publish("t", b"1")
        await rules.settled(1)
        rules.publish("t", b"2")
        await until(lambda: rules.figures.retried >= 2)
        connection = await aiormq.connect(f"amqp://guest:guest@{server.address}/")
        channel = await connection.channel()
        await channel.basic_get("full", no_ack=True)
        await rules.settled(2)
        assert (rules.figures.success, rules.figures.failed) == (2, 0)
        await connection.close()

    params = {"exchange": "e4", "durable": True, "payload_tmpl": "${payload}"}
    play(KIND, config(server), (ACTION, params), scene)
    assert [one.body for one in taken_from(server, "full")] == [b"2"]


def test_logins_and_certificates_are_checked(
    server: RabbitProcess, authority: Authority, secure_port: int, tmp_path: Path
) -> None:
    probe(KIND, config(server))
    with pytest.raises(ResourceDown, match="ACCESS_REFUSED"):
        probe(KIND, config(server, password="p@ss/wrong"))
    with pytest.raises(ResourceDown, match="virtual host"):
        probe(KIND, config(server, virtual_host="/nobody's"))
    with pytest.raises(ResourceDown):
        probe(KIND, {"server": f"127.0.0.1:{free_port()}"})
    secure = {
        "server": f"127.0.0.1:{secure_port}",
        "ssl": True,
        "verify": True,
        "cacertfile": str(authority.certfile),
    }
    probe(KIND, secure)
    stranger = Authority(tmp_path, "other")
    with pytest.raises(ResourceDown, match="certificate verify failed"):
        probe(KIND, {**secure, "cacertfile": str(stranger.certfile)})


def test_a_broker_that_is_killed_and_comes_back_gets_everything_in_order(
    server: RabbitProcess,
) -> None:
    a_queue(server, "kept", "e5", "#")
    params = {
        "exchange": "e5",
        "durable": True,
        "payload_tmpl": "${payload}",
        "order_by": "${clientid}",
    }

    async def scene(rules: WorkingRules) -> None:
        await until(lambda: rules.is_alive)
        for number in range(150):
            rules.publish("t", b"%d" % number)
        await rules.settled(50)
        server.stop()
        await until(lambda: not rules.is_alive)
        for number in range(150, 200):
            rules.publish("t", b"%d" % number)
        await asyncio.get_running_loop().run_in_executor(None, server.start)
        await rules.settled(200)
        assert (rules.figures.success, rules.figures.failed) == (200, 0)

    play(KIND, config(server), (ACTION, params), scene)
    bodies = [int(one.body) for one in taken_from(server, "kept")]
    firsts = list(dict.fromkeys(bodies))
    assert firsts == list(range(200))
