"""What is loaded: plugins, modules."""

from __future__ import annotations

from dataclasses import dataclass

import click

from app.ctl.api import segment
from app.ctl.refusals import Refused, reworded
from app.ctl.session import Group, Session, pass_session
from app.ctl.tables import columns

EXTENSION = columns("name", "description", "active")


@dataclass(frozen=True, slots=True)
class Kind:
    """Plugins or modules: the word in sentences, and in paths."""

    word: str
    path: str


PLUGIN = Kind("plugin", "plugins")
MODULE = Kind("module", "modules")


def _list(session: Session, kind: Kind) -> None:
    session.table(session.api.get(f"{session.node_path}/{kind.path}"), EXTENSION)


def _change(session: Session, kind: Kind, verb: str, name: str) -> None:
    """Load, unload or reload, in EMQX's sentences."""
    try:
        session.api.put(f"{session.node_path}/{kind.path}/{segment(name)}/{verb}")
    except Refused as refusal:
        why = refusal.message.rstrip(".")
        sentence = f"{verb.capitalize()} {kind.word} {name} error: {why}."
        raise reworded(refusal, sentence) from None
    session.say(f"{kind.word.capitalize()} {name} {verb}ed successfully.")


@click.group(cls=Group)
def plugins() -> None:
    """Look after plugins."""


@plugins.command("list")
@pass_session
def plugins_list(session: Session) -> None:
    """Show loaded plugins."""
    _list(session, PLUGIN)


@plugins.command("load")
@click.argument("plugin")
@pass_session
def plugins_load(session: Session, plugin: str) -> None:
    """Load plugin."""
    _change(session, PLUGIN, "load", plugin)


@plugins.command("unload")
@click.argument("plugin")
@pass_session
def plugins_unload(session: Session, plugin: str) -> None:
    """Unload plugin."""
    _change(session, PLUGIN, "unload", plugin)


@plugins.command("reload")
@click.argument("plugin")
@pass_session
def plugins_reload(session: Session, plugin: str) -> None:
    """Reload plugin."""
    _change(session, PLUGIN, "reload", plugin)


@click.group(cls=Group)
def modules() -> None:
    """Look after modules."""


@modules.command("list")
@pass_session
def modules_list(session: Session) -> None:
    """Show loaded modules."""
    _list(session, MODULE)


@modules.command("load")
@click.argument("module")
@pass_session
def modules_load(session: Session, module: str) -> None:
    """Load module."""
    _change(session, MODULE, "load", module)


@modules.command("unload")
@click.argument("module")
@pass_session
def modules_unload(session: Session, module: str) -> None:
    """Unload module."""
    _change(session, MODULE, "unload", module)


@modules.command("reload")
@click.argument("module")
@pass_session
def modules_reload(session: Session, module: str) -> None:
    """Reload module."""
    _change(session, MODULE, "reload", module)


COMMANDS: tuple[click.Command, ...] = (plugins, modules)
