"""What a call about an alarm must say (seed 004, POST /api/v4/alarms/deactivated)."""

from __future__ import annotations

from app.schemas.fields import text
from app.schemas.request import RequestSchema

NAME_MAX_LENGTH = 1_024


class AlarmDeactivate(RequestSchema):
    """Which alarm of which node is over."""

    node = text(
        NAME_MAX_LENGTH, min_length=1, required=True, metadata={"example": "godwit@127.0.0.1"}
    )
    name = text(
        NAME_MAX_LENGTH,
        min_length=1,
        required=True,
        metadata={"example": "high_system_memory_usage"},
    )
