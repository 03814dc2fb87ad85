"""The resource `bridge_kafka`: a Kafka cluster, by one producer for each kind of acknowledgement that is asked for.

The library keeps the connections to the brokers, finds the leaders of partitions and sends one request at a time to
each partition, so that records stay in order while it tries again. What it gives up after `sync_timeout` is ours to
try again.

Source: docs of EMQX Enterprise 4.4, "Bridge data to Kafka".
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.broker.core import BrokerCore
from app.config.kinds import duration
from app.rules.addresses import addresses_of, written
from app.rules.errors import ActionFailed, BadArguments, ResourceDown, TryAgain
from app.rules.params import Param, Words
from app.rules.resources.base import Resource, ResourceSpec, ResourceType
from app.rules.resources.tls import TLS_PARAMS, tls_context

if TYPE_CHECKING:
    from aiokafka import AIOKafkaProducer

DEFAULT_PORT = 9092
BATCH_MAX_BYTES = 900_000
"""Of the records of one partition in a request, as EMQX has it; brokers take a mebibyte unless they are told more."""
REQUEST_MAX_BYTES = 1_048_576
NO_LOGIN = "NONE"
MECHANISMS = {
    "PLAIN": "PLAIN",
    "SCRAM_SHA_256": "SCRAM-SHA-256",
    "SCRAM_SHA_512": "SCRAM-SHA-512",
}
COMPRESSIONS = {"no_compression": None, "snappy": "snappy", "gzip": "gzip", "lz4": "lz4", "zstd": "zstd"}  # fmt: skip
ACKS: Mapping[str, int | str] = {"all_isr": "all", "leader_only": 1, "none": 0}


@dataclass(frozen=True, slots=True)
class Record:
    """One record to be written."""

    topic: str
    value: bytes
    key: bytes | None
    has_key_for_partition: bool
    """Whether the key says which partition it goes to; otherwise chance does."""


class BridgeKafka(Resource):
    """A Kafka cluster."""

    def __init__(self, spec: ResourceSpec, core: BrokerCore) -> None:
        """Take the configuration.

        Raises:
            BadArguments: The addresses are none, or a file of TLS cannot be used.
        """
        super().__init__(spec, core)
        self._timeout_s = duration(str(spec.config["sync_timeout"]))
        self._options = options_of(spec.config)
        self._producers: dict[str, AIOKafkaProducer] = {}
        self._starting = asyncio.Lock()

    def start(self) -> None:
        """Begin to look for the cluster."""
        self.run(self.keep_checked(lambda: probe(self.spec, self.core)))

    def close(self) -> None:
        """Let go of the cluster; what is under way may still arrive."""
        super().close()
        self.run(self._stop_all())

    async def _stop_all(self) -> None:
        # Behind one that is being started.
        async with self._starting:
            producers, self._producers = self._producers, {}
        for producer in producers.values():
            await _stop(producer)

    async def send(self, records: Sequence[Record], acks: str) -> list[ActionFailed | None]:
        """Have records written, and wait until they are as safe as is asked.

        Args:
            records: In their order.
            acks: Who has to have them, a key of `ACKS`.

        Returns:
            None or what went wrong, for each of them.

        Raises:
            TryAgain: No broker of the cluster can be reached.
        """
        producer = await self._producer(acks)
        outcome: list[ActionFailed | None] = []
        written: dict[int, asyncio.Future[Any]] = {}
        for number, record in enumerate(records):
            try:
                written[number] = await _begin(producer, record)
            except ActionFailed as error:
                outcome.append(error)
                if isinstance(error, TryAgain):
                    # The cluster is not to be asked for each of the others, too.
                    outcome += [error] * (len(records) - number - 1)
                    break
            else:
                outcome.append(None)
        if written:
            await asyncio.wait(written.values(), timeout=3 * self._timeout_s)
        for number, answer in written.items():
            outcome[number] = _failure_in(answer)
        return outcome

    async def _producer(self, acks: str) -> AIOKafkaProducer:
        from aiokafka import AIOKafkaProducer
        from aiokafka.errors import KafkaError

        async with self._starting:
            producer = self._producers.get(acks)
            if producer is not None:
                return producer
            if self._is_closed:
                raise TryAgain("the resource is closed")
            producer = AIOKafkaProducer(
                **self._options,
                acks=ACKS[acks],
                compression_type=COMPRESSIONS[self.spec.config["compression"]],
                max_batch_size=BATCH_MAX_BYTES,
                max_request_size=REQUEST_MAX_BYTES,
            )
            try:
                await producer.start()
            except (KafkaError, OSError, TimeoutError) as error:
                await _stop(producer)
                raise TryAgain(_text(error)) from None
            except BaseException:
                await _stop(producer)
                raise
            self._producers[acks] = producer
            return producer


async def _begin(producer: AIOKafkaProducer, record: Record) -> asyncio.Future[Any]:
    """Hand a record over; raises `TryAgain` or `ActionFailed`."""
    from aiokafka.errors import KafkaError

    partition: int | None = None
    try:
        if record.key is not None and not record.has_key_for_partition:
            partitions = sorted(await producer.partitions_for(record.topic))
            partition = random.choice(partitions)  # noqa: S311 - a load balancer needs no secrecy
        answer: asyncio.Future[Any] = await producer.send(
            record.topic, record.value, record.key, partition
        )
    except (KafkaError, OSError, TimeoutError) as error:
        raise _failure(error) from None
    # Whoever handed it over may have been ended before the answer comes.
    answer.add_done_callback(_heard)
    return answer


def _heard(answer: asyncio.Future[Any]) -> None:
    if not answer.cancelled():
        answer.exception()


def _failure_in(answer: asyncio.Future[Any]) -> ActionFailed | None:
    if not answer.done() or answer.cancelled():
        return TryAgain("the cluster did not acknowledge the record in time")
    error = answer.exception()
    return None if error is None else _failure(error)


def _failure(error: BaseException) -> ActionFailed:
    """Tell what may pass from what will not."""
    from aiokafka import errors

    passing = (
        errors.KafkaTimeoutError,
        errors.KafkaConnectionError,
        errors.ProducerClosed,
        errors.UnknownError,
        OSError,
    )
    may_pass = isinstance(error, passing) or getattr(error, "retriable", False)
    return (TryAgain if may_pass else ActionFailed)(_text(error))


def _text(error: BaseException) -> str:
    text = str(error)
    name = type(error).__name__
    return text if name in text else f"{name}: {text}".rstrip(": ")


async def _stop(producer: AIOKafkaProducer) -> None:
    # What goes wrong in parting is nobody's concern.
    with suppress(Exception):
        await producer.stop()


def options_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a client of the library is made with.

    Raises:
        BadArguments: The addresses are none, or a file of TLS cannot be used.
    """
    servers = addresses_of(str(config["servers"]), DEFAULT_PORT, "servers")
    mechanism = config["authentication_mechanism"]
    has_login = mechanism != NO_LOGIN
    if has_login and not (config["username"] and config["password"]):
        raise BadArguments('{required_field_missing,<<"username">>}')
    transport = "SSL" if config["ssl"] else "PLAINTEXT"
    options: dict[str, Any] = {
        "bootstrap_servers": [written(host, port) for host, port in servers],
        "client_id": "godwit",
        "request_timeout_ms": round(1_000 * duration(str(config["sync_timeout"]))),
        "security_protocol": f"SASL_{transport}" if has_login else transport,
    }
    if config["ssl"]:
        options["ssl_context"] = tls_context(config)
    if has_login:
        options["sasl_mechanism"] = MECHANISMS[mechanism]
        options["sasl_plain_username"] = str(config["username"])
        options["sasl_plain_password"] = str(config["password"])
    return options


