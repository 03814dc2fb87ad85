"""What holds for every test: the developer's own settings stay out, and unit tests stay off the network."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from app import compiled_form

UNIT_TESTS = Path(__file__).parent / "unit"
NETWORK_EVENTS = frozenset({"socket.bind", "socket.connect", "socket.sendto"})

# A process of pytest-xdist has no command line of its own; what it was born with says what was asked for.
_given = () if "PYTEST_XDIST_WORKER" not in os.environ else (compiled_form.VARIABLE,)
for _variable in [name for name in os.environ if name.startswith("GODWIT_") and name not in _given]:
    # Before any test module is imported: a node under test has the settings that its test gives it.
    del os.environ[_variable]
if not _given and "--compiled" not in (*sys.argv, *os.environ.get("PYTEST_ADDOPTS", "").split()):
    # Here, since the conftest of a folder may import hot modules before pytest is configured.
    os.environ[compiled_form.VARIABLE] = "1"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--compiled",
        action="store_true",
        help="test the form of the hot modules that `make compiled` built, not the sources",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "pure(why): changes the insides of a hot module, which a compiled one does not let",
    )
    importlib.import_module(compiled_form.MODULES[-1])
    if config.getoption("--compiled") and compiled_form.FORM.why_not:
        raise pytest.UsageError(compiled_form.FORM.sentence())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--compiled"):
        for item in items:
            if item.get_closest_marker("pure"):
                item.add_marker(pytest.mark.skip(reason="the sources only"))


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
