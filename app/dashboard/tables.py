"""Lists that the server pages, sorts and filters: what a page asked for, and what its template shows of it.

The state is in the address, so a list can be bookmarked, and works without a script. `parts/table.html` has the macro.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import request

from app.dashboard.answers import url
from app.node.proxy import PageRequest

LIMITS = (20, 50, 100)
_LAST_PAGE = 1_000_000


@dataclass(frozen=True, slots=True)
class Column:
    """One column; its title is marked with `N_`."""

    name: str
    title: str
    sortable: bool = False
    largest_first: bool = False
    """Sorted this way round only, where a service knows no other; a second click takes the order away."""
    is_number: bool = False
    """Stands at the right edge."""
    on_phone: bool = True
    """Whether it is worth its room on a small screen."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One field above the list."""

    name: str
    title: str
    choices: tuple[tuple[str, str], ...] = ()
    """Values and their texts, marked with `N_`; without any it is a field for text."""
    placeholder: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A list as its page declares it."""

    id: str
    """Of the element, which is what htmx replaces."""
    path: str
    """Of the page that shows it."""
    columns: tuple[Column, ...]
    filters: tuple[Filter, ...] = ()
    empty: str = ""
    """What to say where there is nothing at all, marked with `N_`."""

    @property
    def hidden_on_phones(self) -> str:
        """Return the classes that hide the columns of which small screens have no room."""
        return " ".join(
            f"phone-hides-{place}"
            for place, column in enumerate(self.columns, 1)
            if not column.on_phone
        )

    def asked(self) -> TableState:
        """Return what the request asks for; what cannot be read means nothing."""
        given = request.args
        sortable = {column.name for column in self.columns if column.sortable}
        limit = given.get("limit", LIMITS[0], type=int)
        return TableState(
            page=min(max(given.get("page", 1, type=int), 1), _LAST_PAGE),
            limit=limit if limit in LIMITS else LIMITS[0],
            sort=given.get("sort", "") if given.get("sort", "") in sortable else "",
            is_descending=given.get("desc") == "1",
            filters={
                one.name: text for one in self.filters if (text := given.get(one.name, "").strip())
            },
        )


@dataclass(frozen=True, slots=True)
class TableState:
    """What was asked for."""

    page: int = 1
    limit: int = LIMITS[0]
    sort: str = ""
    is_descending: bool = False
    filters: Mapping[str, str] = field(default_factory=dict)

    def page_request(self) -> PageRequest:
        """Return the page for a service."""
        return PageRequest(self.page, self.limit, counted=True)

    def query(self, **changes: object) -> dict[str, object]:
        """Return the parameters that ask for this state, with changes; defaults are left out."""
        state: dict[str, object] = {
            **self.filters,
            "sort": self.sort,
            "desc": "1" if self.is_descending else "",
            "limit": self.limit if self.limit != LIMITS[0] else "",
            "page": self.page,
        }
        state |= changes
        if state["page"] == 1:
            state["page"] = ""
        return state


@dataclass(frozen=True, slots=True)
class TableView:
    """One page of a list, for the macro."""

    table: Table
    state: TableState
    rows: Sequence[Any]
    total: int
    """-1 where nobody counted."""
    has_next: bool

    @classmethod
    def in_memory(
        cls, table: Table, state: TableState, rows: Sequence[Mapping[str, Any]]
    ) -> TableView:
        """Filter, sort and page rows that are all here, for lists that cannot get long.

        Text filters look for their text within the column of their name, choices for the very value.
        """
        kept = [row for row in rows if all(_passes(row, one, state) for one in table.filters)]
        if state.sort:
            kept.sort(key=lambda row: _sortable(row[state.sort]), reverse=state.is_descending)
        first = (state.page - 1) * state.limit
        shown = kept[first : first + state.limit]
        return cls(table, state, shown, len(kept), first + state.limit < len(kept))

    @property
    def first(self) -> int:
        """Return the number of the first row."""
        return (self.state.page - 1) * self.state.limit + 1

    @property
    def last(self) -> int:
        """Return the number of the last row that is shown."""
        return self.first + len(self.rows) - 1

    def link(self, **changes: object) -> str:
        """Return the address of this list in another state."""
        return url(self.table.path, **self.state.query(**changes))

    def sort_link(self, column: Column) -> str:
        """Return the address of this list sorted by a column; the second time the other way round."""
        if column.largest_first:
            is_sorted = self.state.sort == column.name
            return self.link(sort="" if is_sorted else column.name, desc="", page=1)
        is_again = self.state.sort == column.name and not self.state.is_descending
        return self.link(sort=column.name, desc="1" if is_again else "", page=1)

    def sorted_how(self, column: Column) -> str:
        """Return `aria-sort` of a column."""
        if self.state.sort != column.name:
            return "none"
        is_descending = self.state.is_descending or column.largest_first
        return "descending" if is_descending else "ascending"


def _passes(row: Mapping[str, Any], one: Filter, state: TableState) -> bool:
    wanted = state.filters.get(one.name)
    if wanted is None:
        return True
    found = str(row[one.name])
    return found == wanted if one.choices else wanted.casefold() in found.casefold()


def _sortable(value: object) -> tuple[int, object]:
    # Numbers before texts, and what there is not before both, so that any column can be sorted.
    if value is None:
        return 0, 0
    return (1, value) if isinstance(value, int | float) else (2, str(value).casefold())
