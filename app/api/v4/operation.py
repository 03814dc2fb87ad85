"""What `emqx_ctl` does by itself and `godwit ctl` asks the running node for: additions to the fourth generation."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v4.dialect import rows, success
from app.services import Services


def get_retainer(services: Services, _call: Call) -> Answer:
    """Show how many messages are retained."""
    return success({"retained": services.operation.retainer.count()})


def list_retained_topics(services: Services, _call: Call) -> Answer:
    """Show the topics that have a retained message."""
    return rows(services.operation.retainer.topics())


def match_retained_topics(services: Services, _call: Call, topic: str) -> Answer:
    """Show the topics below a filter that have a retained message."""
    return rows(services.operation.retainer.topics(topic))


def clean_retained(services: Services, _call: Call) -> Answer:
    """Forget all retained messages."""
    return success({"cleaned": services.operation.retainer.clean()})


def clean_retained_topics(services: Services, _call: Call, topic: str) -> Answer:
    """Forget the retained messages below a filter."""
    return success({"cleaned": services.operation.retainer.clean(topic)})


def get_log_level(services: Services, _call: Call) -> Answer:
    """Show how much the log says."""
    return success({"level": services.operation.log_levels.primary()})


def set_log_level(services: Services, call: Call) -> Answer:
    """Have the log say more or less until the next start."""
    return success({"level": services.operation.log_levels.set_primary(call.params)})


def get_vm(services: Services, _call: Call) -> Answer:
    """Show load, memory and descriptors of the node's process."""
    return success(services.operation.machine.vm())


def get_database(services: Services, _call: Call) -> Answer:
    """Show what the database is, and how much is in it."""
    return success(services.operation.machine.database())


ENDPOINTS = (
    Endpoint(
        "v4:GET /retainer",
        "get_retainer",
        "GET",
        "/retainer",
        get_retainer,
        "Count the retained messages",
    ),
    Endpoint(
        "v4:GET /retainer/topics",
        "list_retained_topics",
        "GET",
        "/retainer/topics",
        list_retained_topics,
        "List the topics of retained messages",
    ),
    Endpoint(
        "v4:GET /retainer/topics/{topic}",
        "match_retained_topics",
        "GET",
        "/retainer/topics/:topic",
        match_retained_topics,
        "List the topics of retained messages that match a filter",
        raw_tail=True,
    ),
    Endpoint(
        "v4:DELETE /retainer/topics",
        "clean_retained",
        "DELETE",
        "/retainer/topics",
        clean_retained,
        "Clean all retained messages",
    ),
    Endpoint(
        "v4:DELETE /retainer/topics/{topic}",
        "clean_retained_topics",
        "DELETE",
        "/retainer/topics/:topic",
        clean_retained_topics,
        "Clean the retained messages that match a topic filter",
        raw_tail=True,
    ),
    Endpoint(
        "v4:GET /log/level",
        "get_log_level",
        "GET",
        "/log/level",
        get_log_level,
        "Show the primary log level",
    ),
    Endpoint(
        "v4:PUT /log/level",
        "set_log_level",
        "PUT",
        "/log/level",
        set_log_level,
        "Set the primary log level",
    ),
    Endpoint("v4:GET /vm", "get_vm", "GET", "/vm", get_vm, "Show the process of this node"),
    Endpoint(
        "v4:GET /database",
        "get_database",
        "GET",
        "/database",
        get_database,
        "Show the database of this node",
    ),
)
