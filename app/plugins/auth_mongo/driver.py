"""PyMongo's asyncio driver for a server, a replica set, a sharded cluster. Loading it takes time: not on the loop."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bson.errors import BSONError
from pymongo import AsyncMongoClient
from pymongo.errors import ExecutionTimeout, OperationFailure, PyMongoError

from app.backends.breaker import BackendError
from app.config.auth_mongo import (
    MONGO_AUTH_SOURCE,
    MONGO_DATABASE,
    MONGO_PASSWORD,
    MONGO_POOL,
    MONGO_R_MODE,
    MONGO_RS_SET_NAME,
    MONGO_SERVER,
    MONGO_SSL,
    MONGO_SSL_CACERTFILE,
    MONGO_SSL_CERTFILE,
    MONGO_SSL_KEYFILE,
    MONGO_SSL_NAME,
    MONGO_SSL_VERIFY,
    MONGO_TYPE,
    MONGO_USERNAME,
)
from app.config.kinds import Address
from app.plugins.auth_mongo.documents import Document

APP_NAME = "godwit"
SEARCH_SHARE = 0.5
"""How much of a question's time may go by until a server is found; the rest is for its answer."""

# Its lines of DEBUG quote every question and answer: user names and the hashes of passwords.
logging.getLogger("pymongo.command").setLevel(logging.INFO)


class MongoError(Exception):
    """There is no answer; one sentence without what the driver knows of the topology."""


class MongoDriver:
    """`app.plugins.auth_mongo.server.Driver` over PyMongo."""

    def __init__(self, client: AsyncMongoClient[dict[str, Any]], database: str) -> None:
        """Connect nothing yet."""
        self._client = client
        self._database = client[database]

    async def find(
        self, collection: str, filter_: Mapping[str, Any], fields: Sequence[str], limit: int
    ) -> list[Document]:
        """Return documents.

        Raises:
            BackendError: MongoDB refused.
            MongoError: There is no answer.
        """
        wanted = {"_id": False, **dict.fromkeys(fields, True)}
        cursor = self._database[collection].find(filter_, wanted, limit=limit, batch_size=limit)
        try:
            return [*await cursor.to_list(limit)]
        except (PyMongoError, BSONError) as error:
            raise _told(error) from None
        finally:
            await cursor.close()

    async def ping(self) -> None:
        """Ask for nothing.

        Raises:
            BackendError: MongoDB refused.
            MongoError: There is no answer.
        """
        try:
            await self._database.command("ping")
        except (PyMongoError, BSONError) as error:
            raise _told(error) from None

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()


def _told(error: Exception) -> Exception:
    match error:
        case OperationFailure() if not isinstance(error, ExecutionTimeout):
            # Its text may quote what a client said.
            name = (error.details or {}).get("codeName", "")
            return BackendError(f"error {error.code} {name}".rstrip())
        case BSONError():
            return BackendError("a document that cannot be read")
        case _:
            return MongoError(str(error).partition(", Timeout:")[0].partition(" (configured")[0])


def driver_for(config: Mapping[str, Any], timeout_s: float) -> MongoDriver:
    """Make the driver that the parameters ask for; nothing is connected.

    Args:
        config: The parameters.
        timeout_s: How long one question may take.
    """
    search_ms = max(1, int(timeout_s * 1000 * SEARCH_SHARE))
    with _tls(config) as tls:
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            [_place(one) for one in config[MONGO_SERVER.key]],
            appname=APP_NAME,
            maxPoolSize=config[MONGO_POOL.key],
            serverSelectionTimeoutMS=search_ms,
            connectTimeoutMS=search_ms,
            socketTimeoutMS=max(1, int(timeout_s * 1000)),
            connect=False,
            # A hash that is no UTF-8 is one document's mistake, not the answer's.
            unicode_decode_error_handler="replace",
            **_topology(config),
            **_login(config),
            **tls,
        )
    return MongoDriver(client, config[MONGO_DATABASE.key])


def missing_file(config: Mapping[str, Any]) -> str | None:
    """Return the key of a file that is named and not there."""
    if not config[MONGO_SSL.key]:
        return None
    for row in (MONGO_SSL_CACERTFILE, MONGO_SSL_CERTFILE, MONGO_SSL_KEYFILE):
        if config[row.key] and not Path(config[row.key]).is_file():
            return row.key
    return None


def _topology(config: Mapping[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {
        "readPreference": {"master": "primary", "slave_ok": "secondaryPreferred"}[
            config[MONGO_R_MODE.key]
        ]
    }
    match config[MONGO_TYPE.key]:
        case "single":
            options["directConnection"] = True
        case "rs":
            options["replicaSet"] = config[MONGO_RS_SET_NAME.key]
        case _:
            # What is found there says what it is.
            options["directConnection"] = False
    return options


def _login(config: Mapping[str, Any]) -> dict[str, Any]:
    if not config[MONGO_USERNAME.key]:
        return {}
    return {
        "username": config[MONGO_USERNAME.key],
        "password": config[MONGO_PASSWORD.key],
        "authSource": config[MONGO_AUTH_SOURCE.key] or config[MONGO_DATABASE.key],
    }


@contextmanager
def _tls(config: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if not config[MONGO_SSL.key]:
        yield {}
        return
    verifies = config[MONGO_SSL_VERIFY.key]
    options: dict[str, Any] = {
        "tls": True,
        "tlsAllowInvalidCertificates": not verifies,
        "tlsAllowInvalidHostnames": not (verifies and config[MONGO_SSL_NAME.key]),
    }
    if config[MONGO_SSL_CACERTFILE.key]:
        options["tlsCAFile"] = config[MONGO_SSL_CACERTFILE.key]
    if not config[MONGO_SSL_CERTFILE.key]:
        yield options
        return
    with _one_file(config[MONGO_SSL_CERTFILE.key], config[MONGO_SSL_KEYFILE.key]) as name:
        yield {**options, "tlsCertificateKeyFile": name}


@contextmanager
def _one_file(certfile: str, keyfile: str) -> Iterator[str]:
    """Lend a file that has certificate and key, which is how the driver wants them; it is in memory only."""
    descriptor = os.memfd_create("certificate")
    try:
        for name in filter(None, (certfile, keyfile)):
            os.write(descriptor, Path(name).read_bytes() + b"\n")
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _place(address: Address) -> str:
    # EMQX lets a bare port stand for the machine itself.
    host = "127.0.0.1" if address.host == "0.0.0.0" else address.host  # noqa: S104 - compared, not bound
    return f"[{host}]:{address.port}" if ":" in host else f"{host}:{address.port}"
