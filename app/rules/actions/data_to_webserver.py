"""The action `data_to_webserver`: the result of a rule becomes a request to a web server.

Source: EMQX 4.4 `emqx_web_hook_actions:on_action_data_to_webserver`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from app.rules.actions.base import (
    ActionSpec,
    ActionType,
    Later,
    Surroundings,
    resource_param,
)
from app.rules.actions.delivery import DELIVERY_PARAMS
from app.rules.actions.queue import Values
from app.rules.errors import ActionFailed, BadArguments
from app.rules.params import Param, Words
from app.rules.resources.http import HttpRequest
from app.rules.resources.web_hook import WebHook
from app.rules.templates import PayloadTemplate, Template
from app.rules.terms.scope import Columns

REQUESTS_AT_ONCE = 32
"""Of one action; the pool of its resource may hold them to fewer."""
_METHODS = ("POST", "PUT", "GET", "DELETE")
_WITHOUT_BODY = frozenset({"GET", "DELETE"})
_CONTENT_TYPE = "content-type"
_UNSENDABLE = re.compile(r"[\0\r\n]")


class RequestTemplate:
    """A request with variables."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        """Take the parameters apart."""
        self._method = params["method"]
        self._path = Template(params["path"])
        has_body = self._method not in _WITHOUT_BODY
        self._body = PayloadTemplate(params["body"]) if has_body else None
        headers = [(_name(name), str(value)) for name, value in params["headers"].items()]
        self._headers = [
            (Template(name), Template(value))
            for name, value in headers
            if has_body or name != _CONTENT_TYPE
        ]

    def fill(self, output: Values) -> HttpRequest:
        """Return the request.

        Raises:
            ActionFailed: A header would not be one line.
        """
        headers = {name.fill_text(output): value.fill_text(output) for name, value in self._headers}
        if any(_UNSENDABLE.search(name + value) for name, value in headers.items()):
            raise ActionFailed("a header of the request has a line break in it")
        body = self._body.fill(output) if self._body is not None else None
        return HttpRequest(self._method, self._path.fill_text(output), headers, body)


def _name(name: str) -> str:
    # A placeholder keeps its case: it is looked up as it stands.
    return name if "${" in name else name.lower().replace("_", "-")


def _check(params: Mapping[str, Any]) -> None:
    if not all(isinstance(value, str | int | float) for value in params["headers"].values()):
        raise BadArguments('{invalid_data_type,<<"headers">>,{object of texts}}')


def _make(spec: ActionSpec, surroundings: Surroundings) -> Later:
    template = RequestTemplate(spec.params)
    resource = surroundings.resource_of(spec, WebHook)

    async def deliver(output: Values, _event: Columns) -> None:
        server = resource()
        await server.ask(template.fill(output))

    return Later(deliver, REQUESTS_AT_ONCE)


DATA_TO_WEBSERVER = ActionType(
    "data_to_webserver",
    "data_forward",
    Words("Data to Web Server", "发送数据到 Web 服务"),
    Words("Sends the result to a web server.", "将数据转发给 Web 服务"),
    _make,
    (
        resource_param("Resource ID", "资源 ID"),
        Param(
            "method", "string", Words("Method", "Method"),
            Words("The method of the request.", "请求方法"), default="POST", enum=_METHODS,
        ),
        Param(
            "path", "string", Words("Path", "Path"),
            Words(
                "Put behind the address of the server; it may have ${variables}.",
                "请求路径，支持 ${变量}，将追加到服务地址之后",
            ),
            default="",
        ),
        Param(
            "headers", "object", Words("Headers", "Headers"),
            Words("Headers of the request; they may have ${variables}.", "请求头，支持 ${变量}"),
            default={_CONTENT_TYPE: "application/json"},
        ),
        Param(
            "body", "string", Words("Body", "Body"),
            Words(
                "The body; it may have ${variables}. Empty is the whole result as JSON.",
                "请求体，支持 ${变量}；为空则为整个结果的 JSON",
            ),
            default="", input="textarea",
        ),
        *DELIVERY_PARAMS,
    ),
    types=("web_hook",),
    app="emqx_web_hook",
    check=_check,
)  # fmt: skip
