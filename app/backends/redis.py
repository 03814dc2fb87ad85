"""Clients for one Redis, for one behind sentinels, for a cluster. Loading this module takes time: not on the loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

RESP_VERSION = 2
"""What every Redis speaks; the younger one begins with a greeting that old servers refuse."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where Redis is, and how one logs in there."""

    kind: str
    """`single`, `sentinel` or `cluster`."""
    places: Sequence[tuple[str, int]]
    timeout_s: float
    """Of one question."""
    password: str | None = field(default=None, repr=False)
    database: int = 0
    """A cluster has one only."""
    sentinel: str = ""
    """The name by which sentinels know the server."""
    tls: Mapping[str, Any] = field(default_factory=dict)
    """In the words of redis-py; empty is none."""


def clients_for(deployment: Deployment) -> list[Any]:
    """Make the client that is asked, and behind it those that must be closed with it; nothing is connected."""
    options = _options(deployment)
    database, places = deployment.database, deployment.places
    match deployment.kind:
        case "cluster":
            nodes = [ClusterNode(host, port) for host, port in places]
            retry = options.pop("retry")
            return [RedisCluster(startup_nodes=nodes, retry=retry, **options)]
        case "sentinel":
            ways = {name: options[name] for name in options if name.startswith("socket_")}
            sentinel = Sentinel(  # type: ignore[no-untyped-call]
                places, sentinel_kwargs={**ways, "protocol": RESP_VERSION}
            )
            master = sentinel.master_for(deployment.sentinel, db=database, **options)
            return [master, *sentinel.sentinels]
        case _:
            host, port = places[0]
            return [Redis(host=host, port=port, db=database, **options)]


def _options(deployment: Deployment) -> dict[str, Any]:
    return {
        "password": deployment.password,
        "socket_timeout": deployment.timeout_s,
        # One that is gone must leave time for the others.
        "socket_connect_timeout": deployment.timeout_s / max(1, len(deployment.places)),
        "protocol": RESP_VERSION,
        # Once more over a fresh connection: the server may have been started anew since the last question.
        "retry": Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        **deployment.tls,
    }
