"""Traces: what happens to one client, topic or address, in a log of its own.

EMQX's `trace` writes into a file that is named at the start. Here the node keeps the log in its instance folder, and
`trace stop` fetches it, so that it works from another machine as well and no call can have a node write anywhere.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import click

from app.ctl.api import segment
from app.ctl.refusals import Refused, reworded
from app.ctl.session import Group, Session, pass_session
from app.ctl.tables import columns

KINDS = {"client": "clientid", "topic": "topic", "ip_address": "ip_address"}
"""EMQX's words on the command line, and in the API."""
KIND = click.Choice(list(KINDS))
TRACE = columns("name", "type", "filter", "status", "log_size", "start_at", "end_at")
NOT_LOADED = "module_not_loaded"


@click.group(cls=Group)
def trace() -> None:
    """Trace a client, a topic or an address (module emqx_mod_trace)."""


@trace.command("list")
@pass_session
def trace_list(session: Session) -> None:
    """List all traces."""
    rows = _traces(session)
    session.table(rows if session.as_json else map(_readable, rows), TRACE)


@trace.command("start")
@click.argument("kind", metavar="client|topic|ip_address", type=KIND)
@click.argument("who")
@click.argument("more", nargs=-1, metavar="")
@click.option("--seconds", type=click.IntRange(1), default=900, show_default=True)
@click.option("--name", help="What to call it; made up otherwise.")
@pass_session
def trace_start(
    session: Session, kind: str, who: str, more: tuple[str, ...], *, seconds: int, name: str | None
) -> None:
    """Trace for a while; the node keeps the log."""
    if more:
        raise click.UsageError(
            f"The node keeps the log: `trace stop {kind} {who} {more[0]}` will fetch it."
        )
    word = KINDS[kind]
    now_s = int(time.time())
    body = {
        "name": name or f"ctl-{word}-{time.time_ns()}",
        "type": word,
        word: who,
        "end_at": datetime.fromtimestamp(now_s + seconds, UTC).isoformat(),
    }
    try:
        session.api.post("/trace", body)
    except Refused as refusal:
        raise _explained(refusal, f"[error] trace {word} {who}") from None
    session.say(f"trace {word} {who} successfully", {"name": body["name"]})


@trace.command("stop")
@click.argument("kind", metavar="client|topic|ip_address", type=KIND)
@click.argument("who")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@pass_session
def trace_stop(session: Session, kind: str, who: str, file: Path | None) -> None:
    """Stop tracing, and save the log to a file here."""
    word = KINDS[kind]
    going_on = [
        row["name"]
        for row in _traces(session)
        if row["type"] == word and row[word] == who and row["status"] != "stopped"
    ]
    if not going_on:
        raise Refused(f"[error] stop tracing {word} {who}: not_found")
    for name in going_on:
        session.api.put(f"/trace/{segment(name)}/stop")
    if file is not None:
        _save(session, going_on, file)
    session.say(f"stop tracing {word} {who} successfully", {"stopped": going_on})


@trace.command("delete")
@click.argument("name")
@pass_session
def trace_delete(session: Session, name: str) -> None:
    """Delete a trace with its log."""
    session.api.delete(f"/trace/{segment(name)}")
    session.say("ok")


def _traces(session: Session) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = session.api.get("/trace")
    except Refused as refusal:
        raise _explained(refusal, "[error] trace") from None
    return rows


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    sizes = row["log_size"].values()
    return {**row, "filter": row[row["type"]], "log_size": sum(sizes)}


def _explained(refusal: Refused, sentence: str) -> Refused:
    why = refusal.message
    if why == NOT_LOADED:
        why = "load the module first: godwit ctl modules load emqx_mod_trace"
    return reworded(refusal, f"{sentence}: {why}")


def _save(session: Session, names: list[str], file: Path) -> None:
    """Write the logs of traces to a file, one behind the other."""
    packed = []
    for name in names:
        with session.progress("Downloading") as progress:
            packed.append(session.api.download(f"/trace/{segment(name)}/download", progress))
    try:
        with file.open("wb") as out:
            for log in packed:
                with ZipFile(BytesIO(log)) as archive:
                    for member in archive.namelist():
                        out.write(archive.read(member))
    except BadZipFile:
        raise Refused("The log that the node sends is damaged.") from None
    except OSError as error:
        raise Refused(f"{error.strerror}: {file}") from None


COMMANDS: tuple[click.Command, ...] = (trace,)
