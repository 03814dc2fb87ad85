"""The node itself: status, broker, cluster, vm, mnesia, log."""

from __future__ import annotations

import click

from app.ctl.api import segment
from app.ctl.refusals import Refused
from app.ctl.session import Command, Group, Session, pass_session
from app.ctl.tables import pairs, shown

ONE_NODE = "a Godwit node is a cluster of its own"
LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
VM_SECTIONS = {
    "load": "cpu",
    "memory": "memory",
    "process": "process",
    "io": "io",
    "ports": "ports",
}
"""What a section is called, and what EMQX prints before the slash of its lines."""
VM_WIDTH = 24
METRIC_WIDTH = 30


@click.command(cls=Command)
@pass_session
def status(session: Session) -> None:
    """Show broker status."""
    found = session.api.get(f"/brokers/{segment(session.node or session.api.node_name())}")
    is_running = found["node_status"] == "Running"
    word = "started" if is_running else "stopped"
    session.say(f"Node '{found['node']}' {found['version']} is {word}", found)
    if not is_running:
        raise SystemExit(Refused.exit_code)


@click.group(cls=Group, invoke_without_command=True)
@click.pass_context
def broker(context: click.Context) -> None:
    """Show broker version, uptime and description."""
    if context.invoked_subcommand is None:
        session = context.ensure_object(Session)
        facts = session.api.get(f"/brokers/{segment(session.node or session.api.node_name())}")
        wanted = ("sysdescr", "version", "uptime", "datetime")
        session.pairs(facts if session.as_json else {name: facts[name] for name in wanted}, 10)


@broker.command("stats")
@pass_session
def broker_stats(session: Session) -> None:
    """Show broker statistics of clients, topics, subscribers."""
    session.pairs(dict(sorted(session.api.get(f"{session.node_path}/stats").items())), METRIC_WIDTH)


@broker.command("metrics")
@pass_session
def broker_metrics(session: Session) -> None:
    """Show broker metrics."""
    counted = session.api.get(f"{session.node_path}/metrics")
    session.pairs(dict(sorted(counted.items())), METRIC_WIDTH)


@click.group(cls=Group)
def cluster() -> None:
    """Cluster with other nodes: there is one."""


@cluster.command("status")
@pass_session
def cluster_status(session: Session) -> None:
    """Cluster status."""
    nodes = session.api.get("/nodes")
    running = [one["node"] for one in nodes if one["node_status"] == "Running"]
    stopped = [one["node"] for one in nodes if one["node_status"] != "Running"]
    session.say(
        f"Cluster status: #{{running_nodes => {running},stopped_nodes => {stopped}}}",
        {"running_nodes": running, "stopped_nodes": stopped},
    )


@cluster.command("join")
@click.argument("node")
def cluster_join(node: str) -> None:
    """Join the cluster: refused, there is one node."""
    raise Refused(f"Failed to join the cluster: {ONE_NODE}.")


@cluster.command("leave")
def cluster_leave() -> None:
    """Leave the cluster: refused, there is one node."""
    raise Refused(f"Failed to leave the cluster: {ONE_NODE}.")


@cluster.command("force-leave")
@click.argument("node")
def cluster_force_leave(node: str) -> None:
    """Force the node leave from cluster: refused, there is one node."""
    raise Refused(f"Failed to remove the node from cluster: {ONE_NODE}.")


@click.command(cls=Command)
@click.argument("section", default="all", type=click.Choice(["all", *VM_SECTIONS]))
@pass_session
def vm(session: Session, section: str) -> None:
    """Show load, memory, process, io and ports of the node's process."""
    facts = session.api.get("/vm")
    wanted = facts if section == "all" else {section: facts[section]}
    if session.as_json:
        session.pairs(wanted)
        return
    for name, values in wanted.items():
        named = {f"{VM_SECTIONS[name]}/{key}": value for key, value in values.items()}
        session.lines(pairs(named, VM_WIDTH))


@click.command(cls=Command)
@pass_session
def mnesia(session: Session) -> None:
    """Show the database, which stands where EMQX has mnesia."""
    facts = session.api.get("/database")
    tables = facts.pop("tables")
    if session.as_json:
        session.pairs({**facts, "tables": tables})
        return
    session.pairs(facts)
    session.lines(pairs({f"rows/{name}": shown(rows) for name, rows in tables.items()}))


@click.command(cls=Command)
@pass_session
def recon(session: Session) -> None:
    """Show tasks, garbage collector, threads and hooks of the node's process."""
    facts = session.api.get("/recon")
    if session.as_json:
        session.pairs(facts)
        return
    for name, values in facts.items():
        session.lines([f"{name}:"])
        if isinstance(values, dict):
            session.pairs({f"  {key}": value for key, value in values.items()}, VM_WIDTH)
        else:
            listed = values if isinstance(values, list) else [values]
            session.lines([f"  {shown(value)}" for value in listed])


@click.group(cls=Group)
def log() -> None:
    """Show and set what the running node logs."""


def _set_level(session: Session, level: str) -> None:
    now = session.api.put("/log/level", {"level": level})
    session.say(now["level"], now)


@log.command("set-level")
@click.argument("level", type=click.Choice(LEVELS))
@pass_session
def log_set_level(session: Session, level: str) -> None:
    """Set the overall log level."""
    _set_level(session, level)


@log.command("primary-level")
@click.argument("level", type=click.Choice(LEVELS), required=False)
@pass_session
def log_primary_level(session: Session, level: str | None) -> None:
    """Show the primary log level now, or set it."""
    if level is not None:
        _set_level(session, level)
        return
    now = session.api.get("/log/level")
    session.say(now["level"], now)


COMMANDS: tuple[click.Command, ...] = (status, broker, cluster, vm, mnesia, recon, log)
