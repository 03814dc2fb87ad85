"""What a method of enhanced authentication is, and how far a connection has come with one (MQTT 5, section 4.12).

Methods come from the hook point `client.enhanced_authenticate`; this file knows none of them and sends nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from app.broker.client_info import ClientInfo
from app.broker.timers import Timer
from app.mqtt.reason_codes import ReasonCode


@dataclass(frozen=True, slots=True)
class Continue:
    """The client must answer this first."""

    data: bytes

    def __repr__(self) -> str:
        """Show how far it has come, never with what."""
        return "Continue()"


@dataclass(frozen=True, slots=True)
class Success:
    """The client is who it says.

    `username` is who it turned out to be; it takes the place of what CONNECT said, which nobody has proved. None
    keeps CONNECT's.
    """

    data: bytes | None = None
    username: str | None = None
    is_superuser: bool = False

    def __repr__(self) -> str:
        """Show who, never with what."""
        return f"Success({self.username!r})"


@dataclass(frozen=True, slots=True)
class Refuse:
    """The client is not let in, or not let stay."""

    reason: ReasonCode = ReasonCode.NOT_AUTHORIZED


Step = Continue | Success | Refuse


class Method(Protocol):
    """One exchange by one method, made by a callback of `client.enhanced_authenticate`.

    The callback receives client, method name and the verdict so far (None), and answers `Stop(method)` for names that
    it knows. Each authentication of each client gets an exchange of its own. Either function may return something to
    wait for. What raises refuses the client.
    """

    def first(self, client: ClientInfo, data: bytes) -> Step | Awaitable[Step]:
        """Take the authentication data of CONNECT, or of the AUTH that begins anew; empty where there was none."""

    def next(self, data: bytes) -> Step | Awaitable[Step]:
        """Take the client's answer to the last `Continue`."""


@dataclass(slots=True)
class Authentication:
    """What one connection keeps of its enhanced authentication from CONNECT to its end."""

    name: str
    """The method that CONNECT named; the only one that may follow [MQTT-4.12.0-5]."""
    admit: Callable[[Success], None] | None
    """What waits for the end of the first exchange; None afterwards."""
    exchange: Method | None = None
    """What is under way; None between authentications."""
    final_data: bytes | None = None
    """What the method has for the client in CONNACK."""
    timer: Timer | None = None
    """Ends an authentication anew that takes too long; the first one is in the idle timeout."""

    def finish(self) -> None:
        """Leave the exchange, however it went."""
        self.exchange = None
        self.admit = None
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
