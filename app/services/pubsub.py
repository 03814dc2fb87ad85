"""Publishing, subscribing and unsubscribing on behalf of API callers.

What a request says is read and checked here, member by member, before anything reaches a node; a command that gets
through cannot fail on the loop. Source: seed 004, POST /api/v4/mqtt/publish and its siblings; order of checks as in
EMQX 4.4's `emqx_mgmt_api_pubsub`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TypeVar

from app.errors import ResultCode, ServiceError
from app.mqtt.topic import InvalidTopic, split_share, validate_topic_filter, validate_topic_name
from app.node.proxy import Nodes, PublishCommand, SubscribeCommand
from app.services.message_fields import bad_params, payload_of, properties_of

Params = Mapping[str, object]

T = TypeVar("T")
C = TypeVar("C", "_Subscribing", "_Unsubscribing")

_QOS: dict[object, int] = {0: 0, 1: 1, 2: 2, "0": 0, "1": 1, "2": 2}
"""A query string, which may override the body, has only text to say a number with."""


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a publish call."""

    msgids: list[str]
    several: bool
    """Whether the caller asked for several topics, and so expects several ids."""
    wanted: bool
    """Whether the caller asked for the ids (`return`)."""


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What became of one item of a batch; the item's own words are repeated."""

    code: ResultCode
    topic: str = ""
    clientid: str | None = None
    malformed: bool = False


@dataclass(frozen=True, slots=True)
class _Subscribing:
    clientid: str
    filters: list[SubscribeCommand]


@dataclass(frozen=True, slots=True)
class _Unsubscribing:
    clientid: str
    topic_filter: str


class PubSubService:
    """Messages and subscriptions made by the API."""

    def __init__(self, nodes: Nodes) -> None:
        """Act on these nodes."""
        self._nodes = nodes

    def publish(self, params: Params) -> Published:
        """Publish one payload to one topic or more.

        Raises:
            ServiceError: 108 for what cannot be read, 115 where no valid topic is left, 116 for a bad QoS.
        """
        msgids = self._nodes.local.publish(_publish_commands(params))
        several = "topic" not in params or len(msgids) > 1
        return Published(msgids, several=several, wanted="return" in params)

    def subscribe(self, params: Params) -> None:
        """Subscribe a connected client.

        Raises:
            ServiceError: 108 for a bad client id, 115 where no valid filter is left, 116, 112 for an unknown client.
        """
        if not self._subscribe(_subscribing(params)):
            raise _channel_not_found()

    def unsubscribe(self, params: Params) -> None:
        """Unsubscribe a client from one filter, commas and all.

        Raises:
            ServiceError: 108 for a bad client id, 115 for a bad filter, 112 for an unknown client.
        """
        asked = _unsubscribing(params)
        if not self._unsubscribe(asked.clientid, [asked.topic_filter]):
            raise _channel_not_found()

    def publish_batch(self, items: object) -> list[ItemResult]:
        """Publish a list of messages in one go, in order.

        Raises:
            ServiceError: The body is no list (108).
        """
        commands: list[PublishCommand] = []
        results = []
        for item in _items(items):
            asked, result = _read(item, _publish_commands)
            commands += asked or ()
            results.append(result)
        if commands:
            self._nodes.local.publish(commands)
        return results

    def subscribe_batch(self, items: object) -> list[ItemResult]:
        """Subscribe clients, item by item; neighbours that name the same client go together.

        Raises:
            ServiceError: The body is no list (108).
        """
        read = [_read(item, _subscribing) for item in _items(items)]
        return _in_runs(
            read,
            lambda clientid, run: self._subscribe(
                _Subscribing(clientid, [one for asked in run for one in asked.filters])
            ),
        )

    def unsubscribe_batch(self, items: object) -> list[ItemResult]:
        """Unsubscribe clients, item by item; neighbours that name the same client go together.

        Raises:
            ServiceError: The body is no list (108).
        """
        read = [_read(item, _unsubscribing) for item in _items(items)]
        return _in_runs(
            read,
            lambda clientid, run: self._unsubscribe(
                clientid, [asked.topic_filter for asked in run]
            ),
        )

    # EMQ 2 takes one topic at a time, commas and all, and has words of its own for what is wrong with it.

    def publish_one(self, message: PublishCommand) -> None:
        """Publish one message.

        Raises:
            ServiceError: Its topic is none (115).
        """
        if not _is_topic_name(message.topic):
            raise ServiceError(ResultCode.BAD_TOPIC)
        self._nodes.local.publish([message])

    def subscribe_one(self, clientid: str, wanted: SubscribeCommand) -> bool:
        """Subscribe a client to one filter; False where nobody knows it.

        Raises:
            ServiceError: The filter is none (115).
        """
        if not _is_topic_filter(wanted.topic_filter):
            raise ServiceError(ResultCode.BAD_TOPIC)
        return self._subscribe(_Subscribing(clientid, [wanted]))

    def unsubscribe_one(self, clientid: str, topic_filter: str) -> bool:
        """Unsubscribe a client from one filter; False where nobody knows it.

        Raises:
            ServiceError: The filter is none (115).
        """
        if not _is_topic_filter(topic_filter):
            raise ServiceError(ResultCode.BAD_TOPIC)
        return self._unsubscribe(clientid, [topic_filter])

    def _subscribe(self, asked: _Subscribing) -> bool:
        return any(node.subscribe(asked.clientid, asked.filters) for node in self._nodes.all())

    def _unsubscribe(self, clientid: str, topic_filters: list[str]) -> bool:
        return any(node.unsubscribe(clientid, topic_filters) for node in self._nodes.all())


