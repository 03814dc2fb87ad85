"""Traces in the words of the fourth generation (EMQX 4.4, /api/v4/trace)."""

from __future__ import annotations

from datetime import datetime

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v4.dialect import OK, success
from app.services import Services
from app.services.traces import TraceRecord


def trace_row(trace: TraceRecord, node: str) -> dict[str, object]:
    """Return one trace as the API shows it."""
    return {
        "name": trace.name,
        "type": trace.type,
        trace.type: trace.filter,
        "start_at": _rfc3339(trace.start_s),
        "end_at": _rfc3339(trace.end_s),
        "log_size": {node: trace.log_size},
        "status": trace.status,
    }


def _rfc3339(second: int) -> str:
    return datetime.fromtimestamp(second).astimezone().isoformat(timespec="seconds")


def list_trace(services: Services, _call: Call) -> Answer:
    """List all traces."""
    traces = services.observers.traces
    return success([trace_row(one, traces.node_name) for one in traces.list()])


def create_trace(services: Services, call: Call) -> Answer:
    """Make a trace."""
    services.observers.traces.create(call.params)
    return OK


def delete_trace(services: Services, _call: Call, name: str) -> Answer:
    """Forget a trace with its log."""
    services.observers.traces.delete(name)
    return OK


def clear_traces(services: Services, _call: Call) -> Answer:
    """Forget all traces with their logs."""
    services.observers.traces.delete_all()
    return OK


def disable_trace(services: Services, _call: Call, name: str) -> Answer:
    """End a trace before its time."""
    services.observers.traces.stop(name)
    return success({"name": name, "enable": False})


def trace_detail(services: Services, _call: Call, name: str) -> Answer:
    """Show how large a trace's log is, and when it was last written to."""
    traces = services.observers.traces
    size, mtime_s = traces.detail(name)
    return success([{"node": traces.node_name, "size": size, "mtime": mtime_s}])


def download_zip_log(services: Services, _call: Call, name: str) -> Answer:
    """Send a trace's log as a zip file."""
    packed = services.observers.traces.zipped(name)
    # A trace's name has neither quotes nor line ends.
    attachment = ("Content-Disposition", f'attachment; filename="{name}.zip"')
    return Answer(packed, content_type="application/zip", headers=(attachment,))


def stream_log_file(services: Services, call: Call, name: str) -> Answer:
    """Show some of a trace's log."""
    part = services.observers.traces.log_part(name, call.params)
    meta = {"position": part.position, "bytes": part.bytes}
    return success({"meta": meta, "items": part.text})


ENDPOINTS = (
    Endpoint("v4:GET /trace", "list_trace", "GET", "/trace/", list_trace, "list all trace"),
    Endpoint("v4:POST /trace", "create_trace", "POST", "/trace/", create_trace, "create trace"),
    Endpoint("v4:DELETE /trace", "clear_traces", "DELETE", "/trace/", clear_traces, "clear all"),
    Endpoint(
        "v4:DELETE /trace/{name}",
        "delete_trace",
        "DELETE",
        "/trace/:name",
        delete_trace,
        "delete trace",
    ),
    Endpoint(
        "v4:PUT /trace/{name}/stop",
        "disable_trace",
        "PUT",
        "/trace/:name/stop",
        disable_trace,
        "stop trace",
    ),
    Endpoint(
        "v4:GET /trace/{name}/detail",
        "trace_log_detail",
        "GET",
        "/trace/:name/detail",
        trace_detail,
        "get trace log file's detail",
    ),
    Endpoint(
        "v4:GET /trace/{name}/download",
        "download_zip_log",
        "GET",
        "/trace/:name/download",
        download_zip_log,
        "download trace's log",
    ),
    Endpoint(
        "v4:GET /trace/{name}/log",
        "stream_log_file",
        "GET",
        "/trace/:name/log",
        stream_log_file,
        "download trace's log",
    ),
)
