"""The resources `backend_influxdb_http` and `backend_influxdb_http_v2`: InfluxDB's write APIs of versions 1 and 2.

Source: EMQX Enterprise 4.4, `emqx_backend_influxdb_actions`; InfluxDB reference, `/write` and `/api/v2/write`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from app.broker.core import BrokerCore
from app.rules.errors import ActionFailed, ResourceDown, TryAgain
from app.rules.params import Param, Words
from app.rules.resources.base import Resource, ResourceSpec, ResourceType
from app.rules.resources.http import HttpAnswer, HttpPool, HttpRequest, HttpSettings, load
from app.rules.resources.targets import (
    CONNECT_TIMEOUT_S,
    REQUEST_TIMEOUT_S,
    pool_size_param,
    text_param,
)
from app.rules.resources.tls import TLS_PARAMS, server_name, tls_context

SAID_BYTES = 200
"""Of what a server says about a refusal."""
_OF_THE_POINTS = frozenset({400, 413, 422})
"""Statuses that say something of the points; any other refusal is about the account, the address or the server."""
_VERSION_1 = {"ns": "n", "us": "u"}
"""How the older API writes units."""
_MS = {"ns": 1_000_000, "us": 1_000, "ms": 1}
_OF_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000}


class InfluxTarget(Resource):
    """One InfluxDB."""

    def __init__(self, spec: ResourceSpec, core: BrokerCore) -> None:
        """Take the configuration.

        Raises:
            BadArguments: A file of TLS cannot be used.
        """
        super().__init__(spec, core)
        self._http = _pool(spec.config)
        self._url = _url(spec)
        self._headers = _headers(spec.config)

    def start(self) -> None:
        """Begin to look for it."""
        self._http.open()
        self.run(self.keep_checked(self._look))

    def close(self) -> None:
        """Close the connections."""
        super().close()
        self.run(self._http.close())

    def time_of(self, wall_ms: int) -> int:
        """Return a time in the unit of this resource."""
        unit = self.spec.config["precision"]
        return wall_ms * _MS[unit] if unit in _MS else wall_ms // _OF_MS[unit]

    async def write(self, lines: Sequence[bytes]) -> None:
        """Have points taken.

        Raises:
            TryAgain: There was no answer, or one that says nothing about the points.
            ActionFailed: One of them is refused; the others may have been taken, and may be given again.
        """
        request = HttpRequest("POST", "", self._headers, b"\n".join(lines))
        try:
            answer = await self._http.exchange(self._url, request)
        except TryAgain:
            self.note(is_alive=False)
            raise
        self.note(is_alive=answer.status < 500)
        if not 200 <= answer.status < 300:
            kind = ActionFailed if answer.status in _OF_THE_POINTS else TryAgain
            raise kind(_said(answer))

    async def _look(self) -> None:
        await _ping(self._http, self.spec.config)


def _said(answer: HttpAnswer) -> str:
    text = answer.body[:SAID_BYTES].decode("utf-8", "replace").strip()
    return f"InfluxDB answered {answer.status}: {text}" if text else f"InfluxDB answered {answer.status}"  # fmt: skip


async def _ping(http: HttpPool, config: Mapping[str, Any]) -> None:
    try:
        answer = await http.exchange(f"{_base(config)}/ping", HttpRequest("GET", "", {}, None))
    except ActionFailed as error:
        raise ResourceDown(str(error)) from None
    if answer.status >= 500:
        raise ResourceDown(_said(answer))


def _pool(config: Mapping[str, Any]) -> HttpPool:
    tls = tls_context(config) if config["https_enabled"] else None
    settings = HttpSettings(
        config["pool_size"], CONNECT_TIMEOUT_S, REQUEST_TIMEOUT_S, tls, server_name(config)
    )
    return HttpPool(settings)


def _base(config: Mapping[str, Any]) -> str:
    host = config["host"]
    host = f"[{host}]" if ":" in host else host
    return f"{'https' if config['https_enabled'] else 'http'}://{host}:{config['port']}"


def _url(spec: ResourceSpec) -> str:
    config = spec.config
    unit = config["precision"]
    if spec.type == "backend_influxdb_http":
        query = {"db": config["database"], "precision": _VERSION_1.get(unit, unit)}
        return f"{_base(config)}/write?{urlencode(query)}"
    query = {"org": config["org"], "bucket": config["bucket"], "precision": unit}
    return f"{_base(config)}/api/v2/write?{urlencode(query)}"


def _headers(config: Mapping[str, Any]) -> dict[str, str]:
    headers = {"content-type": "text/plain; charset=utf-8"}
    if config.get("token"):
        headers["authorization"] = f"Token {config['token']}"
    elif config.get("username"):
        login = f"{config['username']}:{config['password']}".encode()
        headers["authorization"] = f"Basic {base64.b64encode(login).decode()}"
    return headers


async def _probe(spec: ResourceSpec, core: BrokerCore) -> None:
    del core
    http = _pool(spec.config)
    http.open()
    try:
        await _ping(http, spec.config)
    finally:
        await http.close()


_WHERE = (
    text_param(
        "host", Words("InfluxDB Host", "InfluxDB 主机"),
        Words("The host of the server.", "服务器地址"), "127.0.0.1",
    ),
    Param(
        "port", "number", Words("InfluxDB Port", "InfluxDB 端口"),
        Words("The port of the server.", "服务器端口"), default=8086,
    ),
)  # fmt: skip
_HOW = (
    pool_size_param(8),
    Param(
        "https_enabled", "boolean", Words("Enable HTTPS", "开启 HTTPS"),
        Words("Whether the connection is encrypted.", "是否使用 HTTPS 连接"), default=False,
    ),
    *TLS_PARAMS,
)  # fmt: skip


def _precision(*units: str) -> Param:
    return Param(
        "precision", "string", Words("Timestamp Precision", "时间戳精度"),
        Words("The unit of timestamps.", "时间戳的单位"), default="ms", enum=units,
    )  # fmt: skip


def _kind(name: str, title: Words, *params: Param) -> ResourceType:
    return ResourceType(
        name,
        "emqx_rule_engine",
        title,
        Words("InfluxDB, written to over HTTP.", "通过 HTTP 写入 InfluxDB"),
        (*_WHERE, *params, *_HOW),
        InfluxTarget,
        _probe,
        load,
    )


BACKEND_INFLUXDB_HTTP = _kind(
    "backend_influxdb_http",
    Words("InfluxDB HTTP Service", "InfluxDB HTTP 服务"),
    text_param(
        "database", Words("InfluxDB Database", "InfluxDB 数据库"),
        Words("The name of the database.", "数据库名称"), "mydb",
    ),
    text_param(
        "username", Words("InfluxDB User", "InfluxDB 用户名"),
        Words("Who logs in there; empty is nobody.", "登录用户名，可为空"),
    ),
    Param(
        "password", "password", Words("InfluxDB Password", "InfluxDB 密码"),
        Words("The password of that user.", "用户密码"), default="",
    ),
    _precision("ns", "us", "ms", "s", "m", "h"),
)  # fmt: skip
BACKEND_INFLUXDB_HTTP_V2 = _kind(
    "backend_influxdb_http_v2",
    Words("InfluxDB HTTP V2 Service", "InfluxDB HTTP V2 服务"),
    text_param(
        "org", Words("InfluxDB Organization", "InfluxDB 组织"),
        Words("The name of the organization.", "组织名称"),
    ),
    text_param(
        "bucket", Words("InfluxDB Bucket", "InfluxDB Bucket"),
        Words("The name of the bucket.", "Bucket 名称"),
    ),
    Param(
        "token", "password", Words("InfluxDB Token", "InfluxDB Token"),
        Words("A token that may write there.", "具有写权限的 Token"), default="",
    ),
    _precision("ns", "us", "ms", "s"),
)  # fmt: skip
