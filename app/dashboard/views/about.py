"""Help: what this is, in which versions, under which licences, and where to read on."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, metadata

from flask import request
from flask.typing import ResponseReturnValue

from app.dashboard.answers import show
from app.dashboard.pages import Page, Section
from app.dashboard.texts import N_
from app.services import Services
from app.version import VERSION

PACKAGES = (
    "uvloop",
    "Flask",
    "Flask-Login",
    "Flask-WTF",
    "gunicorn",
    "SQLAlchemy",
    "alembic",
    "marshmallow",
    "apispec",
    "orjson",
    "cryptography",
    "argon2-cffi",
    "websockets",
    "Jinja2",
)
"""Of Python, of those that do the most."""
SCRIPTS = (
    ("htmx", "0BSD", "https://htmx.org"),
    ("Tabler", "MIT", "https://tabler.io"),
    ("Tabler Icons", "MIT", "https://tabler.io/icons"),
    ("uPlot", "MIT", "https://github.com/leeoniya/uPlot"),
    ("CodeMirror", "MIT", "https://codemirror.net"),
    ("MQTT.js", "MIT", "https://github.com/mqttjs/MQTT.js"),
)
"""What the browser has of others."""
DOCUMENTS = (
    ("README.md", N_("The first five minutes")),
    ("docs/configuration.md", N_("Every setting")),
    ("docs/compatibility.md", N_("Where Godwit and EMQX differ")),
    ("docs/ctl.md", N_("godwit ctl in a shell")),
    ("docs/sql.md", N_("The statements of rules")),
    ("docs/rules-actions.md", N_("Actions of rules, and how they are delivered")),
    ("docs/plugins.md", N_("Plugins, and writing one")),
    ("docs/backup.md", N_("Backup and restore")),
    ("docs/architecture.md", N_("How it is built")),
)
"""Files of the folder that Godwit runs from."""
LINKS = (
    ("https://mqtt.org/mqtt-specification/", N_("The MQTT standard")),
    (
        "https://docs.emqx.com/en/emqx/v4.4/",
        N_("EMQX 4.4: its documentation applies to the API and the rules"),
    ),
)


def about(services: Services) -> ResponseReturnValue:
    """Show the page."""
    name, version = services.nodes.status()[0], VERSION
    return show(
        "pages/about.html",
        name=name,
        version=version,
        packages=packages(),
        scripts=SCRIPTS,
        documents=DOCUMENTS,
        links=LINKS,
        docs=f"{request.script_root}/api/docs",
    )


@cache
def packages() -> list[tuple[str, str, str]]:
    """Return name, version and licence of what is installed."""
    found = []
    for name in PACKAGES:
        try:
            told = metadata(name)
        except PackageNotFoundError:
            continue
        found.append((name, told["Version"], _licence(told)))
    return found


def _licence(told: object) -> str:
    """Return a licence in a word; packages say it in one of three places."""
    get_all = getattr(told, "get_all")  # noqa: B009 - the protocol of the library lacks it in older typings
    written = (get_all("License-Expression") or get_all("License") or [""])[0]
    if written and len(written) < 40:
        return str(written)
    classified = [
        one.rsplit(" :: ", 1)[-1] for one in get_all("Classifier") or () if "License" in one
    ]
    return ", ".join(classified) or "\u2013"


PAGES = (
    Page(
        name="about",
        title=N_("Help"),
        path="/about",
        view=about,
        section=Section.SYSTEM,
        icon="help-circle",
        order=90,
    ),
)
