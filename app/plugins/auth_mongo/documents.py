"""Selectors of the operator, taken apart once, and what the documents that they find mean.

A selector says which fields have which texts. What a client says becomes such a text and nothing else: no operator, no
pattern and no part of a document can be made of it, whatever the client calls itself.

Source: EMQX 4.4 `emqx_auth_mongo`, `emqx_acl_mongo`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.auth.placeholders import PlaceholderError, Subject, Template
from app.backends.breaker import BackendError
from app.broker.client_info import ClientInfo
from app.plugins.acl_topics import feed_anywhere, is_met

LETTERS = "ucaCd"
EVERYBODY = "$"
"""What a text such as `$all` begins with, which documents are for more than one client."""
LISTS = {"publish": ("publish", "pubsub"), "subscribe": ("subscribe", "pubsub")}
"""Fields of an access rule by action."""

Document = Mapping[str, Any]
Filter = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Selector:
    """Which documents are meant: texts by field."""

    texts: tuple[tuple[str, Template], ...]

    @classmethod
    def parse(cls, text: str) -> Selector:
        """Take a selector apart.

        Args:
            text: `FIELD=TEXT`, several with commas or blanks between them.

        Raises:
            PlaceholderError: It is none.
        """
        texts = []
        for part in re.split("[, ]+", text.strip(", ")):
            name, equals, value = part.partition("=")
            if not (name and equals and value):
                raise PlaceholderError("Write FIELD=TEXT, several with commas between them.")
            texts.append((field_name(name), Template.parse(value, LETTERS)))
        return cls(tuple(texts))

    def render(self, subject: Subject, *, clients_only: bool = False) -> dict[str, str] | None:
        """Return the texts with a client's values; None where the client has no such thing.

        Args:
            subject: Whose values.
            clients_only: Leave documents that are for everybody to selectors that say so: a client that is called
                `$all` does not find them by its name.

        Raises:
            UnusableValueError: A value is no text.
        """
        found: dict[str, str] = {}
        for name, template in self.texts:
            value = template.render(subject)
            if value is None:
                return None
            if clients_only and template.letters and value.startswith(EVERYBODY):
                return None
            found[name] = value
        return found


def field_name(text: str) -> str:
    """Return the name of a field.

    Raises:
        PlaceholderError: It is an operator of MongoDB, which could take a text for a program.
    """
    name = text.strip()
    if not name or "\0" in name or any(part[:1] in ("", "$") for part in name.split(".")):
        raise PlaceholderError(f"{text!r} is no name of a field.")
    return name


@dataclass(frozen=True, slots=True)
class Query:
    """Where to look, for which documents, and which of their fields are wanted."""

    collection: str
    selector: Selector
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AclQuery:
    """Where access rules are, and which of them are a client's."""

    collection: str
    selectors: tuple[Selector, ...]

    def render(self, subject: Subject) -> Filter | None:
        """Return what finds a client's rules in one go; None where no selector is about such a client.

        Raises:
            UnusableValueError: A value is no text.
        """
        made = [one.render(subject, clients_only=True) for one in self.selectors]
        filters = [one for one in made if one is not None]
        if len(filters) > 1:
            return {"$or": filters}
        return {**filters[0]} if filters else None


@dataclass(frozen=True, slots=True)
class StoredPassword:
    """What MongoDB has of a client's password; a value that is no text fits nothing."""

    digest: str | None
    salt: str | None

    def __repr__(self) -> str:
        """Show nothing."""
        return "StoredPassword()"


def read_password(document: Document, fields: Sequence[str]) -> StoredPassword:
    """Return what is stored, by the names of one or two fields."""
    values = [_text(_at(document, name)) for name in fields]
    return StoredPassword(values[0], values[1] if len(values) > 1 else None)


def read_superuser(document: Document | None, name: str) -> bool:
    """Tell whether a document has EMQX's yes."""
    return document is not None and _at(document, name) is True


def topics_of(documents: Sequence[Document], action: str) -> list[str]:
    """Return the filters of all lists for an action; what is no text is passed over.

    Raises:
        BackendError: A list is none.
    """
    topics: list[str] = []
    for document in documents:
        for name in LISTS[action]:
            listed = document.get(name, ())
            if not isinstance(listed, list | tuple):
                raise BackendError(f"{name} of an access rule must be a list")
            topics += [one for one in listed if isinstance(one, str) and one]
    return topics


def first_that_allows(topics: Sequence[str], client: ClientInfo, topic: str) -> str | None:
    """Return the first of the filters that covers what a client wants, as it is written; None where there is none."""
    for one in topics:
        topic_filter = feed_anywhere(one, client)
        if topic_filter is not None and is_met(topic, topic_filter, allows=True):
            return one
    return None


def _at(document: Any, name: str) -> object:
    """Return a field; dots lead into documents within, as they do for MongoDB."""
    for part in name.split("."):
        document = document.get(part) if isinstance(document, Mapping) else None
    return document


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
