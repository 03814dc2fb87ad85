"""A SCRAM user as it is asked for (EMQX 4.4, POST, PUT, DELETE and GET /api/v4/sasl).

EMQX answers the word for what is wrong, without a code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.errors import ResultCode, ServiceError
from app.schemas.fields import is_storable

MECHANISMS = ("SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512")
"""EMQX has the first one alone."""
USERNAME_MAX_LENGTH = 512
PASSWORD_MAX_BYTES = 512
SALT_MAX_BYTES = 512
MIN_ITERATIONS = 4_096
"""What RFC 5802 and RFC 7677 ask for at least, and EMQX's default."""
MAX_ITERATIONS = 1_000_000
"""Half a second of the client's time, or more."""


@dataclass(frozen=True, slots=True)
class SaslWanted:
    """A user with a new password."""

    mechanism: str
    username: str
    password: str = field(repr=False)
    salt: bytes | None = field(repr=False)
    """None lets the node choose."""
    iteration_count: int
    is_superuser: bool | None
    """None leaves it as it is."""


def read_mechanism(params: Mapping[str, object]) -> str:
    """Return the mechanism.

    Raises:
        ServiceError: It is missing, or none of ours.
    """
    if "mechanism" not in params:
        raise _wrong("missing_required_param")
    value = params["mechanism"]
    if not isinstance(value, str) or value not in MECHANISMS:
        raise _wrong("unsupported_mechanism")
    return value


def read_username(params: Mapping[str, object]) -> str:
    """Return the user's name.

    Raises:
        ServiceError: It is missing, empty or not to be kept.
    """
    return _text(params, "username", USERNAME_MAX_LENGTH)


def read_sasl(params: Mapping[str, object]) -> SaslWanted:
    """Return a user as it is to be created or changed.

    Raises:
        ServiceError: A member is missing or wrong.
    """
    mechanism = read_mechanism(params)
    username, password = (
        read_username(params),
        _text(params, "password", PASSWORD_MAX_BYTES),
    )
    salt = _text(params, "salt", SALT_MAX_BYTES).encode() if "salt" in params else None
    iterations = params.get("iteration_count", MIN_ITERATIONS)
    # JSON's `true` is no number, though Python would take it for 1.
    if type(iterations) is not int or not MIN_ITERATIONS <= iterations <= MAX_ITERATIONS:
        raise _wrong("invalid_iteration_count")
    is_superuser = params.get("is_superuser")
    if "is_superuser" in params and not isinstance(is_superuser, bool):
        raise _wrong("invalid_is_superuser")
    return SaslWanted(
        mechanism,
        username,
        password,
        salt,
        iterations,
        is_superuser if isinstance(is_superuser, bool) else None,
    )


def _text(params: Mapping[str, object], member: str, longest: int) -> str:
    if member not in params:
        raise _wrong("missing_required_param")
    value = params[member]
    if (
        not isinstance(value, str)
        or not is_storable(value)
        or not 0 < len(value.encode()) <= longest
    ):
        raise _wrong(f"invalid_{member}")
    return value


def _wrong(word: str) -> ServiceError:
    return ServiceError(ResultCode.BAD_PARAMETER, word, bare=True)
