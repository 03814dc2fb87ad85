"""A plugin on a broker whose clock stands still, on a loop that runs: for plugins that ask others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, Self

from app.broker.access_control import Credentials, Verdict
from app.broker.client_info import ClientInfo
from app.config import AllowAnonymous
from app.plugins import Plugin
from app.plugins.host import ExtensionHost
from app.plugins.registry import read_config
from tests.harness.playbook import Playbook
from tests.harness.sockets_end import open_sockets, sockets_end


class LoadedPlugin:
    """As an asynchronous context manager it is loaded inside."""

    def __init__(
        self,
        plugin: Plugin,
        settings: dict[str, str],
        policy: AllowAnonymous = AllowAnonymous.FALSE,
    ) -> None:
        self.playbook = Playbook(allow_anonymous=policy)
        self.core = self.playbook.core
        self.core.spawn = self._spawn
        self.core.hooks.in_time = self.playbook.broker._in_time
        self.plugin = plugin
        self.host = ExtensionHost(self.core)
        self._settings = settings
        self._tasks: set[asyncio.Task[None]] = set()
        self._sockets = 0

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _config(self, settings: dict[str, str]) -> tuple[dict[str, Any], Any]:
        config = read_config(self.plugin, settings)
        return config, self.plugin.prepare(config)

    def reload(self, **changes: str) -> None:
        """Give it new values."""
        self._settings |= {key.replace("__", "."): text for key, text in changes.items()}
        self.host.reload(self.plugin, *self._config(self._settings))

    async def __aenter__(self) -> Self:
        self._sockets = open_sockets()
        self.host.load(self.plugin, *self._config(self._settings))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.host.unload(self.plugin)
        async with asyncio.timeout(10):
            while self._tasks:
                await asyncio.wait(self._tasks)
        await sockets_end(self._sockets)

    def client(self, clientid: str = "c1", username: str | None = None) -> ClientInfo:
        info = self.playbook.client().channel.client
        info.clientid, info.username = clientid, username
        return info

    async def verdict(self, client: ClientInfo, password: bytes | None = None) -> Verdict:
        found = self.core.access.authenticate(Credentials(client, password))
        return await found if isinstance(found, Awaitable) else found

    async def reason(
        self, password: bytes | None = None, clientid: str = "c1", username: str | None = None
    ) -> int:
        return (await self.verdict(self.client(clientid, username), password)).reason

    async def may(self, client: ClientInfo, action: str, topic: str) -> bool:
        found = self.core.access.may(client, action, topic)
        return await found if isinstance(found, Awaitable) else found
