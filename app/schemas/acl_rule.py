"""A rule of the internal access list as it is asked for (EMQX 4.4, POST /api/v4/acl)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from app.errors import ResultCode, ServiceError
from app.mqtt.topic import InvalidTopic, validate_topic_filter
from app.schemas.fields import is_storable

ACL_LOGIN_MAX_LENGTH = 512
ACTIONS = {"pub": ("pub",), "sub": ("sub",), "pubsub": ("pub", "sub")}
ACCESSES = ("allow", "deny")
KINDS = ("clientid", "username")


class AclWanted(NamedTuple):
    """One checked request; `pubsub` makes two rules."""

    kind: str
    """clientid, username or all."""
    login: str
    """Empty for everybody."""
    topic: str
    action: str
    access: str


def read_acl(params: Mapping[str, object]) -> AclWanted:
    """Return what is asked for.

    Raises:
        ServiceError: A member is missing or wrong; the text names it.
    """
    kinds = [kind for kind in KINDS if kind in params]
    if len(kinds) > 1:
        raise _wrong("clientid and username")
    kind = kinds[0] if kinds else "all"
    login = _text(params, kind, ACL_LOGIN_MAX_LENGTH) if kinds else ""
    topic = _text(params, "topic", 65_535)
    try:
        validate_topic_filter(topic)
    except InvalidTopic:
        raise _wrong("topic") from None
    action, access = params.get("action"), params.get("access")
    if not isinstance(action, str) or action not in ACTIONS:
        raise _wrong("action")
    if not isinstance(access, str) or access not in ACCESSES:
        raise _wrong("access")
    return AclWanted(kind, login, topic, action, access)


def _text(params: Mapping[str, object], member: str, longest: int) -> str:
    value = params.get(member)
    if not isinstance(value, str) or not 0 < len(value) <= longest or not is_storable(value):
        raise _wrong(member)
    return value


def _wrong(member: str) -> ServiceError:
    return ServiceError(ResultCode.BAD_PARAMETER, member, bare=True)
