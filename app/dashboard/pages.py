"""What a page is: a row that says where it is served, where it stands in the menu, and who may do what on it.

Every module of `app.dashboard.views` has a table `PAGES`; nothing else names a page.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from flask.typing import ResponseReturnValue

from app.dashboard import views
from app.dashboard.access import Right
from app.dashboard.texts import N_
from app.services import Services

View = Callable[[Services], ResponseReturnValue]
"""Reads `flask.request`, asks services, returns HTML; `ServiceError` may pass through it."""
DEFAULT_BODY_BYTES = 1_000_000


class Section(Enum):
    """The parts of the menu, in their order."""

    MONITOR = N_("Monitor")
    RULES = N_("Rule engine")
    DIAGNOSE = N_("Diagnose")
    MANAGE = N_("Manage")
    ACCESS = N_("Access control")
    TOOLS = N_("Tools")
    SYSTEM = N_("System")


@dataclass(frozen=True, slots=True)
class Route:
    """Something that a page does besides being shown: an action, a fragment, data of a chart."""

    method: str
    path: str
    """Below `/dashboard`: `/clients/kick`. Names of clients and topics go into the query or the form, never in here."""
    view: View
    right: Right = Right.READ
    max_body_bytes: int = DEFAULT_BODY_BYTES


@dataclass(frozen=True, slots=True)
class Page:
    """One page."""

    name: str
    """Also the name of its file of Chinese texts."""
    title: str
    path: str
    view: View
    section: Section | None = None
    """Where it stands in the menu; None for a page that others lead to."""
    icon: str = "point"
    """A name of tabler.io/icons."""
    order: int = 100
    """Its place in the section."""
    right: Right = Right.READ
    parent: str = ""
    """Name of the page above it, for the way back."""
    routes: tuple[Route, ...] = ()

    def all_routes(self) -> Iterable[Route]:
        """Return its routes, the page itself first."""
        return Route("GET", self.path, self.view, self.right), *self.routes


def all_pages() -> list[Page]:
    """Return the pages of all modules in `views`, in the order of the menu.

    Raises:
        ValueError: Two have one name.
    """
    found: list[Page] = []
    for module in pkgutil.iter_modules(views.__path__, f"{views.__name__}."):
        found += importlib.import_module(module.name).PAGES
    names = [page.name for page in found]
    if len(set(names)) < len(names):
        raise ValueError(f"two pages have one name: {sorted(names)}")
    sections = list(Section)
    return sorted(
        found,
        key=lambda page: (
            sections.index(page.section) if page.section else len(sections),
            page.order,
            page.name,
        ),
    )
