"""A resource with one connection: made in the background, and made anew with growing pauses whenever it is gone."""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod

from app.rules.errors import ResourceDown
from app.rules.resources.base import FIRST_PAUSE_S, LONGEST_PAUSE_S, Resource

logger = logging.getLogger(__name__)


class KeptConnection(Resource):
    """What such resources have in common. To be used on the loop."""

    def start(self) -> None:
        """Begin to connect."""
        self.run(self._keep())

    @abstractmethod
    async def connect(self) -> None:
        """Connect once.

        Raises:
            ResourceDown: There is no connection, and why.
        """

    @abstractmethod
    async def stay(self) -> None:
        """Return when the connection is gone."""

    @abstractmethod
    async def hang_up(self) -> None:
        """Let go of the connection, if there is one; takes little time and raises nothing."""

    async def _keep(self) -> None:
        pause_s = FIRST_PAUSE_S
        try:
            while True:
                try:
                    await self.connect()
                except ResourceDown as error:
                    logger.debug("The resource %s is down: %s", self.spec.id, error)
                else:
                    self.note(is_alive=True)
                    pause_s = FIRST_PAUSE_S
                    await self.stay()
                self.note(is_alive=False)
                await self.hang_up()
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        finally:
            await self.hang_up()
