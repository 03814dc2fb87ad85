"""The resource `bridge_nats`: a NATS server, or a cluster of them.

It is an addition to EMQX's resources; its parameters are worded as theirs are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import orjson

from app.broker.core import BrokerCore
from app.rules.addresses import addresses_of
from app.rules.errors import ActionFailed, BadArguments, TryAgain
from app.rules.params import Param, Words
from app.rules.resources.base import Resource, ResourceSpec, ResourceType
from app.rules.resources.kept_connection import KeptConnection
from app.rules.resources.nats_client import NatsClient, NatsMessage, NatsOptions
from app.rules.resources.nkey import Nkey
from app.rules.resources.tls import TLS_PARAMS, server_name, tls_context

DEFAULT_PORT = 4222
PING_EVERY_S = 20.0
PING_TIMEOUT_S = 10.0


class BridgeNats(KeptConnection):
    """A NATS server."""

    def __init__(self, spec: ResourceSpec, core: BrokerCore) -> None:
        """Take the configuration.

        Raises:
            BadArguments: The addresses are none, or a file of TLS or the seed cannot be used.
        """
        super().__init__(spec, core)
        self._options = options_of(spec.config)
        self._client: NatsClient | None = None

    async def connect(self) -> None:
        """Connect and log in."""
        client = NatsClient(self._options)
        await client.connect()
        self._client = client

    async def stay(self) -> None:
        """Ask for a sign of life now and then, until there is none."""
        client = self._client
        if client is None:
            return
        try:
            while not client.lost.is_set():
                async with asyncio.timeout(PING_TIMEOUT_S):
                    await client.flush()
                with suppress(TimeoutError):
                    async with asyncio.timeout(PING_EVERY_S):
                        await client.lost.wait()
        except (TryAgain, TimeoutError):
            return

    async def hang_up(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    async def publish(self, messages: Sequence[NatsMessage]) -> list[ActionFailed | None]:
        """Publish messages, and wait until the server has taken them; who listens is not asked.

        Returns:
            None or what went wrong, for each of them.

        Raises:
            TryAgain: There is no connection, or it was lost before the server had said that it took them.
        """
        client = self._connected()
        before = client.refusals
        outcome: list[ActionFailed | None] = []
        for message in messages:
            try:
                await client.publish(message)
            except TryAgain:
                raise
            except ActionFailed as error:
                outcome.append(error)
            else:
                outcome.append(None)
        await client.flush()
        return [
            ActionFailed(f"the server refuses messages to {message.subject}")
            if failure is None and client.denied.get(message.subject, 0) > before
            else failure
            for message, failure in zip(messages, outcome, strict=True)
        ]

    async def store(
        self, messages: Sequence[NatsMessage], timeout_s: float
    ) -> list[ActionFailed | None]:
        """Publish messages to streams of JetStream, and wait until each has been acknowledged.

        Args:
            messages: In their order.
            timeout_s: How long acknowledgements may take.

        Returns:
            None or what went wrong, for each of them.

        Raises:
            TryAgain: There is no connection.
        """
        client = self._connected()
        outcome: list[ActionFailed | None] = [None] * len(messages)
        answers: dict[int, asyncio.Future[bytes]] = {}
        try:
            for number, message in enumerate(messages):
                try:
                    answers[number] = await client.request(message)
                except ActionFailed as error:
                    outcome[number] = error
            if answers:
                await asyncio.wait(answers.values(), timeout=timeout_s)
            for number, answer in answers.items():
                outcome[number] = _failure_in(answer)
        finally:
            for answer in answers.values():
                answer.cancel()
        return outcome

    def _connected(self) -> NatsClient:
        if self._client is None or self._client.lost.is_set():
            raise TryAgain("there is no connection to the NATS server")
        return self._client


def _failure_in(answer: asyncio.Future[bytes]) -> ActionFailed | None:
    """Return what a stream says against a message."""
    if not answer.done():
        return TryAgain("the stream did not acknowledge the message in time")
    error = answer.exception()
    if error is not None:
        return error if isinstance(error, ActionFailed) else TryAgain(str(error))
    try:
        said = orjson.loads(answer.result())
        problem = said.get("error")
        if problem is None and "seq" in said:
            return None
        code, text = int(problem["code"]), str(problem.get("description", ""))
    except (ValueError, TypeError, AttributeError, KeyError):
        # Somebody else listens there, and answers what he likes.
        return ActionFailed("the answer is not a stream's: is there one for this subject?")
    kind = TryAgain if code >= 500 or code in (408, 429) else ActionFailed
    return kind(f"the stream refuses the message: {text} ({code})")


def options_of(config: Mapping[str, Any]) -> NatsOptions:
    """Return what is connected with.

    Raises:
        BadArguments: The addresses are none, or a file of TLS or the seed cannot be used.
    """
    seed = str(config["nkey_seed"])
    try:
        nkey = Nkey(seed) if seed else None
    except ValueError:
        raise BadArguments('{invalid_data_type,<<"nkey_seed">>,{seed}}') from None
    return NatsOptions(
        addresses_of(str(config["servers"]), DEFAULT_PORT, "servers"),
        tls_context(config) if config["ssl"] else None,
        server_name(config),
        str(config["username"]),
        str(config["password"]),
        str(config["token"]),
        nkey,
    )


async def probe(spec: ResourceSpec, core: BrokerCore) -> None:
    """Log in to a server once.

    Raises:
        ResourceDown: It cannot be.
        BadArguments: The configuration cannot work.
    """
    del core
    client = NatsClient(options_of(spec.config))
    try:
        await client.connect()
    finally:
        client.close()


PARAMS: tuple[Param, ...] = (
    Param(
        "servers", "string", Words("NATS Servers", "NATS 服务器"),
        Words(
            "host:port of the servers of one cluster, separated by commas.",
            "NATS 服务器地址，host:port，多个以逗号分隔",
        ),
        required=True, default="127.0.0.1:4222", format="addresses",
    ),
    Param(
        "username", "string", Words("Username", "用户名"),
        Words("The user name that we connect with.", "连接使用的用户名"), default="",
    ),
    Param(
        "password", "password", Words("Password", "密码"),
        Words("The password that we connect with.", "连接使用的密码"), default="",
    ),
    Param(
        "token", "password", Words("Token", "令牌"),
        Words("The token that we connect with, where the servers ask for one.", "连接使用的令牌"),
        default="",
    ),
    Param(
        "nkey_seed", "password", Words("NKey Seed", "NKey 种子"),
        Words("The seed of the user's NKey, where the servers ask for one.", "用户 NKey 的种子"),
        default="",
    ),
    Param(
        "ssl", "boolean", Words("Enable SSL", "启用 SSL"),
        Words(
            "Whether the connection is encrypted; a server that offers no TLS is refused then.",
            "是否启用 TLS；启用后拒绝不提供 TLS 的服务器",
        ),
        default=False,
    ),
    *TLS_PARAMS,
)  # fmt: skip


def _make(spec: ResourceSpec, core: BrokerCore) -> Resource:
    return BridgeNats(spec, core)


BRIDGE_NATS = ResourceType(
    "bridge_nats",
    "emqx_rule_engine",
    Words("NATS", "NATS"),
    Words("A NATS server or cluster.", "NATS 服务器或集群"),
    PARAMS,
    _make,
    probe,
)
