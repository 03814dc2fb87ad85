"""What one run of `godwit ctl` knows: which node, and whether people or a program read what it says."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import click

from app.ctl.api import NodeApi, Progress, segment
from app.ctl.finding import local_node, remote_node
from app.ctl.refusals import Refused
from app.ctl.tables import Column, pairs, table

F = TypeVar("F", bound=Callable[..., Any])

NOT_FOUND = "Not Found."
"""EMQX's words."""


@dataclass(slots=True)
class Session:
    """The options that hold for every command, and the means to answer."""

    url: str | None = None
    app_id: str | None = None
    app_secret: str | None = field(default=None, repr=False)
    node: str | None = None
    """Which node of a cluster is meant, where a call names one."""
    as_json: bool = False
    _api: NodeApi | None = None

    @property
    def api(self) -> NodeApi:
        """Return the node that is meant; looked for when it is first asked."""
        if self._api is None:
            if self.url is None:
                self._api = local_node(os.environ)
            else:
                self._api = remote_node(self.url, self.app_id, self.app_secret)
        return self._api

    @property
    def node_path(self) -> str:
        """Return `/nodes/NAME` of the node that is meant."""
        return f"/nodes/{segment(self.node or self.api.node_name())}"

    # -- what is said --------------------------------------------------------------------------

    def say(self, sentence: str, value: object = None) -> None:
        """Tell that something is done: a sentence for people, a value for programs."""
        click.echo(_encoded({"ok": True} if value is None else value) if self.as_json else sentence)

    def table(self, rows: Iterable[Mapping[str, object]], shape: Sequence[Column]) -> None:
        """Show rows: some of their members for people, all of them for programs."""
        rows = list(rows)
        if self.as_json:
            click.echo(_encoded(rows))
            return
        heading, *lines = table(rows, shape)
        # A pipe gets it without the escape codes.
        click.secho(heading, bold=True)
        if lines:
            click.echo("\n".join(lines))

    def pairs(self, facts: Mapping[str, object], least_width: int = 0) -> None:
        """Show facts by their names."""
        if self.as_json:
            click.echo(_encoded(facts))
        elif facts:
            click.echo("\n".join(pairs(facts, least_width)))

    def lines(self, texts: Sequence[str]) -> None:
        """Show texts, one a line."""
        if self.as_json:
            click.echo(_encoded(texts))
        elif texts:
            click.echo("\n".join(texts))

    @contextmanager
    def progress(self, label: str) -> Iterator[Progress]:
        """Give what shows how far a body is: a bar on a terminal, nothing elsewhere."""
        screen = sys.stderr
        hidden = self.as_json or not screen.isatty()
        with click.progressbar(length=1, label=label, file=screen, hidden=hidden) as bar:
            told = 0

            def tell(done: int, total: int) -> None:
                nonlocal told
                bar.length = total
                bar.update(done - told)
                told = done

            yield tell


pass_session = click.make_pass_decorator(Session)


def first(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the one row of an answer.

    Raises:
        Refused: There is none.
    """
    if not rows:
        raise Refused(NOT_FOUND)
    return rows[0]


def _encoded(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _take_json(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(Session).as_json = True


def _json_option() -> click.Option:
    return click.Option(
        ["--json"],
        is_flag=True,
        expose_value=False,
        callback=_take_json,
        help="Answer in JSON, for programs.",
    )


class Command(click.Command):
    """A command that takes `--json` behind its words, where fingers put it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Add the option."""
        super().__init__(*args, **kwargs)
        self.params.append(_json_option())


class Group(click.Group):
    """Commands under one word, which takes `--json` too; for a program, a refusal is JSON as well."""

    command_class = Command
    group_class = type

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Add the option."""
        super().__init__(*args, **kwargs)
        self.params.append(_json_option())

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that is named."""
        try:
            return super().invoke(ctx)
        except Refused as refusal:
            ended = self.explained(refusal)
            session = ctx.find_object(Session)
            if session is not None and session.as_json and not ended.was_told:
                ended.was_told = True
                click.echo(_encoded({"error": ended.message, "code": ended.code}))
            raise ended from None

    def explained(self, refusal: Refused) -> Refused:
        """Return a refusal as these commands tell it."""
        return refusal
