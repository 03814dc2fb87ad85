"""An application as it is created and changed (EMQX 4.4, POST and PUT /api/v4/apps)."""

from __future__ import annotations

import re
from typing import Any

from app.errors import ResultCode, ServiceError
from app.schemas.fields import UNDEFINED, WordIsNone, flag, one_of, text, unix_seconds
from app.schemas.request import RequestSchema

APP_ID_MAX_BYTES = 256
NAME_MAX_LENGTH = 256
DESC_MAX_LENGTH = 2_048
SECRET_MAX_LENGTH = 256
PERMISSIONS = ("full", "read_only", "publish_only")
"""What an application may do: our addition, EMQX's may do everything."""
_ANY_LENGTH = 1_000_000_000
_APP_ID = re.compile(r"[A-Za-z0-9]+[A-Za-z0-9\-_]*")
_APP_ID_AS_EMQX_SAYS_IT = "^[A-Za-z0-9]+[A-Za-z0-9-_]*$"

_or_undefined: dict[str, Any] = {
    "allow_none": True,
    "load_default": None,
    "pre_load": WordIsNone(UNDEFINED),
}
_or_empty: dict[str, Any] = {
    "allow_none": True,
    # What forms send of a field that nobody filled in: EMQX's dashboard has one for the secret of a new application.
    "pre_load": [WordIsNone(UNDEFINED), WordIsNone("")],
}


class AppCreate(RequestSchema):
    """A new application; the service makes up a secret where none is given."""

    app_id = text(_ANY_LENGTH, required=True, metadata={"example": "dashboard"})
    name = text(NAME_MAX_LENGTH, required=True, metadata={"example": "Dashboard"})
    status = flag(required=True, metadata={"example": True})
    secret = text(SECRET_MAX_LENGTH, 1, load_default=None, **_or_empty)
    desc = text(DESC_MAX_LENGTH, load_default="")
    expired = unix_seconds(load_default=None, **_or_empty)
    permission = one_of(PERMISSIONS, load_default="full")


class AppUpdate(RequestSchema):
    """A change of an application: what is not named becomes undefined (None), as in EMQX.

    `secret` and `permission` are our additions, and stay as they are where they are not named.
    """

    name = text(NAME_MAX_LENGTH, metadata={"example": "Dashboard"}, **_or_undefined)
    desc = text(DESC_MAX_LENGTH, **_or_undefined)
    status = flag(metadata={"example": True}, **_or_undefined)
    expired = unix_seconds(load_default=None, **_or_empty)
    secret = text(SECRET_MAX_LENGTH, 1)
    permission = one_of(PERMISSIONS)


def is_app_id(text: str) -> bool:
    """Tell whether an application could have this id at all."""
    return len(text) <= APP_ID_MAX_BYTES and _APP_ID.fullmatch(text) is not None


def check_app_id(app_id: str) -> None:
    """Refuse an id that EMQX refuses, in its words, which carry no code."""
    if not 0 < len(app_id.encode("utf-8", "surrogatepass")) <= APP_ID_MAX_BYTES:
        raise ServiceError(ResultCode.BAD_PARAMETER, f"0 < Length =< {APP_ID_MAX_BYTES}", bare=True)
    if not _APP_ID.fullmatch(app_id):
        raise ServiceError(
            ResultCode.BAD_PARAMETER, f"required: {_APP_ID_AS_EMQX_SAYS_IT}", bare=True
        )
