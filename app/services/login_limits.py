"""How often an address may fail to log in before it has to wait.

EMQX holds a request up for two seconds after a wrong password; a few of them would hold up every request thread we
have. Here nobody sleeps: an address has so many failures in a period, and is turned away without a look at its
credentials once they are used up. Whoever has logged in from that address with the same credentials before stays in,
so that a mistaken program does not lock out its neighbours behind one router or proxy.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_network

from app.broker.metrics import Metrics
from app.clock import Clock
from app.config import ManagementSettings
from app.config.kinds import Rate

MOST_ADDRESSES = 10_000
MOST_PROOFS = 64
"""Credentials that are remembered for an address."""
_IPV6_PREFIX = 64
"""One customer of a provider has that many bits of addresses for himself."""


@dataclass(slots=True)
class _Place:
    """What is known of one address."""

    left: float
    at_s: float
    proofs: OrderedDict[bytes, None] = field(default_factory=OrderedDict)


class LoginLimits:
    """Counts failed logins by address. Request threads share it."""

    def __init__(self, limits: ManagementSettings, clock: Clock, metrics: Metrics) -> None:
        """Take what it works with.

        Args:
            limits: Of these, the failures that an address has in a period; looked at each time.
            clock: Monotonic time.
            metrics: Gets the counts of failures, and of logins that were turned away.
        """
        self._limits = limits
        self._clock = clock
        self._metrics = metrics
        self._lock = threading.Lock()
        self._key = os.urandom(32)
        self._places: OrderedDict[str, _Place] = OrderedDict()

    def wait_s(self, address: str, credentials: tuple[str, str]) -> float:
        """Return how long this caller has to wait before it may try again; 0 lets it try now."""
        rate = self._limits.max_login_failures
        if rate is None:
            return 0.0
        with self._lock:
            place = self._places.get(_network_of(address))
            if place is None:
                return 0.0
            self._refill(place, rate)
            if place.left >= 1 or self._proof(credentials) in place.proofs:
                return 0.0
            self._metrics.request_auth_limited += 1
            return (1 - place.left) * rate.period_s / rate.amount

    def failed(self, address: str) -> None:
        """Count a failure."""
        with self._lock:
            self._metrics.request_auth_failure += 1
            rate = self._limits.max_login_failures
            if rate is not None:
                self._place(address, rate).left -= 1

    def succeeded(self, address: str, credentials: tuple[str, str]) -> None:
        """Remember who belongs to an address."""
        rate = self._limits.max_login_failures
        if rate is None:
            return
        with self._lock:
            proofs = self._place(address, rate).proofs
            proof = self._proof(credentials)
            proofs[proof] = None
            proofs.move_to_end(proof)
            if len(proofs) > MOST_PROOFS:
                proofs.popitem(last=False)

    def _place(self, address: str, rate: Rate) -> _Place:
        network = _network_of(address)
        place = self._places.get(network)
        if place is None:
            place = self._places[network] = _Place(rate.amount, self._clock.monotonic_s())
            if len(self._places) > MOST_ADDRESSES:
                self._places.popitem(last=False)
        else:
            self._places.move_to_end(network)
            self._refill(place, rate)
        return place

    def _refill(self, place: _Place, rate: Rate) -> None:
        now_s = self._clock.monotonic_s()
        earned = (now_s - place.at_s) * rate.amount / rate.period_s
        place.left = min(place.left + earned, rate.amount)
        place.at_s = now_s

    def _proof(self, credentials: tuple[str, str]) -> bytes:
        text = "\0".join(credentials).encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, text, hashlib.sha256)


def _network_of(address: str) -> str:
    """Return what shares one allowance: an IPv4 address, or the network that one customer has of IPv6."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((int(parsed), _IPV6_PREFIX), strict=False))
