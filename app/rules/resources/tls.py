"""TLS towards a target: the parameters that all resources share, and the context that they ask for.

A file is named by its path on the node, or brought along as `{filename, file}` with its text, as EMQX's dashboard does.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.rules.errors import BadArguments
from app.rules.params import Param, Words

TLS_PARAMS = (
    Param(
        "cacertfile", "file", Words("CA Certificate File", "CA 证书文件"),
        Words("Certificates that the server's is checked against.", "用于校验服务端证书的 CA 证书"),
        default="",
    ),
    Param(
        "certfile", "file", Words("SSL Certfile", "SSL 证书文件"),
        Words("Our own certificate, where the server asks for one.", "客户端证书"), default="",
    ),
    Param(
        "keyfile", "file", Words("SSL Keyfile", "SSL 私钥文件"),
        Words("The key of our own certificate.", "客户端证书的私钥"), default="",
    ),
    Param(
        "verify", "boolean", Words("Verify Server Certfile", "校验服务器证书"),
        Words(
            "Whether the server's certificate and name are checked.", "是否校验服务器证书与域名"
        ),
        default=False,
    ),
    Param(
        "server_name_indication", "string", Words("Server Name Indication", "服务器名称指示"),
        Words(
            "The name that the server must have, where it is not the one of its address.",
            "服务器域名，与地址不同时填写",
        ),
        default="",
    ),
)  # fmt: skip


def server_name(config: Mapping[str, Any]) -> str | None:
    """Return the name that the server is asked for; None where it is that of its address."""
    name = config.get("server_name_indication")
    return name if isinstance(name, str) and name not in ("", "disable") else None


def tls_context(config: Mapping[str, Any]) -> ssl.SSLContext:
    """Return the context that a configuration asks for.

    Raises:
        BadArguments: A file is not to be read, or is not what it should be; the text names it and shows nothing of it.
    """
    context = ssl.create_default_context()
    if not config.get("verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    with _path(config.get("cacertfile")) as path:
        if path:
            with _told("cacertfile"):
                context.load_verify_locations(path)
    with _path(config.get("certfile")) as certificate, _path(config.get("keyfile")) as key:
        if certificate:
            with _told("certfile"):
                # A key with a passphrase would have OpenSSL ask for it at the terminal.
                context.load_cert_chain(certificate, key or None, password=lambda: "")
    return context


@contextmanager
def _told(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        raise BadArguments(f'{{bad_file,<<"{name}">>}}') from None


@contextmanager
def _path(value: object) -> Iterator[str]:
    """Give the path of a file while it is read; one that is brought along is written down for so long."""
    text = value.get("file", "") if isinstance(value, Mapping) else None
    if not isinstance(text, str):
        yield value if isinstance(value, str) else ""
        return
    if not text:
        yield ""
        return
    descriptor, path = tempfile.mkstemp(suffix=".pem")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        yield path
    finally:
        Path(path).unlink()


class KeptFiles:
    """The files of a configuration for libraries that want paths, for as long as the resource is there.

    One that is brought along stands in memory, and has a path in this process only.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Read nothing yet."""
        self._config = config
        self._descriptors: list[int] = []

    def path(self, name: str) -> str:
        """Return the path of a file; an empty text where there is none."""
        value = self._config.get(name)
        if not isinstance(value, Mapping):
            return value if isinstance(value, str) else ""
        text = value.get("file", "")
        if not isinstance(text, str) or not text:
            return ""
        descriptor = os.memfd_create(name)
        self._descriptors.append(descriptor)
        # libpq uses no key that others might read.
        os.fchmod(descriptor, 0o600)
        os.write(descriptor, text.encode())
        return f"/proc/self/fd/{descriptor}"

    def close(self) -> None:
        """Let go of what stands in memory."""
        while self._descriptors:
            os.close(self._descriptors.pop())
