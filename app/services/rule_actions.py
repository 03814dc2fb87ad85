"""Actions of rules as requests name them and as the database keeps them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from app.errors import ResultCode, ServiceError
from app.rules.actions.base import RESOURCE, ActionSpec, ActionType
from app.rules.errors import BadArguments
from app.rules.registry import Registry
from app.schemas.fields import is_storable
from app.schemas.rule import ACTIONS_MAX, ID_MAX_LENGTH
from app.services.resources import ResourcesService, bad_arguments

FALLBACK_LEVELS = 3
PARAMS_MAX_LENGTH = 1_000_000
"""As JSON."""

_moments = itertools.count(time.time_ns())
"""Two actions made in the same nanosecond still get ids of their own."""


class ActionReader:
    """Checks the actions that a request names."""

    def __init__(self, registry: Registry, resources: ResourcesService) -> None:
        """Take what actions are checked against."""
        self._registry = registry
        self._resources = resources

    def read(self, given: Sequence[Mapping[str, Any]]) -> tuple[ActionSpec, ...]:
        """Return actions, each with an id of its own and its parameters complete.

        Raises:
            ServiceError: BAD_REQUEST; one of them cannot be.
        """
        found = tuple(self._action(one, FALLBACK_LEVELS) for one in given)
        ids = [one.id for one in _all(found)]
        if len(set(ids)) != len(ids):
            raise bad_arguments("{duplicate_action_id}")
        return found

    def require_resources(self, actions: Iterable[ActionSpec]) -> None:
        """See to it that the resources of actions are there.

        Raises:
            ServiceError: BAD_REQUEST; one is not.
        """
        for action in _all(actions):
            kind = self._registry.action(action.name)
            if kind is not None:
                self._check_resource(kind, action.params)

    def _action(self, given: Mapping[str, Any], levels: int) -> ActionSpec:
        name = given.get("name")
        kind = self._registry.action(name) if isinstance(name, str) else None
        if kind is None:
            raise ServiceError(ResultCode.BAD_REQUEST, f"Action {name} Not Found")
        # An export calls them `args`; an empty list is EMQX's object without members.
        params = given.get("params", given.get("args")) or {}
        if not isinstance(params, dict):
            raise bad_arguments('{invalid_data_type,<<"params">>,{object}}')
        try:
            params = kind.checked(params)
        except BadArguments as error:
            raise bad_arguments(error) from None
        self._check_resource(kind, params)
        text = orjson.dumps(params).decode()
        if len(text) > PARAMS_MAX_LENGTH or "\\u0000" in text:
            raise bad_arguments('{invalid_data_type,<<"params">>,{object}}')
        return ActionSpec(
            _id_of(given, kind), kind.name, params, self._fallbacks(given, levels - 1)
        )

    def _fallbacks(self, given: Mapping[str, Any], levels: int) -> tuple[ActionSpec, ...]:
        fallbacks = given.get("fallbacks") or []
        fits = isinstance(fallbacks, list) and len(fallbacks) <= ACTIONS_MAX
        if not fits or not all(isinstance(one, dict) for one in fallbacks):
            raise bad_arguments('{invalid_data_type,<<"fallbacks">>,{array}}')
        if fallbacks and levels < 0:
            raise bad_arguments("{too_many_levels_of_fallbacks}")
        return tuple(self._action(one, levels) for one in fallbacks)

    def _check_resource(self, kind: ActionType, params: Mapping[str, Any]) -> None:
        if not kind.types:
            return
        resource_id = params[RESOURCE]
        if self._resources.type_of(resource_id) not in kind.types:
            raise bad_arguments(f'{{resource_type_mismatch,<<"{resource_id}">>,{kind.name}}}')


def _id_of(given: Mapping[str, Any], kind: ActionType) -> str:
    wanted = given.get("id")
    if isinstance(wanted, str) and 0 < len(wanted) <= ID_MAX_LENGTH and is_storable(wanted):
        return wanted
    return f"{kind.name}_{next(_moments)}"


def _all(actions: Iterable[ActionSpec]) -> Iterable[ActionSpec]:
    for action in actions:
        yield action
        yield from _all(action.fallbacks)


def stored_form(action: ActionSpec) -> dict[str, object]:
    """Return an action as EMQX exports it."""
    return {
        "id": action.id,
        "name": action.name,
        "args": dict(action.params),
        "fallbacks": [stored_form(one) for one in action.fallbacks],
    }


def action_of(stored: Mapping[str, Any]) -> ActionSpec:
    """Return an action from what an export has; nothing is too odd, since it was not checked by us."""
    args = stored.get("args", stored.get("params"))
    fallbacks = stored.get("fallbacks")
    return ActionSpec(
        str(stored.get("id", "")),
        str(stored.get("name", "")),
        args if isinstance(args, dict) else {},
        tuple(action_of(one) for one in fallbacks if isinstance(one, dict))
        if isinstance(fallbacks, list)
        else (),
    )
