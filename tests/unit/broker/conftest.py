"""What the tests of connections share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.unit.broker.wires import House


@pytest.fixture
def house() -> Iterator[Callable[..., House]]:
    """Return a maker of houses, which are closed afterwards."""
    made: list[House] = []

    def make(*args: Any, **settings: Any) -> House:
        made.append(House(*args, **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()
