"""Data export and import in the words of the fourth generation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from app.api.endpoint import Answer, Call, Endpoint
from app.api.formats import unpadded_local_time
from app.api.v4.dialect import OK, success
from app.errors import ResultCode, ServiceError
from app.services import Services
from app.services.data_files import DataFileRecord, DocumentRefused, check_document
from app.services.data_import import UnsupportedVersion, as_json
from app.services.data_items import ImportRefused
from app.services.nodes import UnknownNode
from app.services.refusals import ExplainedError, WordedError

REPLACEMENT = "\ufffd"
_FLAGS: Mapping[object, bool] = {True: True, "true": True, False: False, "false": False}


def file_row(file: DataFileRecord) -> dict[str, object]:
    """Return one file as the API shows it (seed 004, GET /api/v4/data/export; `node` from 4.x)."""
    return {
        "filename": file.filename,
        "size": file.size,
        "created_at": unpadded_local_time(file.created_at_ms),
        "node": file.node,
    }


def _telling_why(handler: Callable[..., Answer]) -> Callable[..., Answer]:
    """Let refusals carry their `reason`, our addition, beside EMQX's one word for all of them."""

    def answering(services: Services, call: Call, **path_params: str) -> Answer:
        try:
            return handler(services, call, **path_params)
        except UnsupportedVersion as error:
            raise WordedError(error.code, "unsupported_version", error.message) from error
        except (DocumentRefused, ImportRefused) as error:
            raise ExplainedError(error.code, error.message, error.reason) from error

    return answering


def list_exported(services: Services, _call: Call) -> Answer:
    """List the files, the oldest first."""
    return success([file_row(file) for file in services.data.files.list()])


def export(services: Services, _call: Call) -> Answer:
    """Export everything into a new file."""
    return success(file_row(services.data.export.run()))


def import_data(services: Services, call: Call) -> Answer:
    """Import a file that is here, or the document that is the body itself."""
    dry_run = _flag(call.params, "dry_run")
    filename = call.params.get("filename")
    if filename is None:
        document = check_document(call.body, services.data.files.limits)
        text = _undamaged(orjson.dumps(document).decode())
        source = "the request"
        if not dry_run:
            source = services.data.files.store(text, "data_file.upload").filename
    else:
        source = _text(filename)
        _check_node(services, call.params)
        document = services.data.files.document(source)
    difference = services.data.imports.run(
        document, source=source, env=_env(call.params), dry_run=dry_run
    )
    return success({"dry_run": True, **as_json(difference)}) if dry_run else OK


def download_file(services: Services, _call: Call, filename: str) -> Answer:
    """Return a file; EMQX puts no code into this answer."""
    text = services.data.files.content(filename)
    return Answer(orjson.dumps({"filename": filename, "file": text}))


def upload_file(services: Services, call: Call) -> Answer:
    """Keep a file that the caller sends."""
    text = call.params.get("file")
    if text is None:
        raise ServiceError(ResultCode.MISSING_PARAMETER, bare=True)
    filename = call.params.get("filename")
    name = None if filename is None else _text(filename)
    # Some programs send the document itself where its text is asked for.
    content = text if isinstance(text, str) else orjson.dumps(text).decode()
    return success({"node": services.data.files.upload(name, _undamaged(content)).node})


def delete_file(services: Services, _call: Call, filename: str) -> Answer:
    """Delete a file."""
    services.data.files.delete(filename)
    return OK


def _undamaged(text: str) -> str:
    """Refuse what reading a body of another encoding left behind; a file may be the only one there is."""
    if REPLACEMENT in text:
        raise DocumentRefused("the body is not UTF-8, or has the character U+FFFD")
    return text


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ServiceError(ResultCode.BAD_PARAMETER, "bad_filename", bare=True)
    return value


def _flag(params: Mapping[str, object], name: str) -> bool:
    value = params.get(name, False)
    if not isinstance(value, bool | str) or value not in _FLAGS:
        raise ServiceError(
            ResultCode.BAD_PARAMETER, f"value of '{name}' must be one of: true, false"
        )
    return _FLAGS[value]


def _env(params: Mapping[str, object]) -> Mapping[str, Any]:
    """Return what is given beside the file: an object, or its JSON text as `emqx_ctl` takes it."""
    env = params.get("env", {})
    try:
        env = orjson.loads(env) if isinstance(env, str) else env
    except orjson.JSONDecodeError:
        env = None
    if not isinstance(env, dict):
        raise ServiceError(ResultCode.BAD_PARAMETER, "value of 'env' must be an object")
    return env


def _check_node(services: Services, params: Mapping[str, object]) -> None:
    node = params.get("node")
    if node is None:
        return
    try:
        services.nodes.get(str(node))
    except UnknownNode:
        raise ServiceError(ResultCode.NOT_FOUND, "no_existent_node", bare=True) from None


ENDPOINTS = (
    Endpoint("v4:POST /data/export", "export", "POST", "/data/export", export, "Export data"),
    Endpoint(
        "v4:GET /data/export",
        "list_exported",
        "GET",
        "/data/export",
        list_exported,
        "List exported file",
    ),
    Endpoint(
        "v4:POST /data/import",
        "import",
        "POST",
        "/data/import",
        _telling_why(import_data),
        "Import data",
    ),
    Endpoint(
        "v4:GET /data/file/{filename}",
        "download",
        "GET",
        "/data/file/:filename",
        _telling_why(download_file),
        "Download data file to local",
    ),
    Endpoint(
        "v4:POST /data/file",
        "upload",
        "POST",
        "/data/file",
        _telling_why(upload_file),
        "Upload data file from local",
    ),
    Endpoint(
        "v4:DELETE /data/file/{filename}",
        "remove",
        "DELETE",
        "/data/file/:filename",
        delete_file,
        "Remove data file",
    ),
)
