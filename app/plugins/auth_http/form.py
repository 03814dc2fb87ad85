"""The form of a request: what an operator wrote, taken apart once, and filled in for each client.

What a client says is data: it is encoded for the place where it goes and can add neither parameters nor headers.

Source: EMQX 4.4 `emqx_auth_http_cli`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson
from yarl import URL

from app.auth.placeholders import LETTERS, Subject, Template
from app.config.auth_http import ACL_REQ, request_key
from app.plugins.base import ExtensionError

CONTENT_TYPE = "content-type"
URLENCODED = "application/x-www-form-urlencoded"
JSON = "application/json"
ABSENT = "undefined"
"""EMQX's word for what a client does not have."""
_OF_ACTIONS = "At"
"""Placeholders that have a value where it is about an action; the password has one everywhere else."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A request that can be made."""

    method: str
    url: URL
    body: bytes | None


@dataclass(frozen=True, slots=True)
class RequestForm:
    """One kind of request."""

    method: str
    url: str
    headers: Mapping[str, str]
    params: tuple[tuple[str, Template], ...]

    def fill(self, subject: Subject) -> Filled:
        """Return the request about a client.

        Raises:
            UnusableValueError: Something that the client says is no text.
        """
        pairs = [(name, one.render(subject, missing=ABSENT) or "") for name, one in self.params]
        if self.method == "GET":
            joint = "&" if "?" in self.url else "?"
            return Filled("GET", URL(f"{self.url}{joint}{urlencode(pairs)}", encoded=True), None)
        is_json = self.headers[CONTENT_TYPE] == JSON
        body = orjson.dumps(dict(pairs)) if is_json else urlencode(pairs).encode("ascii")
        return Filled("POST", URL(self.url), body)


def form_of(config: Mapping[str, Any], request: str) -> RequestForm | None:
    """Return the form that the parameters describe; None where nobody is to be asked.

    Args:
        config: The values of the parameters by key.
        request: One of `app.config.auth_http.REQUESTS`.

    Raises:
        ExtensionError: It cannot be made of them.
    """
    url = config[request_key(request, "url")]
    if not url:
        return None
    method = config[request_key(request, "method")].upper()
    headers = _headers(config, request)
    if method == "GET":
        del headers[CONTENT_TYPE]
    elif headers[CONTENT_TYPE] not in (URLENCODED, JSON):
        key = request_key(request, f"headers.{CONTENT_TYPE}")
        raise ExtensionError(f"Set {key} to {URLENCODED} or {JSON}.")
    return RequestForm(method, url, headers, _params(config, request))


def _headers(config: Mapping[str, Any], request: str) -> dict[str, str]:
    prefix = request_key(request, "headers.")
    # An answer that is packed would have to be unpacked before it can be bounded.
    headers = {CONTENT_TYPE: URLENCODED, "accept-encoding": "identity"}
    for key, value in config.items():
        if not key.startswith(prefix):
            continue
        if not value.isprintable():
            raise ExtensionError(f"Write {key} without line ends and control characters.")
        name = key.removeprefix(prefix).lower()
        # What environment variables cannot say otherwise.
        headers[CONTENT_TYPE if name == "content_type" else name] = value
    media_type = headers[CONTENT_TYPE].partition(";")[0].strip().lower()
    return headers | {CONTENT_TYPE: media_type}


def _params(config: Mapping[str, Any], request: str) -> tuple[tuple[str, Template], ...]:
    key = request_key(request, "params")
    without = "P" if request == ACL_REQ else _OF_ACTIONS
    letters = "".join(letter for letter in LETTERS if letter not in without)
    params = []
    for part in filter(None, map(str.strip, config[key].split(","))):
        name, equals, value = part.partition("=")
        if not equals or not name:
            raise ExtensionError(f"Write {key} as NAME=VALUE, several with commas between them.")
        params.append((name, Template.parse(value, letters)))
    return tuple(params)
