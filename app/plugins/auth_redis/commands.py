"""Commands of the operator, taken apart once, and what their answers mean.

Words are split before values are put in: whatever a client calls itself stays within the word that it stands in.

Source: EMQX 4.4 `emqx_auth_redis_cli`, `emqx_auth_redis`, `emqx_acl_redis`.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.auth.placeholders import PlaceholderError, Subject, Template
from app.backends.breaker import BackendError
from app.broker.client_info import ClientInfo
from app.plugins.acl_topics import feed_anywhere, is_met

LETTERS = "ucaPCd"
BITS = {"subscribe": 1, "publish": 2}


@dataclass(frozen=True, slots=True)
class Command:
    """One command; no words at all is none."""

    words: tuple[Template, ...]

    @classmethod
    def parse(cls, text: str) -> Command:
        """Take a command apart.

        Raises:
            PlaceholderError: It does not begin with the name of a command.
        """
        words = text.split()
        if words and "%" in words[0]:
            raise PlaceholderError("A command begins with its name, which holds no placeholder.")
        return cls(tuple(Template.parse(word, LETTERS) for word in words))

    def __bool__(self) -> bool:
        """Tell whether there is anything to ask."""
        return bool(self.words)

    def render(self, subject: Subject) -> list[str] | None:
        """Return the words with a client's values; None where the client has no such thing.

        Raises:
            UnusableValueError: A value is no text.
        """
        made = [word.render(subject) for word in self.words]
        words = [word for word in made if word is not None]
        return words if len(words) == len(made) else None


@dataclass(frozen=True, slots=True)
class StoredPassword:
    """What Redis has of a client's password; a text that is none fits nothing."""

    digest: str | None
    salt: str | None

    def __repr__(self) -> str:
        """Show nothing."""
        return "StoredPassword()"


def read_password(answer: object) -> StoredPassword | None:
    """Return what is stored, or None where Redis does not know the client.

    Raises:
        BackendError: The answer is none to such a question.
    """
    values = answer if isinstance(answer, list) else [answer]
    if not all(value is None or isinstance(value, bytes) for value in values):
        raise BackendError("auth.redis.auth_cmd must return texts")
    if not values or values[0] is None:
        return None
    salt = values[1] if len(values) > 1 else None
    return StoredPassword(_text(values[0]), None if salt is None else _text(salt))


def read_superuser(answer: object) -> bool:
    """Tell whether the answer is EMQX's yes."""
    return (answer[0] if isinstance(answer, list) and answer else answer) in (b"1", 1)


def read_rules(answer: object) -> list[tuple[str, int]]:
    """Return topic filters and what may be done there, as bits; what is no rule is passed over.

    Raises:
        BackendError: The answer is none to such a question.
    """
    if isinstance(answer, dict):
        pairs = list(answer.items())
    elif isinstance(answer, list) and len(answer) % 2 == 0:
        pairs = list(zip(answer[::2], answer[1::2], strict=True))
    elif answer is None:
        pairs = []
    else:
        raise BackendError("auth.redis.acl_cmd must return a hash")
    return [(_text(topic) or "", _bits(access)) for topic, access in pairs]


def allows(rules: list[tuple[str, int]], client: ClientInfo, action: str, topic: str) -> bool:
    """Tell whether one of the rules lets a client do this."""
    return first_that_allows(rules, client, action, topic) is not None


def first_that_allows(
    rules: list[tuple[str, int]], client: ClientInfo, action: str, topic: str
) -> tuple[str, int] | None:
    """Return the first of the rules that lets a client do this."""
    for name, access in rules:
        if not access & BITS[action]:
            continue
        topic_filter = feed_anywhere(name, client)
        if topic_filter is not None and is_met(topic, topic_filter, allows=True):
            return name, access
    return None


def _text(value: object) -> str | None:
    if not isinstance(value, bytes):
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _bits(value: object) -> int:
    text = _text(value) or ""
    return int(text) if text in ("1", "2", "3") else 0
