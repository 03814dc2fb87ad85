"""The resource `bridge_rabbit`: RabbitMQ, or another broker that speaks AMQP 0-9-1, over one connection.

A message counts as taken when the broker has confirmed it. Exchanges are declared before they are first published to,
on a channel of each its own, since a broker answers a mistake by closing the channel.

Source: docs of EMQX Enterprise 4.4, "Bridge data to RabbitMQ"; AMQP 0-9-1; rabbitmq.com, "Publisher Confirms".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from app.broker.core import BrokerCore
from app.config.kinds import duration
from app.rules.addresses import address_of, written
from app.rules.errors import ActionFailed, ResourceDown, TryAgain
from app.rules.params import Param, Words
from app.rules.resources.base import Resource, ResourceSpec, ResourceType
from app.rules.resources.kept_connection import KeptConnection
from app.rules.resources.tls import TLS_PARAMS, server_name, tls_context

if TYPE_CHECKING:
    import aiormq
    from aiormq.abc import AbstractChannel, AbstractConnection

DEFAULT_PORT = 5672
CLOSE_TIMEOUT_S = 2.0
EXCHANGES_MAX = 256
"""To each of which there is a channel; the one that was first used makes room for another."""
_PERSISTENT, _TRANSIENT = 2, 1
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Exchange:
    """What messages are published to."""

    name: str
    """Empty is the default exchange, which routes to the queue that has the routing key for a name."""
    type: str
    is_durable: bool


@dataclass(frozen=True, slots=True)
class AmqpMessage:
    """One message to publish."""

    routing_key: str
    body: bytes
    is_persistent: bool


class BridgeRabbit(KeptConnection):
    """A broker of AMQP 0-9-1."""

    def __init__(self, spec: ResourceSpec, core: BrokerCore) -> None:
        """Take the configuration.

        Raises:
            BadArguments: The address is none, or a file of TLS cannot be used.
        """
        super().__init__(spec, core)
        self._target = Target(spec.config)
        self._connection: AbstractConnection | None = None
        self._channels: dict[Exchange, AbstractChannel] = {}
        self._opening = asyncio.Lock()

    async def connect(self) -> None:
        """Connect and log in."""
        self._connection = await self._target.connect()

    async def stay(self) -> None:
        """Wait until the connection is closed; its heartbeat finds out where nobody says so."""
        if self._connection is not None:
            await asyncio.wait([self._connection.closing])

    async def hang_up(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        self._channels.clear()
        if connection is not None:
            await _close(connection)

    async def publish(
        self, exchange: Exchange, messages: Sequence[AmqpMessage]
    ) -> list[ActionFailed | None]:
        """Publish messages, and wait until the broker has confirmed each.

        Returns:
            None or what went wrong, for each of them.

        Raises:
            TryAgain: There is no connection.
            ActionFailed: There can be no such exchange.
        """
        async with self._opening:
            channel = await _told(self._channel(exchange))
        publishing = [_told(_publish(channel, exchange.name, one)) for one in messages]
        answers = await asyncio.gather(*publishing, return_exceptions=True)
        outcome: list[ActionFailed | None] = []
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, ActionFailed):
                raise answer
            outcome.append(answer if isinstance(answer, ActionFailed) else None)
        return outcome

    async def _channel(self, exchange: Exchange) -> AbstractChannel:
        channel = self._channels.get(exchange)
        if channel is not None and not channel.is_closed:
            return channel
        connection = self._connection
        if connection is None or connection.is_closed:
            raise TryAgain("there is no connection to the broker")
        channel = await connection.channel(publisher_confirms=True)
        if exchange.name:
            await channel.exchange_declare(
                exchange.name, exchange_type=exchange.type, durable=exchange.is_durable
            )
        self._channels[exchange] = channel
        if len(self._channels) > EXCHANGES_MAX:
            oldest = self._channels.pop(next(iter(self._channels)))
            await oldest.close()
        return channel


async def _publish(channel: AbstractChannel, exchange: str, message: AmqpMessage) -> None:
    from aiormq import spec  # loaded by `_load`

    await channel.basic_publish(
        message.body,
        exchange=exchange,
        routing_key=message.routing_key,
        properties=spec.Basic.Properties(
            delivery_mode=_PERSISTENT if message.is_persistent else _TRANSIENT
        ),
    )


async def _told(work: Coroutine[Any, Any, T]) -> T:
    """Do what may fail, and tell what may pass from what will not.

    Raises:
        TryAgain: It may go better the next time.
        ActionFailed: It will not.
    """
    import aiormq.exceptions as errors  # loaded by `_load`

    # A connection that closes cancels what waits for it, and who is not to be ended by that has to stand apart.
    answers: Sequence[T | BaseException] = await asyncio.gather(work, return_exceptions=True)
    answer = answers[0]
    if not isinstance(answer, BaseException):
        return answer
    refusals = (
        errors.ChannelNotFoundEntity,
        errors.ChannelPreconditionFailed,
        errors.ChannelAccessRefused,
    )
    if isinstance(answer, refusals):
        raise ActionFailed(f"the broker refuses: {_text(answer)}")
    if isinstance(answer, errors.DeliveryError):
        raise TryAgain("the broker did not take the message")
    if isinstance(answer, asyncio.CancelledError):
        raise TryAgain("the connection was closed")
    if isinstance(answer, errors.AMQPError | OSError | RuntimeError):
        raise TryAgain(_text(answer))
    raise answer


class Target:
    """Where to connect to, and as whom."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Take a configuration.

        Raises:
            BadArguments: The address is none, or a file of TLS cannot be used.
        """
        host, port = address_of(str(config["server"]), DEFAULT_PORT, "server")
        user = ":".join(quote(str(config[one]), safe="") for one in ("username", "password"))
        vhost = quote(str(config["virtual_host"]), safe="")
        self._tls = tls_context(config) if config["ssl"] else None
        self._server_name = server_name(config) or host
        self._timeout_s = duration(str(config["timeout"]))
        scheme = "amqps" if self._tls is not None else "amqp"
        heartbeat_s = max(1, round(duration(str(config["heartbeat"]))))
        self._url = f"{scheme}://{user}@{written(host, port)}/{vhost}?heartbeat={heartbeat_s}"

    async def connect(self) -> AbstractConnection:
        """Connect and log in.

        Raises:
            ResourceDown: It cannot be, and why.
        """
        import aiormq  # loaded by `_load`
        from aiormq.exceptions import AMQPError

        options: dict[str, Any] = {}
        if self._tls is not None:
            options = {"context": self._tls, "server_hostname": self._server_name}
        connection = aiormq.Connection(self._url, **options)
        try:
            async with asyncio.timeout(self._timeout_s):
                await connection.connect({"connection_name": "godwit"})
        except TimeoutError:
            await _close(connection)
            raise ResourceDown(f"no answer within {self._timeout_s:g} s") from None
        except (AMQPError, OSError, ValueError, RuntimeError) as error:
            await _close(connection)
            text = _text(error)
            if "Connection.Close" in text:
                # The library does not say what the broker said; it says so to nothing else than this.
                text = "the broker refuses the virtual host"
            raise ResourceDown(text) from None
        return connection


def _text(error: BaseException) -> str:
    """Return what a library's error says: the words that it was made of."""
    return " ".join(str(word) for word in error.args if word) or type(error).__name__