async def probe(spec: ResourceSpec, core: BrokerCore) -> None:
    """Ask the cluster once who belongs to it.

    Raises:
        ResourceDown: None of the servers answers, or the login is refused.
        BadArguments: The configuration cannot work.
    """
    del core
    from aiokafka.client import AIOKafkaClient
    from aiokafka.errors import KafkaError

    client = AIOKafkaClient(**options_of(spec.config))
    try:
        await client.bootstrap()
    except (KafkaError, OSError, TimeoutError) as error:
        raise ResourceDown(_text(error)) from None
    finally:
        await client.close()


def _load() -> None:
    """Load the library: that takes longer than the loop may stand still."""
    import aiokafka as _loaded  # noqa: F401

    # Whatever it logs, it raises too, and we say it once.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def _make(spec: ResourceSpec, core: BrokerCore) -> Resource:
    return BridgeKafka(spec, core)


PARAMS: tuple[Param, ...] = (
    Param(
        "servers", "string", Words("Kafka Server", "Kafka 服务器"),
        Words(
            "host:port of some brokers of the cluster, separated by commas; they name the others.",
            "Kafka 集群中部分 Broker 的地址，host:port，多个以逗号分隔",
        ),
        required=True, default="127.0.0.1:9092", format="addresses",
    ),
    Param(
        "authentication_mechanism", "string", Words("Authentication Mechanism", "认证机制"),
        Words("How we log in.", "认证机制"), default=NO_LOGIN, enum=(NO_LOGIN, *MECHANISMS),
    ),
    Param(
        "username", "string", Words("Username", "用户名"),
        Words("The user name that we log in with.", "登录用户名"), default="",
    ),
    Param(
        "password", "password", Words("Password", "密码"),
        Words("The password that we log in with.", "登录密码"), default="",
    ),
    Param(
        "sync_timeout", "string", Words("Sync Produce Timeout", "同步写超时时间"),
        Words(
            "How long the cluster may take to acknowledge a record, other brokers being tried included.",
            "等待集群确认的时间，包含重试其他 Broker 的时间",
        ),
        default="3s", format="duration",
    ),
    Param(
        "compression", "string", Words("Compression", "压缩"),
        Words("How records are compressed on the way and in the cluster.", "消息压缩方式"),
        default="no_compression", enum=tuple(COMPRESSIONS),
    ),
    Param(
        "ssl", "boolean", Words("Enable SSL", "启用 SSL"),
        Words("Whether connections are encrypted.", "是否启用 TLS"), default=False,
    ),
    # Each broker of a cluster has a name of its own: no one name could stand for all.
    *(param for param in TLS_PARAMS if param.name != "server_name_indication"),
)  # fmt: skip

BRIDGE_KAFKA = ResourceType(
    "bridge_kafka",
    "emqx_rule_engine",
    Words("Kafka", "Kafka"),
    Words("A Kafka cluster.", "Kafka 集群"),
    PARAMS,
    _make,
    probe,
    _load,
)
