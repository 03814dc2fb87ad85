"""How fast one client may speak: a token bucket for its messages and one for its bytes.

Nothing is dropped. What came is taken, into debt if need be, and the connection is not read from until the debt is
paid. Source: EMQX 4.4, `zone.$name.rate_limit.*`.
"""

from __future__ import annotations

from app.config import Rate, ZoneConfig


class TokenBucket:
    """As many tokens as one period has, coming back evenly."""

    __slots__ = ("_amount", "_at_s", "_per_s", "_tokens")

    def __init__(self, rate: Rate, now_s: float) -> None:
        """Start full."""
        self._amount = float(rate.amount)
        self._per_s = rate.amount / rate.period_s
        self._tokens = self._amount
        self._at_s = now_s

    def take(self, count: int, now_s: float) -> float:
        """Take tokens, those that are not there as well; return the seconds until the debt is paid."""
        tokens = min(self._amount, self._tokens + (now_s - self._at_s) * self._per_s) - count
        self._tokens = tokens
        self._at_s = now_s
        return -tokens / self._per_s if tokens < 0 else 0.0


class Limiter:
    """The limits of one connection."""

    __slots__ = ("_bytes", "_messages", "holds")

    def __init__(self, messages: Rate | None, size: Rate | None, now_s: float) -> None:
        """Start with nothing taken; None sets no limit."""
        self._messages = TokenBucket(messages, now_s) if messages is not None else None
        self._bytes = TokenBucket(size, now_s) if size is not None else None
        self.holds = 0
        """Pauses that are not over; the connection is read from when there are none."""

    def take(self, messages: int, size: int, now_s: float) -> float:
        """Take what came; return for how many seconds nothing more may come."""
        pause_s = 0.0
        if self._messages is not None and messages:
            pause_s = self._messages.take(messages, now_s)
        if self._bytes is not None:
            pause_s = max(pause_s, self._bytes.take(size, now_s))
        return pause_s


def limiter_for(zone: ZoneConfig, now_s: float) -> Limiter | None:
    """Return a connection's limits, None where its zone sets none."""
    return limiter_of(zone.conn_messages_in, zone.conn_bytes_in, now_s)


def limiter_of(messages: Rate | None, size: Rate | None, now_s: float) -> Limiter | None:
    """Return the limits that two rates make, None where there is neither."""
    if messages is None and size is None:
        return None
    return Limiter(messages, size, now_s)
