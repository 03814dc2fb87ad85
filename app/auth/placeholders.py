"""EMQX's placeholders: `%u` and its like in queries, commands and addresses, filled in from what a client says.

What a client says is data. In SQL it becomes a bound parameter, never a part of the statement; elsewhere each value
passes through the escaping of the target before it meets the text around it.

Source: EMQX 4.4 `emqx_auth_mysql_cli:parse_query`, `emqx_auth_http`, `emqx_auth_redis_cli:repl_var`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from app.broker.client_info import ClientInfo

LETTERS = "ucaPrpAtmCd"
"""User name, client id, address, password, protocol, port of the listener, access, topic, mountpoint; common name and
subject of the certificate."""
SQL_LETTERS = "ucaPCd"
"""Those that are bound in SQL; EMQX leaves any others in literals alone, as in `like '%m'`."""
ACCESS = {"subscribe": "1", "publish": "2"}
"""How `%A` writes an action."""
_PLACEHOLDER = re.compile(r"%([A-Za-z])")
_SQL_PARTS = re.compile(
    r"""'%([A-Za-z])'                 # a placeholder: one alone in a literal
    | ('(?:[^'\\]|''|\\.)*')          # any other literal stays as it is
    | (?<![%\w])%([A-Za-z])(?!\w)     # one that was left without quotes
    | (.)""",
    re.VERBOSE | re.DOTALL,
)


class PlaceholderError(ValueError):
    """A text with placeholders that cannot be used; one sentence that says what to do."""


class UnusableValueError(ValueError):
    """What the client says cannot be put there: not a text, or one with NUL; whoever asked must refuse."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom and what a question is about."""

    client: ClientInfo
    password: bytes | None = None
    action: str | None = None
    """`publish` or `subscribe`, where the question is about a topic."""
    topic: str | None = None

    def __repr__(self) -> str:
        """Show who, never the password."""
        return f"Subject({self.client.clientid!r}, {self.action!r}, {self.topic!r})"

    def value(self, letter: str) -> str | None:
        """Return what a placeholder stands for; None where the client has no such thing.

        Raises:
            UnusableValueError: It is no text, or has NUL in it.
        """
        found = _READERS[letter](self)
        if found is not None and "\0" in found:
            raise UnusableValueError(f"%{letter} with NUL")
        return found


def _password(subject: Subject) -> str | None:
    if subject.password is None:
        return None
    try:
        return subject.password.decode("utf-8")
    except UnicodeDecodeError:
        # Not `from`: the error would carry the password into a log.
        raise UnusableValueError("%P is not UTF-8") from None


_READERS: dict[str, Callable[[Subject], str | None]] = {
    "u": lambda subject: subject.client.username,
    "c": lambda subject: subject.client.clientid,
    "a": lambda subject: subject.client.peerhost,
    "P": _password,
    "r": lambda subject: subject.client.proto_name.lower(),
    "p": lambda subject: str(subject.client.sockport),
    "A": lambda subject: ACCESS[subject.action] if subject.action else None,
    "t": lambda subject: subject.topic,
    "m": lambda subject: subject.client.mountpoint,
    "C": lambda subject: subject.client.cert_cn,
    "d": lambda subject: subject.client.cert_dn,
}


def _unescaped(value: str) -> str:
    return value


@dataclass(frozen=True, slots=True)
class Template:
    """A text with placeholders, taken apart once: an address, a key, a filter, one word of a command."""

    text: str
    _parts: tuple[str, ...]
    """Texts at even places, letters of placeholders at odd ones."""

    @classmethod
    def parse(cls, text: str, letters: str = LETTERS) -> Template:
        """Take a text apart.

        Args:
            text: As the operator wrote it.
            letters: Placeholders that have a value there; any other `%x` stays as it is.
        """
        parts: list[str] = [""]
        end = 0
        for match in _PLACEHOLDER.finditer(text):
            letter = match[1]
            if letter in letters:
                parts[-1] += text[end : match.start()]
                parts += [letter, ""]
                end = match.end()
        parts[-1] += text[end:]
        return cls(text, tuple(parts))

    @property
    def letters(self) -> frozenset[str]:
        """Return which placeholders are in it."""
        return frozenset(self._parts[1::2])

    def render(
        self,
        subject: Subject,
        escape: Callable[[str], str] = _unescaped,
        missing: str | None = None,
    ) -> str | None:
        """Return the text with values in it.

        Args:
            subject: Whose values.
            escape: Makes of a value what stands for it in the target's language; texts around it are left alone.
            missing: What stands for a value that the client does not have.

        Returns:
            The text; None where a value is missing and nothing stands for it.

        Raises:
            UnusableValueError: A value is no text.
        """
        made = list(self._parts)
        for place in range(1, len(made), 2):
            value = subject.value(made[place])
            if value is None and missing is None:
                return None
            made[place] = missing or "" if value is None else escape(value)
        return "".join(made)


@dataclass(frozen=True, slots=True)
class Query:
    """A statement in SQL with its values bound, in the `%s` form of Python's drivers."""

    sql: str
    letters: tuple[str, ...]
    """The placeholder of each `%s`, in their order."""

    @classmethod
    def parse(cls, text: str) -> Query:
        """Make bound parameters of the placeholders, which EMQX writes as literals: `'%u'`.

        Only one that is alone in a literal is one; a `%` in any other, as in `like 'a%'`, stays what it is.

        Raises:
            PlaceholderError: A placeholder stands without its quotes.
        """
        sql: list[str] = []
        letters: list[str] = []
        for quoted, literal, bare, other in _SQL_PARTS.findall(text):
            if quoted and quoted in SQL_LETTERS:
                sql.append("%s")
                letters.append(quoted)
            elif bare and bare in SQL_LETTERS:
                raise PlaceholderError(f"Write '%{bare}' with its quotes.")
            else:
                kept = f"'%{quoted}'" if quoted else literal or other or f"%{bare}"
                sql.append(kept.replace("%", "%%"))
        return cls("".join(sql).strip().rstrip(";"), tuple(letters))

    def values(self, subject: Subject) -> tuple[str | None, ...]:
        """Return the parameters; what a client does not have is NULL.

        Raises:
            UnusableValueError: A value is no text.
        """
        return tuple(subject.value(letter) for letter in self.letters)
