"""A real nginx with the example of `deploy/` in front of a real node: TLS, the PROXY protocol and what is forwarded."""

from __future__ import annotations

import contextlib
import http
import http.client
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import pytest

from app.mqtt.packets import MQTT_5
from tests.harness.certificates import Authority
from tests.harness.mqtt_client import MqttClient
from tests.harness.node import ROOT, NodeProcess, eventually
from tests.harness.ports import free_port

EXAMPLE = ROOT / "deploy" / "nginx" / "godwit.conf"
MODULES = Path("/usr/lib/nginx/modules")
FAR_AWAY = "127.0.0.2"
"""An address that is not the proxy's own."""

pytestmark = [
    pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed"),
    pytest.mark.skipif(
        not (MODULES / "ngx_stream_module.so").exists(),
        reason="nginx has no module for streams (Debian: libnginx-mod-stream)",
    ),
]


class Proxied:
    """A node and the nginx in front of it."""

    def __init__(self, folder: Path) -> None:
        settings = dict(
            re.findall(
                r"^#     ([\w.]+protocol) = (\S+)$", EXAMPLE.read_text("utf-8"), re.MULTILINE
            )
        )
        self.node = NodeProcess(folder, **settings)
        self.mqtt, self.https = free_port(), free_port()
        self._authority = Authority(folder / "tls")
        self._files = self._authority.issue("server")
        self.trusts = ssl.create_default_context(cafile=str(self._authority.certfile))
        self._folder = folder

    @contextlib.contextmanager
    def running(self) -> Iterator[Proxied]:
        text = EXAMPLE.read_text("utf-8")
        for written, here in {
            "listen 8883": f"listen 127.0.0.1:{self.mqtt}",
            "listen 443": f"listen 127.0.0.1:{self.https}",
            "/etc/godwit/tls/fullchain.pem": str(self._files.certfile),
            "/etc/godwit/tls/privkey.pem": str(self._files.keyfile),
            "127.0.0.1:1883": f"127.0.0.1:{self.node.ports['tcp']}",
            "127.0.0.1:8083": f"127.0.0.1:{self.node.ports['ws']}",
            "127.0.0.1:8081": f"127.0.0.1:{self.node.ports['management']}",
            "127.0.0.1:18083": f"127.0.0.1:{self.node.ports['dashboard']}",
        }.items():
            assert written in text
            text = text.replace(written, here)
        path = self._folder / "nginx.conf"
        path.write_text(text, "utf-8")
        (self._folder / "modules").symlink_to(MODULES)
        here = f"daemon off; pid {self._folder}/nginx.pid; error_log {self._folder}/error.log;"
        nginx = subprocess.Popen(
            ["nginx", "-c", str(path), "-p", str(self._folder), "-g", here],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with self.node:
                eventually(self._listens, "nginx", 20)
                yield self
        finally:
            nginx.terminate()
            nginx.wait(20)

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.mqtt), 1):
            return True
        return False

    def mqtt_client(self, source: str) -> MqttClient:
        """Connect over TLS, from an address."""
        client = MqttClient(("127.0.0.1", self.mqtt), MQTT_5)
        client.close()
        plain = socket.create_connection(("127.0.0.1", self.mqtt), 10, (source, 0))
        client._socket = self.trusts.wrap_socket(plain, server_hostname="localhost")
        return client

    def get(self, path: str, **headers: str) -> tuple[int, Message]:
        """Ask over HTTPS; return status and headers."""
        with contextlib.closing(
            http.client.HTTPSConnection("localhost", self.https, context=self.trusts, timeout=20)
        ) as connection:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            if answer.status != http.HTTPStatus.SWITCHING_PROTOCOLS:
                answer.read()
            return answer.status, answer.headers


@pytest.mark.timeout(240)
def test_clients_come_through_nginx_with_their_own_address_and_the_api_knows_that_they_do(
    tmp_path: Path,
) -> None:
    with Proxied(tmp_path).running() as proxied:
        with proxied.mqtt_client(FAR_AWAY) as client:
            assert client.connect("far away").reason_code == 0
            client.subscribe("t", 1)
            client.send(b"\xc0\x00")
            client.receive()
            (row,) = proxied.node.data("clients/far%20away")
            assert row["ip_address"] == FAR_AWAY
        # Forwarded requests are from elsewhere, where the shipped secret is no good.
        shipped = {"Authorization": "Basic YWRtaW46cHVibGlj"}
        assert proxied.get("/api/v4/brokers", **shipped)[0] == 401
        assert proxied.node.api("GET", "/api/v4/brokers").status == 200
        upgrade = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Protocol": "mqtt",
        }
        status, headers = proxied.get("/mqtt", **upgrade)
        assert status == http.HTTPStatus.SWITCHING_PROTOCOLS
        assert headers["Sec-WebSocket-Protocol"] == "mqtt"
        assert proxied.get("/")[0] in {200, 302}
