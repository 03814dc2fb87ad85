"""Keys that somebody else publishes and changes: a JWK Set behind an address, looked up again and again.

Old keys hold while new ones are not to be had. A key that nobody has seen is asked for at once, though not more often
than `SOONEST_S` allows: whoever makes keys up must not make us knock for each of them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import aiohttp
import orjson

from app.plugins.auth_jwt.keys import Key, KeyRefused, KeysUnavailable, key_from_jwk

logger = logging.getLogger(__name__)

SOONEST_S = 10.0
TIMEOUT_S = 5.0
MAX_BYTES = 1_048_576
MAX_KEYS = 256
Spawn = Callable[[Coroutine[Any, Any, None]], None]


class KeySet:
    """The keys behind one address. To be used on one loop."""

    def __init__(self, url: str, every_s: float, spawn: Spawn) -> None:
        """Take the address; nothing is asked yet.

        Args:
            url: Where the keys are.
            every_s: How often they are looked up.
            spawn: Runs a coroutine that nobody waits for.
        """
        self._url = url
        self._every_s = every_s
        self._spawn = spawn
        self._keys: dict[str, list[Key]] = {}
        self._closed = asyncio.Event()
        self._looking: asyncio.Future[None] | None = None
        self._looked_at_s = -SOONEST_S
        self._is_current = False
        """Whether the last look-up brought keys."""

    def start(self) -> None:
        """Look the keys up now, and from now on."""
        self._look()
        self._spawn(self._keep_current())

    def close(self) -> None:
        """Look no more."""
        self._closed.set()

    async def find(self, kid: str) -> list[Key]:
        """Return the keys of that name, none where there is none.

        Raises:
            KeysUnavailable: They could not be looked up, and none is known.
        """
        if kid in self._keys:
            return self._keys[kid]
        if self._looking is None and not self._closed.is_set():
            now_s = asyncio.get_running_loop().time()
            if now_s - self._looked_at_s >= SOONEST_S:
                self._look()
        if self._looking is not None:
            # Many may wait for one look-up, and none of them ends it by going away.
            await asyncio.shield(self._looking)
        if kid not in self._keys and not self._is_current:
            raise KeysUnavailable
        return self._keys.get(kid, [])

    async def _keep_current(self) -> None:
        while not self._closed.is_set():
            try:
                async with asyncio.timeout(self._every_s):
                    await self._closed.wait()
            except TimeoutError:
                if self._looking is None:
                    self._look()

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        self._looked_at_s = loop.time()
        self._looking = loop.create_future()
        self._spawn(self._look_up(self._looking))

    async def _look_up(self, done: asyncio.Future[None]) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                self._keys = keys_in(await self._fetch())
            self._is_current = True
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            self._is_current = False
            # The text of the former holds the address, which may hold a password.
            is_told = str(error) and not isinstance(error, aiohttp.ClientResponseError)
            logger.warning(
                "The keys at auth.jwt.jwks are not to be had; those known before hold: %s",
                error if is_told else type(error).__name__,
            )
        finally:
            self._looking = None
            if not done.done():
                done.set_result(None)

    async def _fetch(self) -> bytes:
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.get(self._url, allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                raise ValueError(f"the server answered {answer.status}")
            body = bytearray()
            async for chunk in answer.content.iter_chunked(65_536):
                body += chunk
                if len(body) > MAX_BYTES:
                    raise ValueError(f"the answer is longer than {MAX_BYTES} bytes")
            return bytes(body)


def keys_in(text: bytes) -> dict[str, list[Key]]:
    """Return the keys of a JWK Set by `kid`; those that cannot be used are left out.

    Raises:
        ValueError: It is no JWK Set.
    """
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ValueError("the answer is no JSON") from None
    listed = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(listed, list) or len(listed) > MAX_KEYS:
        raise ValueError("the answer is no JWK Set")
    keys: dict[str, list[Key]] = {}
    for jwk in listed:
        if not isinstance(jwk, dict):
            continue
        try:
            key = key_from_jwk(jwk)
        except KeyRefused as refused:
            logger.info("A key at auth.jwt.jwks is left out: %s", refused)
        else:
            keys.setdefault(str(key.kid), []).append(key)
    return keys
