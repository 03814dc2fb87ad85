"""Our NATS client, in front of a server that says what the test has it say."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from app.rules.errors import ActionFailed, ResourceDown, TryAgain
from app.rules.resources.nats_client import (
    LINE_MAX_LENGTH,
    NatsClient,
    NatsMessage,
    NatsOptions,
)

INFO = b'INFO {"headers": true, "max_payload": 100}\r\n'


class Peer(asyncio.Transport):
    """The server: it keeps what it is sent, and answers PING unless it is told not to."""

    def __init__(self, greeting: bytes = INFO) -> None:
        super().__init__()
        self.greeting = greeting
        self.said = b""
        self.answers_ping = True
        self.is_open = True
        self._line: Any = None

    async def open(self, factory: Callable[[], Any], *_where: object, **_tls: object) -> None:
        self._line = factory()
        self._line.connection_made(self)
        self.sends(self.greeting)

    def write(self, data: Any) -> None:
        self.said += data
        if self.answers_ping and data.endswith(b"PING\r\n"):
            self.sends(b"PONG\r\n")

    def sends(self, data: bytes) -> None:
        self._line.data_received(data)

    def abort(self) -> None:
        self.is_open = False


def play(
    scene: Callable[[Peer, NatsClient], Coroutine[Any, Any, None]],
    greeting: bytes = INFO,
    **options: Any,
) -> None:
    async def run() -> None:
        peer = Peer(greeting)
        loop = asyncio.get_running_loop()
        loop.create_connection = peer.open  # type: ignore[method-assign, assignment]
        await scene(peer, NatsClient(NatsOptions((("h", 1),), **options)))

    asyncio.run(run())


def test_credentials_are_not_said_to_a_server_without_tls_where_tls_is_wanted() -> None:
    async def scene(peer: Peer, client: NatsClient) -> None:
        with pytest.raises(ResourceDown, match="no TLS"):
            await client.connect()
        assert (peer.said, peer.is_open) == (b"", False)

    play(scene, tls=ssl.create_default_context(), username="u", password="p")


def test_what_comes_in_pieces_is_understood() -> None:
    async def scene(peer: Peer, client: NatsClient) -> None:
        await client.connect()
        answer = await client.request(NatsMessage("s", b"x"))
        inbox = peer.said.split(b"PUB s ")[1].split()[0]
        for byte in b"MSG " + inbox + b" 1 5\r\nab\r\nc\r\nPING\r\n":
            peer.sends(bytes([byte]))
        assert await answer == b"ab\r\nc"
        assert peer.said.endswith(b"PONG\r\n")

    play(scene)


def test_headers_and_payload_count_against_what_the_server_takes() -> None:
    async def scene(_peer: Peer, client: NatsClient) -> None:
        await client.connect()
        await client.publish(NatsMessage("s", b"x" * 100))
        for message in (NatsMessage("s", b"x" * 101), NatsMessage("s", b"x" * 90, b"a: b\r\n")):
            with pytest.raises(ActionFailed, match="no message of 10"):
                await client.publish(message)

    play(scene)


def test_a_server_without_headers_gets_none() -> None:
    async def scene(_peer: Peer, client: NatsClient) -> None:
        await client.connect()
        with pytest.raises(ActionFailed, match="no headers"):
            await client.publish(NatsMessage("s", b"x", b"a: b\r\n"))

    play(scene, b"INFO {}\r\n")


@pytest.mark.parametrize(
    "rubbish",
    [b"MSG a 1 -1\r\n", b"HMSG a 1 5 4\r\n", b"MSG a 1 x\r\n", b"INFO []\r\n", b"INFO {\r\n", b"x" * LINE_MAX_LENGTH],
)  # fmt: skip
def test_rubbish_ends_the_connection_and_everybody_who_waits_hears_of_it(rubbish: bytes) -> None:
    async def scene(peer: Peer, client: NatsClient) -> None:
        await client.connect()
        answer = await client.request(NatsMessage("s", b"x"))
        peer.sends(rubbish)
        assert client.lost.is_set()
        assert not peer.is_open
        with pytest.raises(TryAgain, match="rubbish"):
            await answer
        for late in (client.flush, lambda: client.publish(NatsMessage("s", b"x"))):
            with pytest.raises(TryAgain):
                await late()

    play(scene)


def test_a_server_that_reads_slowly_holds_messages_back() -> None:
    async def scene(peer: Peer, client: NatsClient) -> None:
        await client.connect()
        client.pause_writing()
        task = asyncio.get_running_loop().create_task(client.publish(NatsMessage("s", b"late")))
        for _ in range(5):
            await asyncio.sleep(0)
        assert b"late" not in peer.said
        client.resume_writing()
        await task
        assert b"late" in peer.said

    play(scene)


def test_who_waits_no_longer_leaves_nothing_behind() -> None:
    async def scene(peer: Peer, client: NatsClient) -> None:
        await client.connect()
        answer = await client.request(NatsMessage("s", b"x"))
        answer.cancel()
        await asyncio.sleep(0)
        assert client._requests == {}
        peer.answers_ping = False
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await client.flush()
        peer.sends(b"PONG\r\nPONG\r\n")
        assert not client.lost.is_set()

    play(scene)
