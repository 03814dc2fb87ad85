"""What is loaded: plugins, modules."""

from __future__ import annotations

from dataclasses import dataclass

import click

from app.ctl.api import segment
from app.ctl.refusals import Refused, reworded
from app.ctl.session import Command, Group, Session, pass_session
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


def _commands(kind: Kind) -> click.Group:
    """Return the commands about one kind of extension."""
    group = Group(kind.path, help=f"Look after {kind.path}.")

    @group.command("list", help=f"Show loaded {kind.path}.")
    @pass_session
    def show(session: Session) -> None:
        _list(session, kind)

    for verb in ("load", "unload", "reload"):
        group.add_command(_verb(kind, verb))
    if kind is PLUGIN:
        group.add_command(metrics)
    return group


@click.command("metrics", cls=Command)
@click.argument("name", metavar="PLUGIN")
@pass_session
def metrics(session: Session, name: str) -> None:
    """Show what a plugin has counted."""
    session.pairs(session.api.get(f"/plugins/{segment(name)}/metrics"))


def _verb(kind: Kind, verb: str) -> click.Command:
    @click.command(verb, cls=Command, help=f"{verb.capitalize()} {kind.word}.")
    @click.argument("name", metavar=kind.word.upper())
    @pass_session
    def change(session: Session, name: str) -> None:
        _change(session, kind, verb, name)

    return change


COMMANDS: tuple[click.Command, ...] = (_commands(PLUGIN), _commands(MODULE))
