"""The plugin: offers SCRAM to clients whose CONNECT names it, and to those that authenticate anew.

Source: EMQX 4.4 `emqx_sasl`, which has SCRAM-SHA-1; the two younger hashes are RFC 7677's and its successors'.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app.broker.client_info import ClientInfo
from app.broker.hooks import Stop
from app.broker.scram import HASHES, Scram
from app.plugins.base import Context, Plugin
from app.plugins.sasl.tables import SaslTables, UsersOf


class Sasl(Plugin):
    """Enhanced authentication by SCRAM-SHA-1, SCRAM-SHA-256 and SCRAM-SHA-512."""

    name = "emqx_sasl"
    description = "EMQX SASL"

    def __init__(self, tables: SaslTables, fill: Callable[[], None], decoy_secret: bytes) -> None:
        """Take the loop's copy.

        Args:
            tables: The copy.
            fill: Sees to it that the copy is complete; called outside the loop.
            decoy_secret: Of the instance, so that a salt which changes with a restart gives no unknown user away.
        """
        self._fill = fill
        self._methods = {
            name: Scram(name, UsersOf(name, tables), decoy_secret=decoy_secret) for name in HASHES
        }

    def prepare(self, config: Mapping[str, Any]) -> None:
        """Fill the copy."""
        del config
        self._fill()

    def load(self, context: Context) -> None:
        """Offer the methods."""
        context.hook("client.enhanced_authenticate", self.begin)

    def begin(self, _client: ClientInfo, name: str, _found: object) -> Stop | None:
        """Begin an exchange by the method that the client names, where it is one of these."""
        method = self._methods.get(name)
        return None if method is None else Stop(method.exchange())
