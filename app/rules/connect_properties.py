"""Properties of CONNECT, kept from the packet until the events about the connection are told.

The hooks about connections tell of the client only. Joined while a rule hears of such an event.
"""

from __future__ import annotations

from collections import OrderedDict

from app.broker.client_info import ClientInfo
from app.mqtt.packets import Connect
from app.mqtt.properties import NO_PROPERTIES, Properties

CLIENTS_MAX = 10_000
"""Whose properties are kept; between CONNECT and its answer, few are meant."""


class ConnectProperties:
    """What clients said in CONNECT. To be used on the loop."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._kept: OrderedDict[int, tuple[ClientInfo, Properties]] = OrderedDict()

    def note(self, client: ClientInfo, packet: Connect) -> None:
        """Keep what a packet says; a callback of `client.connect`."""
        if packet.properties:
            self._kept[id(client)] = client, packet.properties
            if len(self._kept) > CLIENTS_MAX:
                self._kept.popitem(last=False)

    def of(self, client: ClientInfo) -> Properties:
        """Return what a client said."""
        kept, properties = self._kept.get(id(client), (None, NO_PROPERTIES))
        return properties if kept is client else NO_PROPERTIES

    def clear(self) -> None:
        """Forget everybody."""
        self._kept.clear()
