"""The way out of a session: its connected channel, as the session may know it. No sockets, no bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from app.broker.inflight import Delivery
from app.broker.message import Identifier, Message

if TYPE_CHECKING:
    from app.broker.pressure import Publisher


class Outlet(Protocol):
    """The connected channel, as its session sees it."""

    congested: bool
    """The socket's buffer is over its limit: hold back until `on_writable`."""

    @property
    def waiter(self) -> Publisher:
        """Return the client, as one that may be made to wait."""

    def press(self) -> bool:
        """Have whoever publishes at the moment wait for room in the queue; False where it cannot."""

    def taker(self) -> Any:
        """Return the `Lane` that plain messages may be put on from now on, None where they may not."""

    def send_plain(self, message: Message) -> bool:
        """Send a QoS 0 PUBLISH without RETAIN and subscription identifier, as most are."""

    def send_publish(self, delivery: Delivery, packet_id: int, *, dup: bool) -> bool:
        """Send a PUBLISH; False where the client does not accept one so large."""

    def send_message(
        self,
        message: Message,
        qos: int,
        retain: bool,
        packet_id: int,
        identifier: Identifier | None,
    ) -> bool:
        """Send a PUBLISH that need not be remembered, or is remembered by the caller."""

    def send_pubrel(self, packet_id: int) -> None:
        """Send a PUBREL."""

    def wait_until_safe(self) -> None:
        """Send nothing more before what was said to the storage so far is safe."""

    def drop_delivery(self, message: Message, reason: str) -> None:
        """Tell the hooks that a delivery was given up, and count it for the client."""