def _bad_clientid() -> ServiceError:
    return ServiceError(ResultCode.BAD_PARAMETER, "bad clientid: must be string")


def _channel_not_found() -> ServiceError:
    return ServiceError(ResultCode.CLIENT_NOT_ONLINE, "channel_not_found")


def _publish_commands(params: Params) -> list[PublishCommand]:
    clientid = params.get("clientid")
    topics = _topics(params, _is_topic_name)
    payload = payload_of(params)
    properties = properties_of(params)
    if clientid is not None and not isinstance(clientid, str):
        raise _bad_clientid()
    if not topics:
        raise ServiceError(ResultCode.BAD_TOPIC)
    qos = _qos(params)
    # 4.4 stores whatever `retain` is and then looks for true alone: "false" does not retain, nor does "true".
    retain = params.get("retain") is True
    return [PublishCommand(topic, payload, qos, retain, clientid, properties) for topic in topics]


def _subscribing(params: Params) -> _Subscribing:
    clientid = _clientid(params)
    filters = _topics(params, _is_topic_filter)
    if not filters:
        raise ServiceError(ResultCode.BAD_TOPIC)
    qos = _qos(params)
    return _Subscribing(clientid, [SubscribeCommand(one, qos) for one in filters])


def _unsubscribing(params: Params) -> _Unsubscribing:
    clientid = _clientid(params)
    topic_filter = params.get("topic")
    if not isinstance(topic_filter, str) or not _is_topic_filter(topic_filter):
        raise ServiceError(ResultCode.BAD_TOPIC)
    return _Unsubscribing(clientid, topic_filter)


def _clientid(params: Params) -> str:
    clientid = params.get("clientid")
    if not isinstance(clientid, str):
        raise _bad_clientid()
    return clientid


def _qos(params: Params) -> int:
    asked = params.get("qos", 0)
    # A boolean equals a number in Python, and an object cannot be looked up.
    qos = _QOS.get(asked) if isinstance(asked, int | str) and not isinstance(asked, bool) else None
    if qos is None:
        raise ServiceError(ResultCode.BAD_QOS)
    return qos


def _topics(params: Params, is_valid: Callable[[str], bool]) -> list[str]:
    """Return what is valid of `topic` or else `topics`, both split at commas."""
    asked = params["topic"] if "topic" in params else params.get("topics", "")
    if not isinstance(asked, str):
        raise bad_params()
    return [topic for topic in asked.split(",") if is_valid(topic)]


def _is_topic_name(topic: str) -> bool:
    try:
        validate_topic_name(topic)
    except InvalidTopic:
        return False
    return True


def _is_topic_filter(topic_filter: str) -> bool:
    try:
        validate_topic_filter(split_share(topic_filter)[1])
    except InvalidTopic:
        return False
    return True


def _items(body: object) -> list[object]:
    if not isinstance(body, list):
        raise bad_params()
    return body


def _read(item: object, read: Callable[[Params], T]) -> tuple[T | None, ItemResult]:
    """Read one item of a batch; what is wrong with it becomes its result, not the batch's."""
    if not isinstance(item, dict):
        return None, ItemResult(ResultCode.BAD_PARAMETER, malformed=True)
    topic = item.get("topic", item.get("topics", ""))
    clientid = item.get("clientid")
    if not isinstance(topic, str) or not isinstance(clientid, str | None):
        return None, ItemResult(ResultCode.BAD_PARAMETER, malformed=True)
    try:
        return read(item), ItemResult(ResultCode.OK, topic, clientid)
    except ServiceError as error:
        malformed = error.code is ResultCode.BAD_PARAMETER
        return None, ItemResult(error.code, topic, clientid, malformed)


def _in_runs(
    read: list[tuple[C | None, ItemResult]], act: Callable[[str, list[C]], bool]
) -> list[ItemResult]:
    """Act once for each run of neighbours that name the same client."""
    results = []
    for clientid, run in groupby(read, key=lambda pair: pair[0] and pair[0].clientid):
        pairs = list(run)
        asked = [one for one, _ in pairs if one is not None]
        if clientid is None or act(clientid, asked):
            results += [result for _, result in pairs]
        else:
            results += [replace(one, code=ResultCode.CLIENT_NOT_ONLINE) for _, one in pairs]
    return results
