"""How a command ends that cannot do its work: one sentence, and an exit status that scripts can use."""

from __future__ import annotations

from typing import IO, Any

import click

REFUSED = 1
"""The node said no, or something failed on the way. 2 is click's, for words that make no command."""
NOT_RUNNING = 3


class Refused(click.ClickException):
    """The node does not do it; the text is a sentence."""

    exit_code = REFUSED

    def __init__(self, message: str, code: int | str | None = None) -> None:
        """Keep the sentence, and the result code that the node gave."""
        super().__init__(message)
        self.code = code
        self.was_told = False
        """A program has had it as JSON."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the sentence alone, as `emqx_ctl` does."""
        click.echo(self.format_message(), file=file, err=file is None)


class Unserved(Refused):
    """The node has no such call: what serves it is not loaded, or not for these credentials."""


class NotRunning(Refused):
    """There is no node to talk to."""

    exit_code = NOT_RUNNING


def reworded(refusal: Refused, sentence: str) -> Refused:
    """Return a refusal in a command's own sentence; that nobody is there to do it needs no other words."""
    if isinstance(refusal, NotRunning | Unserved):
        return refusal
    return Refused(sentence, refusal.code)
