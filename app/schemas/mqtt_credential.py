"""A login of MQTT clients as it is asked for (EMQX 4.4, POST and PUT /api/v4/auth_clientid, /auth_username).

EMQX names only the member that is wrong: `login` or `password`.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.errors import ResultCode, ServiceError
from app.schemas.fields import is_storable

LOGIN_MAX_LENGTH = 512
PASSWORD_MAX_BYTES = 512


def read_login(params: Mapping[str, object], kind: str) -> str:
    """Return the client id or user name.

    Raises:
        ServiceError: It is missing, empty or not to be kept.
    """
    return _read(params.get(kind), "login", LOGIN_MAX_LENGTH)


def read_password(params: Mapping[str, object]) -> bytes:
    """Return the password.

    Raises:
        ServiceError: It is missing, empty or too long.
    """
    return _read(params.get("password"), "password", PASSWORD_MAX_BYTES).encode()


def read_superuser(params: Mapping[str, object]) -> bool:
    """Return our addition `is_superuser`, false where it is left out.

    Raises:
        ServiceError: It is neither true nor false.
    """
    value = params.get("is_superuser", False)
    if not isinstance(value, bool):
        raise ServiceError(ResultCode.BAD_PARAMETER, "is_superuser", bare=True)
    return value


def _read(value: object, member: str, longest: int) -> str:
    if (
        not isinstance(value, str)
        or not is_storable(value)
        or not 0 < len(value.encode()) <= longest
    ):
        raise ServiceError(ResultCode.BAD_PARAMETER, member, bare=True)
    return value
