"""What an action may use."""

from __future__ import annotations

from typing import Any, cast

import pytest

from app.rules.actions.base import RESOURCE, ActionSpec, Surroundings
from app.rules.errors import TryAgain
from app.rules.resources.base import Resource


class Here(Resource):
    """A resource of the kind that is asked for."""

    def __init__(self) -> None:
        """Need nothing."""

    def start(self) -> None:
        """Do nothing."""


class There(Here):
    """Another one."""


def test_an_action_finds_its_resource_at_each_delivery_and_takes_no_other_kind() -> None:
    running: dict[str, Resource] = {}
    surroundings = Surroundings(cast("Any", None), running.get)
    spec = ActionSpec("a", "data_to_there", {RESOURCE: "r"})
    resource = surroundings.resource_of(spec, There)
    with pytest.raises(TryAgain, match="the resource r is not there"):
        resource()
    running["r"] = Here()
    with pytest.raises(TryAgain):
        resource()
    for there in (There(), There()):
        running["r"] = there
        assert resource() is there