async def _close(connection: AbstractConnection | aiormq.Connection) -> None:
    # A broker that hangs is not waited for, and what goes wrong in parting is nobody's concern.
    with suppress(Exception):
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await connection.close()


async def probe(spec: ResourceSpec, core: BrokerCore) -> None:
    """Log in to the broker once.

    Raises:
        ResourceDown: It cannot be.
        BadArguments: The configuration cannot work.
    """
    del core
    await _close(await Target(spec.config).connect())


def _load() -> None:
    """Load the library: that takes longer than the loop may stand still."""
    import aiormq as _loaded  # noqa: F401

    # Whatever it logs, it raises too, and we say it once.
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)


def _make(spec: ResourceSpec, core: BrokerCore) -> Resource:
    return BridgeRabbit(spec, core)


PARAMS: tuple[Param, ...] = (
    Param(
        "server", "string", Words("RabbitMQ Server", "RabbitMQ 服务器"),
        Words("host:port of the broker.", "RabbitMQ 服务器地址，host:port"),
        required=True, default="127.0.0.1:5672", format="address",
    ),
    Param(
        "username", "string", Words("Username", "用户名"),
        Words("The user name that we connect with.", "连接使用的用户名"), default="guest",
    ),
    Param(
        "password", "password", Words("Password", "密码"),
        Words("The password that we connect with.", "连接使用的密码"), default="guest",
    ),
    Param(
        "virtual_host", "string", Words("Virtual Host", "虚拟主机"),
        Words("The virtual host that the exchanges are in.", "Exchange 所在的虚拟主机"), default="/",
    ),
    Param(
        "timeout", "string", Words("Connection Timeout", "连接超时时间"),
        Words("How long connecting may take, logging in included.", "建立连接（包含登录）的超时时间"),
        default="5s", format="duration",
    ),
    Param(
        "heartbeat", "string", Words("Heartbeat", "心跳间隔"),
        Words("After this time without a sign of life the connection is given up.", "心跳间隔"),
        default="30s", format="duration",
    ),
    Param(
        "ssl", "boolean", Words("Enable SSL", "启用 SSL"),
        Words("Whether the connection is encrypted.", "是否启用 TLS"), default=False,
    ),
    *TLS_PARAMS,
)  # fmt: skip

BRIDGE_RABBIT = ResourceType(
    "bridge_rabbit",
    "emqx_rule_engine",
    Words("RabbitMQ", "RabbitMQ"),
    Words("RabbitMQ, or another broker that speaks AMQP 0-9-1.", "RabbitMQ 消息队列（AMQP 0-9-1）"),
    PARAMS,
    _make,
    probe,
    _load,
)
