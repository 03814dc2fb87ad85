"""The step before Flask that takes paths apart as EMQX does: split first, decode later.

A server decodes a path before it hands it over, so `a%2Fb` and `a/b` look the same, and a client id with a slash cannot
be asked for. Here the path is rebuilt from the request line: every segment decoded once, except that a slash within
one stays `%2F` (and a percent sign `%25`) until the `segment` converter takes the value out. Empty segments are
dropped, as EMQX ignores doubled and trailing slashes; only behind the prefixes of calls that take a raw topic
(`/routes//World` of the second and third generation) the rest is one value. Paths outside `/api` pass untouched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, unquote_to_bytes

from flask import Flask
from werkzeug.routing import BaseConverter

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class BadPath(ValueError):
    """A path with a percent sign that begins no escape."""


class SegmentConverter(BaseConverter):
    """One segment of a rebuilt path; the value is whole again."""

    def to_python(self, value: str) -> str:
        """Return the segment with the slashes that the caller encoded."""
        return unquote(value) if "%" in value else value


class TopicConverter(SegmentConverter):
    """The rest of a path, raw slashes and all; a name of its own, so that the url map shows which calls take one."""


class RestConverter(BaseConverter):
    """Whatever is left of a path, line feeds included: for rules that catch what no other rule has."""

    regex = "(?s:.+)"
    part_isolating = False


class RawPath:
    """The WSGI step."""

    def __init__(self, app: WSGIApplication, raw_prefixes: Iterable[tuple[str, ...]] = ()) -> None:
        """Stand before `app`.

        Args:
            app: What comes next.
            raw_prefixes: Segments behind which the rest of a path is one topic (`EndpointTable.raw_prefixes`).
        """
        self._app = app
        self._prefixes = tuple("/" + "/".join(prefix) for prefix in raw_prefixes)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        """Rebuild `PATH_INFO` and go on, or answer 400 where the path cannot be read."""
        raw = _raw_path(environ)
        if raw is not None:
            try:
                environ["PATH_INFO"] = rebuild(raw, self._prefixes)
            except BadPath:
                start_response(
                    "400 Bad Request",
                    [("Content-Type", "text/plain"), ("Content-Length", "11")],
                )
                return [b"Bad Request"]
        return self._app(environ, start_response)


def install(app: Flask, raw_prefixes: Iterable[tuple[str, ...]] = ()) -> None:
    """Put the step before a Flask application. Call this before any API blueprint is registered.

    Args:
        app: The application; its url map learns the converters `segment`, `topic` and `rest` and leaves slashes alone.
        raw_prefixes: See `RawPath`.
    """
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.url_map.converters["segment"] = SegmentConverter
    app.url_map.converters["topic"] = TopicConverter
    app.url_map.converters["rest"] = RestConverter
    app.wsgi_app = RawPath(app.wsgi_app, raw_prefixes)  # type: ignore[method-assign]  # Flask's documented way


def rebuild(raw: str, raw_prefixes: tuple[str, ...] = ()) -> str:
    """Return the `PATH_INFO` for a path as it came over the wire.

    Args:
        raw: The path, percent-encoded, without query.
        raw_prefixes: Paths behind which the rest is one topic.

    Returns:
        The path in WSGI's form (bytes as latin-1 text).

    Raises:
        BadPath: A percent sign begins no escape.
    """
    if _BAD_ESCAPE.search(raw):
        raise BadPath(raw)
    path = "/" + "/".join(_decoded(segment) for segment in raw.split("/") if segment)
    for prefix in raw_prefixes:
        if path.startswith(prefix + "/"):
            return f"{prefix}/{_decoded(_behind(raw, prefix.count('/')))}"
    return path


def _behind(raw: str, segments: int) -> str:
    """Return what follows that many non-empty segments and one slash."""
    return re.sub(r"^/*" + r"[^/]+/+" * (segments - 1) + r"[^/]+/", "", raw)


def _decoded(segment: str) -> str:
    if "%" in segment:
        segment = unquote_to_bytes(segment).decode("latin-1").replace("%", "%25")
    return segment.replace("/", "%2F")


def _raw_path(environ: WSGIEnvironment) -> str | None:
    """Return the path of the request line below the mount point; None where it is none of our business."""
    uri: str = environ.get("RAW_URI") or environ.get("REQUEST_URI") or ""
    if not uri.startswith("/"):
        # The absolute form, `GET http://host/path`, as a proxy sends it.
        uri = "/" + uri.partition("://")[2].partition("/")[2]
    path = re.split("[?#]", uri, maxsplit=1)[0]
    mount: str = environ.get("SCRIPT_NAME", "")
    if mount and path.startswith(mount):
        path = path[len(mount) :]
    return path if path.lstrip("/").partition("/")[0] == "api" else None
