"""What an action is: what it is called and takes, and how it works once it is made.

Source: EMQX 4.4, `emqx_rule_actions`; seed 004, GET /api/v4/actions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from app.broker.core import BrokerCore
from app.rules.actions.queue import Deliver, DeliverMany, Values
from app.rules.errors import BadArguments, TryAgain
from app.rules.params import Param, Words, checked, rows
from app.rules.resources.base import Resource
from app.rules.terms.scope import Columns

R = TypeVar("R", bound=Resource)
ANY = "$any"
RESOURCE = "$resource"


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One action of a rule, as it is stored."""

    id: str
    name: str
    params: Mapping[str, Any]
    fallbacks: tuple[ActionSpec, ...] = ()
    """Taken where this one fails."""

    def resources(self) -> set[str]:
        """Return the ids of the resources that it needs, its fallbacks included."""
        found = {self.params[RESOURCE]} if isinstance(self.params.get(RESOURCE), str) else set()
        return found.union(*(one.resources() for one in self.fallbacks))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an action may use."""

    core: BrokerCore
    resource: Callable[[str], Resource | None]
    """Finds a running resource."""

    def resource_of(self, spec: ActionSpec, kind: type[R]) -> Callable[[], R]:
        """Return what finds the resource of an action; to be asked at each delivery, as resources are replaced.

        Args:
            spec: The action.
            kind: What its resource is where it is of the right type.

        Returns:
            What raises `TryAgain` while there is no such resource.
        """
        resource_id = spec.params[RESOURCE]

        def find() -> R:
            found = self.resource(resource_id)
            if isinstance(found, kind):
                return found
            raise TryAgain(f"the resource {resource_id} is not there")

        return find


@dataclass(frozen=True, slots=True)
class Now:
    """Work that is done at once."""

    do: Callable[[Values, Columns], None]
    """Given the result of a rule and the event's columns; raises `ActionFailed`."""
    publishes: bool = False
    """Whether it may publish a message, in place."""
    needs_event: bool = True
    """Whether it looks at the columns; where nobody does, none are made."""


@dataclass(frozen=True, slots=True)
class Later:
    """Work that a target answers later, one result at a time; it goes through a queue."""

    deliver: Deliver
    width: int
    """How many deliveries may be under way at once."""


@dataclass(frozen=True, slots=True)
class Batches:
    """Work that a target takes many of at once; it goes through a queue.

    `deliver` gets a sequence of `Item`, each with `output` and `event`, in the order in which they came. It returns
    None when all of them were delivered. It raises `TryAgain` or `ActionFailed` when none was; after `ActionFailed`
    the queue gives them one by one, so that the one to blame does not take the others with it. A target that
    answers for each item returns a sequence instead, with None or the error in each item's place.
    """

    deliver: DeliverMany
    size: int
    """The largest batch; the action's parameter `batch_size` may make it smaller."""
    width: int = 1
    """How many batches may be under way at once."""
    is_atomic: bool = True
    """Whether a batch is done as a whole or not at all. Where it is not, items of one `order_by` key go one a batch."""


Work = Now | Later | Batches
Make = Callable[[ActionSpec, Surroundings], Work]


def _nothing_more(params: Mapping[str, Any]) -> None:
    del params


@dataclass(frozen=True, slots=True)
class ActionType:
    """A kind of action."""

    name: str
    category: str
    title: Words
    description: Words
    make: Make
    params: tuple[Param, ...] = ()
    types: tuple[str, ...] = ()
    """The resource types of which it needs one; none where it needs no resource."""
    app: str = "emqx_rule_engine"
    on: str = ANY
    """The event that it is for."""
    check: Callable[[Mapping[str, Any]], None] = field(default=_nothing_more)
    """Looks at what the table of parameters cannot say; raises `BadArguments`."""

    def row(self) -> dict[str, object]:
        """Return what the API shows."""
        return {
            "name": self.name,
            "category": self.category,
            "app": self.app,
            "for": self.on,
            "types": list(self.types),
            "params": rows(self.params),
            "title": self.title.row(),
            "description": self.description.row(),
        }

    def checked(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return parameters with their defaults.

        Raises:
            BadArguments: They are not what they must be.
        """
        values = checked(self.params, params)
        if self.types and not isinstance(values.get(RESOURCE), str):
            raise BadArguments(f'{{required_field_missing,<<"{RESOURCE}">>}}')
        self.check(values)
        return values


def resource_param(en: str, zh: str) -> Param:
    """Return the parameter that names the resource."""
    return Param(
        RESOURCE, "string", Words(en, zh), Words("Which resource to use.", "使用的资源。"), required=True
    )  # fmt: skip
