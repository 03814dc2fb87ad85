"""The audit log in the words of the fourth generation: an addition, EMQX 4 has none."""

from __future__ import annotations

import orjson

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v4.dialect import page
from app.node.proxy import RowsPage
from app.services import Services
from app.services.audit import AuditQuery, AuditRecord
from app.services.query import Filter, read_filters, to_milliseconds, to_text

FILTERS = (
    Filter("kind", "actor_kind", to_text),
    Filter("actor", "actor", to_text),
    Filter("address", "address", to_text),
    Filter("request_id", "request_id", to_text),
    Filter("action", "action", to_text),
    Filter("target", "target", to_text),
    Filter("_gte_at", "gte_at_ms", to_milliseconds),
    Filter("_lte_at", "lte_at_ms", to_milliseconds),
)


def audit_row(entry: AuditRecord) -> dict[str, object]:
    """Return one entry as the list shows it; `at` is in Unix milliseconds."""
    return {
        "id": entry.id,
        "at": entry.at_ms,
        "kind": entry.actor.kind,
        "actor": entry.actor.name,
        "address": entry.actor.address,
        "request_id": entry.actor.request_id,
        "action": entry.action,
        "target": entry.target,
        "before": entry.before,
        "after": entry.after,
    }


def list_audit(services: Services, call: Call) -> Answer:
    """List who changed what, the newest first."""
    asked = call.page()
    query = AuditQuery(**read_filters(FILTERS, call.params))  # type: ignore[arg-type]
    entries, total = services.audit.list(query, asked.page, asked.limit)
    rows = b",".join(orjson.dumps(audit_row(entry)) for entry in entries)
    return page(RowsPage(rows, total, hasnext=asked.end < total), asked)


ENDPOINTS = (
    Endpoint("v4:GET /audit", "list_audit", "GET", "/audit/", list_audit, "Who changed what"),
)
