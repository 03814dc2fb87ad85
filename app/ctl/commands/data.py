"""Everything an administrator decided, in EMQX's format: data export, data import."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from app.ctl.api import segment
from app.ctl.refusals import Refused, reworded
from app.ctl.session import Group, Session, pass_session

UNSUPPORTED = "unsupported_version"


@click.group(cls=Group)
def data() -> None:
    """Export and import data in the format of EMQX 4."""


@data.command("export")
@click.option(
    "--to",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Save the export here as well; the node keeps it in any case.",
)
@pass_session
def data_export(session: Session, to: Path | None) -> None:
    """Export data."""
    try:
        made = session.api.post("/data/export")
        place = made["filename"]
        if to is not None:
            _download(session, place, to)
            place = str(to)
    except Refused as refusal:
        sentence = f"The emqx data export failed due to {refusal.message}."
        raise reworded(refusal, sentence) from None
    session.say(f"The emqx data has been successfully exported to {place}.", made)


def _download(session: Session, filename: str, to: Path) -> None:
    with session.progress("Downloading") as progress:
        answer = session.api.call("GET", f"/data/file/{segment(filename)}", progress=progress)
    try:
        # It holds secrets: nobody else's to read.
        to.touch(mode=0o600)
        to.write_text(answer["file"], encoding="utf-8")
    except OSError as error:
        raise Refused(f"{error.strerror}: {to}") from None


@data.command("import")
@click.argument("file")
@click.option("--env", default="{}", help="JSON object of what is given beside the file.")
@click.option("--dry-run", is_flag=True, help="Show the difference and change nothing.")
@pass_session
def data_import(session: Session, file: str, env: str, *, dry_run: bool) -> None:
    """Import data from a file here, or from one that the node has; all of it or nothing."""
    body: dict[str, Any] = {"filename": file, "env": _object(env), "dry_run": dry_run}
    is_here = Path(file).is_file()
    try:
        if is_here:
            body["filename"] = _upload(session, Path(file))
        done = session.api.post("/data/import", body)
        if is_here and dry_run:
            session.api.delete(f"/data/file/{segment(body['filename'])}")
    except Refused as refusal:
        why = "Unsupported version" if refusal.code == UNSUPPORTED else refusal.message.rstrip(".")
        raise reworded(refusal, f"The emqx data import failed: {why}.") from None
    if dry_run:
        session.pairs(done if session.as_json else _counted(done))
        return
    session.say("The emqx data has been imported successfully.")


def _object(text: str) -> dict[str, Any]:
    try:
        given = json.loads(text)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise click.UsageError("--env takes a JSON object.")
    return given


def _upload(session: Session, file: Path) -> str:
    """Send a file to the node, and return its name there."""
    try:
        text = file.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(f"{file} is no text in UTF-8") from None
    except OSError as error:
        raise Refused(f"{error.strerror}: {file}") from None
    body = {"filename": file.name, "file": text}
    with session.progress("Uploading") as progress:
        session.api.call("POST", "/data/file", body, progress=progress)
    return file.name


def _counted(difference: dict[str, Any]) -> dict[str, object]:
    """Return the counts of a difference by its sections; what is no section is left out."""
    return {
        name: {word: count for word, count in section.items() if isinstance(count, int)}
        for name, section in difference.items()
        if isinstance(section, dict)
    }


COMMANDS: tuple[click.Command, ...] = (data,)
