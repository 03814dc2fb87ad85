"""A connection as its channel sees it, and what is counted on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from app.broker.pressure import Wait


class Wire(Protocol):
    """Where a channel's bytes go."""

    @property
    def lane(self) -> Any:
        """Return the `Lane` that is behind it, None where there is none."""

    def write(self, data: bytes) -> None:
        """Send bytes, together with the others of this turn of the loop."""

    def write_past(self, data: bytes) -> None:
        """Send bytes that need not wait for the storage, even where others do."""

    def wait_for(self, mark: int) -> None:
        """Send nothing that is written in this turn, or later, before the storage is safe up to a mark."""

    def stall(self) -> None:
        """Take nothing more from the client: what it published waits for room in somebody's queue."""

    def go_on(self, wait: Wait) -> None:
        """Have what waited acknowledged soon, and go on with what came meanwhile."""

    def close(self) -> None:
        """Send what is left to send, then close."""

    def activity(self) -> tuple[int, int]:
        """Return a mark that changes whenever the client shows life."""

    def silence_ms(self) -> int | None:
        """Return for how long the client has sent nothing at all; None where nobody can tell."""

    def pending_bytes(self) -> int:
        """Return the bytes that wait to be sent or to be decoded."""

    def backlog_len(self) -> int:
        """Return how many packets wait for a check to be done."""


class ClosedWire:
    """What a channel holds when its connection is gone: says nothing, keeps nothing alive."""

    lane = None

    def write(self, data: bytes) -> None:
        """Drop bytes that nobody reads."""

    def write_past(self, data: bytes) -> None:
        """Drop bytes that nobody reads."""

    def wait_for(self, mark: int) -> None:
        """Send nothing."""

    def stall(self) -> None:
        """Take nothing anyway."""

    def go_on(self, wait: Wait) -> None:
        """Owe nobody anything."""

    def close(self) -> None:
        """Stay closed."""

    def activity(self) -> tuple[int, int]:
        """Show no life."""
        return 0, 0

    def silence_ms(self) -> int | None:
        """Know nothing of a client that is gone."""
        return None

    def pending_bytes(self) -> int:
        """Hold nothing."""
        return 0

    def backlog_len(self) -> int:
        """Hold nothing."""
        return 0


CLOSED_WIRE = ClosedWire()


class ClientCounters:
    """What one connection received and sent; the loop is the only writer."""

    __slots__ = (
        "recv_cnt",
        "recv_msg_dropped",
        "recv_msg_qos0",
        "recv_msg_qos1",
        "recv_msg_qos2",
        "recv_oct",
        "recv_pkt",
        "send_cnt",
        "send_msg_dropped",
        "send_msg_qos0",
        "send_msg_qos1",
        "send_msg_qos2",
        "send_oct",
        "send_pkt",
    )

    def __init__(self) -> None:
        """Start every counter at nought."""
        self.recv_oct = self.recv_cnt = self.recv_pkt = 0
        self.send_oct = self.send_cnt = self.send_pkt = 0
        self.recv_msg_qos0 = self.recv_msg_qos1 = self.recv_msg_qos2 = 0
        self.send_msg_qos0 = self.send_msg_qos1 = self.send_msg_qos2 = 0
        self.recv_msg_dropped = 0
        self.send_msg_dropped: dict[str, int] | None = None

    @property
    def recv_msg(self) -> tuple[int, int, int]:
        """Return how many messages were received, by QoS."""
        return self.recv_msg_qos0, self.recv_msg_qos1, self.recv_msg_qos2

    @property
    def send_msg(self) -> tuple[int, int, int]:
        """Return how many messages were sent, by QoS."""
        return self.send_msg_qos0, self.send_msg_qos1, self.send_msg_qos2

    def count_received(self, qos: int) -> None:
        """Count a message that came."""
        if qos == 0:
            self.recv_msg_qos0 += 1
        elif qos == 1:
            self.recv_msg_qos1 += 1
        else:
            self.recv_msg_qos2 += 1

    def count_sent(self, qos: int) -> None:
        """Count a message that went."""
        if qos == 0:
            self.send_msg_qos0 += 1
        elif qos == 1:
            self.send_msg_qos1 += 1
        else:
            self.send_msg_qos2 += 1
