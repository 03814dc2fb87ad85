"""What resources that are filled have in common: whether they live is known from every request, not from looking only.

It knows no driver; it says in the words of actions what a backend answered.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.backends.breaker import BackendError, BusyError, UnavailableError
from app.rules.errors import ActionFailed, ResourceDown, TryAgain
from app.rules.params import Param, Words
from app.rules.resources.base import Resource
from app.rules.resources.tls import TLS_PARAMS

T = TypeVar("T")

CONNECT_TIMEOUT_S = 5
REQUEST_TIMEOUT_S = 30.0
"""Of one batch."""
GRACE_S = 1.0
"""What a driver gets on top of it to end by itself."""


class Target(Resource):
    """Something that takes what rules make."""

    def start(self) -> None:
        """Begin to look for it."""
        self.run(self.keep_checked(self._checked))

    @abstractmethod
    async def look(self) -> None:
        """Ask for nothing.

        Raises:
            UnavailableError: There is no answer.
            BackendError: The answer is an error.
        """

    async def ask(self, request: Callable[[], Awaitable[T]]) -> T:
        """Return what a request returns.

        Raises:
            TryAgain: There was no answer, or one that may be another one later.
            ActionFailed: It was refused.
        """
        try:
            answer = await request()
        except UnavailableError as error:
            self.note(is_alive=False)
            raise TryAgain(why(error)) from None
        except BusyError as error:
            raise TryAgain(str(error)) from None
        except BackendError as error:
            raise ActionFailed(str(error)) from None
        if not self.is_alive:
            self.note(is_alive=True)
        return answer

    async def _checked(self) -> None:
        await looked(self.look)


async def looked(look: Callable[[], Awaitable[None]]) -> None:
    """Look for a target once.

    Raises:
        ResourceDown: It is not there.
    """
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S + GRACE_S):
            await look()
    except TimeoutError:
        raise ResourceDown(f"no answer within {CONNECT_TIMEOUT_S} s") from None
    except (UnavailableError, BackendError) as error:
        raise ResourceDown(why(error)) from None


def why(error: Exception) -> str:
    """Return why there is no answer."""
    cause = error.__cause__ or error
    return str(cause) or type(cause).__name__


SSL_PARAMS = (
    Param(
        "ssl", "boolean", Words("Enable SSL", "开启 SSL"),
        Words("Whether the connection is encrypted.", "是否使用 SSL 连接"), default=False,
    ),
    *(param for param in TLS_PARAMS if param.name != "server_name_indication"),
)  # fmt: skip


def pool_size_param(default: int) -> Param:
    """Return the parameter that says how many connections there may be."""
    return Param(
        "pool_size", "number", Words("Pool Size", "连接池大小"),
        Words("The most connections to the server.", "到服务器的最大连接数"),
        default=default, format="count",
    )  # fmt: skip


def text_param(name: str, title: Words, description: Words, default: str = "") -> Param:
    """Return a parameter that is a text."""
    return Param(name, "string", title, description, default=default)


PASSWORD = Param(
    "password", "password", Words("Password", "密码"),
    Words("The password of that user.", "用户密码"), default="",
)  # fmt: skip


def address_param(name: str, default: str, title: Words, description: Words) -> Param:
    """Return the parameter that says where the server is, or the servers."""
    form = "addresses" if name.endswith("s") else "address"
    return Param(name, "string", title, description, default=default, format=form)
