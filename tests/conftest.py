"""What holds for every test: the developer's own settings stay out, and unit tests stay off the network."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

UNIT_TESTS = Path(__file__).parent / "unit"
NETWORK_EVENTS = frozenset({"socket.bind", "socket.connect", "socket.sendto"})

for _variable in [name for name in os.environ if name.startswith("GODWIT_")]:
    # Before any test module is imported: a node under test has the settings that its test gives it.
    del os.environ[_variable]

# Machines differ too much in speed for a deadline per example; the suite has one per test.
settings.register_profile("house", deadline=None, max_examples=100)
settings.register_profile("ci", parent=settings.get_profile("house"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "house")


class NetworkGuard:
    """Python's audit events tell of every bind and connect, whoever makes it."""

    def __init__(self) -> None:
        self.closed = False
        sys.addaudithook(self._audit)

    def _audit(self, event: str, arguments: tuple[object, ...]) -> None:
        # Addresses of the network are tuples; those of the machine's own sockets are paths.
        if self.closed and event in NETWORK_EVENTS and isinstance(arguments[1], tuple):
            raise PermissionError(
                f"{event} {arguments[1]}: unit tests stay off the network, move this one to "
                "tests/protocol or tests/e2e"
            )


@pytest.fixture(scope="session")
def network_guard() -> NetworkGuard:
    """Return the guard; an audit hook cannot be taken off, so there is one for the whole run."""
    return NetworkGuard()


@pytest.fixture(autouse=True)
def _unit_tests_stay_off_the_network(
    request: pytest.FixtureRequest, network_guard: NetworkGuard
) -> Iterator[None]:
    network_guard.closed = UNIT_TESTS in request.path.parents
    yield
    network_guard.closed = False
