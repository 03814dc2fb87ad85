"""What requests may carry is what the tables can hold."""

from __future__ import annotations

from typing import Any

import pytest

from app.models import App, Banned
from app.schemas import app as app_schema
from app.schemas import banned as banned_schema


@pytest.mark.parametrize(
    ("limit", "column"),
    [
        (app_schema.APP_ID_MAX_BYTES, App.__table__.c.app_id),
        (app_schema.NAME_MAX_LENGTH, App.__table__.c.name),
        (app_schema.DESC_MAX_LENGTH, App.__table__.c.desc),
        (banned_schema.WHO_MAX_LENGTH, Banned.__table__.c.who),
        (banned_schema.BY_MAX_LENGTH, Banned.__table__.c.by),
        (banned_schema.REASON_MAX_LENGTH, Banned.__table__.c.reason),
    ],
    ids=str,
)
def test_a_text_may_be_as_long_as_its_column(limit: int, column: Any) -> None:
    assert limit == column.type.length
