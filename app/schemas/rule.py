"""Rules and resources as they are asked for (seed 004, POST /api/v4/rules and /api/v4/resources)."""

from __future__ import annotations

from app.schemas.fields import Checked, flag, one_of, text
from app.schemas.request import RequestSchema

RAWSQL_MAX_LENGTH = 1_000_000
DESCRIPTION_MAX_LENGTH = 2_048
ID_MAX_LENGTH = 256
TYPE_MAX_LENGTH = 128
ACTIONS_MAX = 100
"""Of one rule, and of one action's fallbacks."""
ON_FAILURE = ("continue", "stop")


def _actions(*, required: bool = False) -> Checked:
    def accepts(value: object) -> bool:
        return (
            isinstance(value, list)
            and len(value) <= ACTIONS_MAX
            and all(isinstance(one, dict) for one in value)
        )

    return Checked(f"an array of at most {ACTIONS_MAX} objects", accepts, required=required)


def _config(*, required: bool = False) -> Checked:
    # An empty list is how EMQX writes an object without members.
    return Checked("an object", lambda value: isinstance(value, dict) or value == [], required=required)  # fmt: skip


class RuleUpdateSchema(RequestSchema):
    """What of a rule can be changed."""

    rawsql = text(RAWSQL_MAX_LENGTH, 1)
    actions = _actions()
    enabled = flag()
    on_action_failed = one_of(ON_FAILURE)
    description = text(DESCRIPTION_MAX_LENGTH)


class RuleSchema(RuleUpdateSchema):
    """A new rule."""

    rawsql = text(RAWSQL_MAX_LENGTH, 1, required=True)
    actions = _actions(required=True)
    id = text(ID_MAX_LENGTH, 1)


class RuleTestSchema(RequestSchema):
    """A statement to try out, and columns to try it with."""

    rawsql = text(RAWSQL_MAX_LENGTH, 1, required=True)
    ctx = _config()


class ResourceUpdateSchema(RequestSchema):
    """What of a resource can be changed."""

    config = _config()
    description = text(DESCRIPTION_MAX_LENGTH)


class ResourceSchema(ResourceUpdateSchema):
    """A new resource."""

    type = text(TYPE_MAX_LENGTH, 1, required=True)
    config = _config(required=True)
    id = text(ID_MAX_LENGTH, 1)
