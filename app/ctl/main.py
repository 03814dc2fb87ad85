"""`godwit ctl` itself: the options for every command, and the list of them all."""

from __future__ import annotations

from collections.abc import Iterator

import click

from app.ctl.commands import (
    access,
    bridges,
    clients,
    data,
    explain,
    extensions,
    listeners,
    messages,
    node,
    rules,
    traces,
)
from app.ctl.session import Group, Session, pass_session

USAGE_WIDTH = 48
"""As `emqx_ctl` prints its own list; longer words make it wider."""


@click.group(cls=Group)
@click.option("--url", envvar="GODWITCTL_URL", help="Of another node's API: http://HOST:8081.")
@click.option("--app-id", envvar="GODWITCTL_APP_ID", help="Application to call --url with.")
@click.option("--app-secret", envvar="GODWITCTL_APP_SECRET", help="Its secret.")
@click.option("--node", help="Node of the cluster that is meant; the one that answers by default.")
@click.pass_context
def ctl(
    context: click.Context,
    *,
    url: str | None,
    app_id: str | None,
    app_secret: str | None,
    node: str | None,
) -> None:
    """Operate a running node in the words of emqx_ctl.

    The node of the instance folder is meant (GODWIT_INSTANCE), or the one at --url.
    """
    # It may be there already, made by --json.
    session = context.ensure_object(Session)
    session.url, session.app_id, session.app_secret = url, app_id, app_secret
    session.node = node


for _part in (
    node,
    clients,
    messages,
    extensions,
    access,
    explain,
    listeners,
    data,
    traces,
    rules,
    bridges,
):
    for _command in _part.COMMANDS:
        ctl.add_command(_command)


@ctl.command("help")
@pass_session
def help_(session: Session) -> None:
    """List all commands."""
    usages = dict(_usages(ctl, ()))
    if session.as_json:
        session.pairs(usages)
        return
    wide = max(USAGE_WIDTH, 1 + max(map(len, usages)))
    session.lines([f"{usage:<{wide}}# {text}" for usage, text in usages.items()])


def _usages(group: click.Group, words: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Return the words of every command below a group, with what it does."""
    for name, command in group.commands.items():
        path = (*words, name)
        if not isinstance(command, click.Group) or command.invoke_without_command:
            arguments = [
                _argument(one) for one in command.params if isinstance(one, click.Argument)
            ]
            yield " ".join((*path, *arguments)).rstrip(), command.get_short_help_str(200)
        if isinstance(command, click.Group):
            yield from _usages(command, path)


def _argument(argument: click.Argument) -> str:
    if argument.metavar is not None:
        return argument.metavar
    said = (argument.name or "").upper()
    return f"<{said}>" if argument.required else f"[<{said}>]"
