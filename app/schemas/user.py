"""A dashboard user as it is created and changed, in EMQX's words (EMQX 4.4, /api/v4/users and /change_pwd)."""

from __future__ import annotations

import re
import string

from app.errors import ResultCode, ServiceError
from app.schemas.app import check_app_id
from app.schemas.fields import one_of, text
from app.schemas.request import RequestSchema

ROLES = ("administrator", "operator", "viewer")
"""What a user may do: our addition, EMQX's may do everything."""
TAGS_MAX_LENGTH = 256
PASSWORD_LENGTHS = range(8, 65)
_KINDS = (string.ascii_letters, string.digits, string.punctuation + " ")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_TOO_PLAIN = (
    "The password must contain at least two different kind of characters from groups of letters, "
    "numbers, and special characters. For example, if password is composed from letters, it must "
    "contain at least one number or a special character."
)


class UserCreate(RequestSchema):
    """A new user; name and password are looked at by `check_username` and `check_password`."""

    tags = text(TAGS_MAX_LENGTH, load_default="")
    role = one_of(ROLES)


class UserUpdate(RequestSchema):
    """A change of a user; what is not named stays as it is."""

    tags = text(TAGS_MAX_LENGTH)
    role = one_of(ROLES)


def refused(message: str, code: ResultCode = ResultCode.BAD_PARAMETER) -> ServiceError:
    """Return a refusal as EMQX's dashboard gives it, without the code; EMQ 2 tells that too."""
    return ServiceError(code, message, bare=True)


def check_username(username: str) -> None:
    """Refuse a name that EMQX refuses; the rule is the one of application ids."""
    check_app_id(username)


def check_password(password: str) -> None:
    """Refuse a password that EMQX refuses, in its words and its order."""
    if len(password) not in PASSWORD_LENGTHS:
        raise refused("The password length: 8-64")
    if sum(any(character in kind for character in password) for kind in _KINDS) < len(_KINDS) - 1:
        raise refused(_TOO_PLAIN)
    if _NOT_ASCII.search(password):
        raise refused("only ascii characters are allowed in the password")
