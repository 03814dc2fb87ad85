"""Actions of a rule as one form: any number of them, each with its parameters and its fallbacks.

A field's name says where its action stands: `action.0.1.p.body` is the parameter `body` of the second fallback of the
first action. The server adds, moves and removes, so the form works without scripts, and a draft needs no storage.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.dashboard.forms import Field, fields_of, values_of
from app.dashboard.texts import language
from app.rules.actions.base import RESOURCE, ActionSpec, ActionType
from app.rules.params import rows
from app.services import Services

Place = tuple[int, ...]
FALLBACK_LEVELS = 3
DELIVERY = frozenset({"batch_size", "disk_cache", "max_retries", "max_retry_time", "order_by"})
TLS = frozenset({"cacertfile", "certfile", "keyfile", "server_name_indication", "verify"})
"""Parameters that many leave alone; a form folds them up."""
_NAME = re.compile(r"action\.((?:\d{1,3}\.){1,4})name")


@dataclass(frozen=True, slots=True)
class ActionDraft:
    """One action as it stands in the form."""

    place: Place
    id: str
    name: str
    title: str
    description: str
    """What its kind is called and does, in the reader's language; empty where nobody brings that kind any more."""
    fields: tuple[Field, ...]
    types: tuple[str, ...]
    """The kinds of resource of which it needs one."""
    fallbacks: tuple[ActionDraft, ...] = ()

    @property
    def key(self) -> str:
        """Return what the names of its fields begin with."""
        return "action." + "".join(f"{one}." for one in self.place)

    @property
    def may_have_fallbacks(self) -> bool:
        """Tell whether one more level is allowed below it."""
        return len(self.place) <= FALLBACK_LEVELS

    def part(self, names: frozenset[str]) -> list[Field]:
        """Return its fields with these names of parameters."""
        return [one for one in self.fields if _own(one) in names]

    def plain(self) -> list[Field]:
        """Return its fields that are not folded up."""
        return [one for one in self.fields if _own(one) not in DELIVERY | TLS]

    def delivery(self) -> list[Field]:
        """Return the fields that say how it delivers."""
        return self.part(DELIVERY)


def _own(field: Field) -> str:
    return field.name.partition(".p.")[2]


def said(words: Any) -> str:
    """Return `Words` in the reader's language."""
    return str(words.zh if language() == "zh" else words.en)


def drafts_of(services: Services, specs: Iterable[ActionSpec]) -> tuple[ActionDraft, ...]:
    """Return the form for actions that are stored."""
    return _drafts(services, specs, ())


def _drafts(
    services: Services, specs: Iterable[ActionSpec], above: Place
) -> tuple[ActionDraft, ...]:
    return tuple(
        replace(
            _draft(services, (*above, number), spec.name, spec.id, spec.params),
            fallbacks=_drafts(services, spec.fallbacks, (*above, number)),
        )
        for number, spec in enumerate(specs)
    )


def _draft(
    services: Services, place: Place, name: str, action_id: str, values: Mapping[str, Any]
) -> ActionDraft:
    kind = _kind(services, name)
    if kind is None:
        return ActionDraft(place, action_id, name, "", "", (), ())
    draft = ActionDraft(
        place, action_id, name, said(kind.title), said(kind.description), (), kind.types
    )
    fields = fields_of(rows(kind.params), values)
    named = (_named(services, draft.key, kind, one) for one in fields)
    return replace(draft, fields=tuple(named))


def _kind(services: Services, name: str) -> ActionType | None:
    return next((one for one in services.rules.actions() if one.name == name), None)


def _named(services: Services, key: str, kind: ActionType, field: Field) -> Field:
    named = replace(field, name=f"{key}p.{field.name}")
    if field.name != RESOURCE:
        return named
    ids = [one.id for one in services.resources.list() if one.type in kind.types]
    if field.value and field.value not in ids:
        ids.append(field.value)
    return replace(named, widget="choice", choices=tuple(ids))


# -- what was sent -----------------------------------------------------------------------------------


def drafts_sent(services: Services, sent: Mapping[str, str]) -> tuple[ActionDraft, ...]:
    """Return the form as it was sent, whatever was typed into it."""
    places = sorted(_place(found[1]) for name in sent if (found := _NAME.fullmatch(name)))
    return _sent_below(services, sent, places, ())


def _place(text: str) -> Place:
    return tuple(int(one) for one in text.rstrip(".").split("."))


def _sent_below(
    services: Services, sent: Mapping[str, str], places: Sequence[Place], above: Place
) -> tuple[ActionDraft, ...]:
    found = []
    for place in (one for one in places if one[:-1] == above):
        key = "action." + "".join(f"{one}." for one in place)
        empty = _draft(services, place, sent[f"{key}name"], sent.get(f"{key}id", ""), {})
        typed = tuple(replace(one, value=_typed(one, sent)) for one in empty.fields)
        below = _sent_below(services, sent, places, place)
        found.append(replace(empty, fields=typed, fallbacks=below))
    return tuple(found)


def _typed(field: Field, sent: Mapping[str, str]) -> Any:
    text = sent.get(field.name, "")
    return text != "" if field.widget == "switch" else text


def with_one_more(
    services: Services, drafts: Sequence[ActionDraft], above: Place, name: str, at: Place = ()
) -> tuple[ActionDraft, ...]:
    """Return actions with a new one of a kind.

    Args:
        services: Know the kinds.
        drafts: Those that there are.
        above: The place of the action whose fallback it is, seen from here; nothing for one beside them.
        name: Of the kind.
        at: Where `drafts` stand themselves.
    """
    if not above:
        number = max((one.place[-1] for one in drafts), default=-1) + 1
        return (*drafts, _draft(services, (*at, number), name, "", {}))
    return tuple(
        replace(one, fallbacks=with_one_more(services, one.fallbacks, above[1:], name, one.place))
        if one.place[-1] == above[0]
        else one
        for one in drafts
    )


def without(drafts: Sequence[ActionDraft], place: Place) -> tuple[ActionDraft, ...]:
    """Return actions without one of them; what was below it goes with it."""
    return tuple(
        replace(one, fallbacks=without(one.fallbacks, place))
        for one in drafts
        if one.place != place
    )


def params_of(drafts: Iterable[ActionDraft], sent: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return what was typed as services take it.

    Raises:
        ServiceError: Something cannot be read, in the reader's language.
    """
    return [
        {
            "name": one.name,
            **({"id": one.id} if one.id else {}),
            "params": parameters_sent(one.fields, sent, one.key + "p."),
            "fallbacks": params_of(one.fallbacks, sent),
        }
        for one in drafts
    ]


def parameters_sent(
    fields: Iterable[Field], sent: Mapping[str, str], prefix: str = ""
) -> dict[str, Any]:
    """Return parameters by their own names.

    Raises:
        ServiceError: Something cannot be read, in the reader's language.
    """
    fields = list(fields)
    values = values_of(fields, sent)
    # A template that was emptied is an empty one, not the default.
    emptied = [one for one in fields if one.widget == "textarea" and sent.get(one.name) == ""]
    values |= {one.name: "" for one in emptied}
    return {name.removeprefix(prefix): value for name, value in values.items()}
