"""A real OpenLDAP server for tests: Debian's package, in a temporary folder, on a free port of loopback."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

import pytest

from tests.harness.certificates import Pair
from tests.harness.ports import free_port

START_DEADLINE_S = 20.0
STOP_DEADLINE_S = 10.0
POLL_S = 0.02
SCHEMA = """
attributetype ( 1.3.6.1.4.1.11.2.53.2.2.3.1.2.3.1.3 NAME 'isEnabled'
 EQUALITY booleanMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.7 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.11.2.53.2.2.3.1.2.3.4.1 NAME 'mqttPublishTopic'
 EQUALITY caseExactMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.11.2.53.2.2.3.1.2.3.4.2 NAME 'mqttSubscriptionTopic'
 EQUALITY caseExactMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.11.2.53.2.2.3.1.2.3.4.3 NAME 'mqttPubSubTopic'
 EQUALITY caseExactMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
objectclass ( 1.3.6.1.4.1.11.2.53.2.2.3.1.2.3.4 NAME 'mqttUser' SUP top STRUCTURAL
 MUST uid MAY ( isEnabled $ userPassword $ mqttPublishTopic $ mqttSubscriptionTopic $ mqttPubSubTopic ) )
"""
"""The attributes that EMQX's entries have."""
TREE = """dn: dc=emqx,dc=io
objectClass: dcObject
objectClass: organization
o: emqx
dc: emqx

dn: ou=device,dc=emqx,dc=io
objectClass: organizationalUnit
ou: device
"""


class Slapd:
    """One server with some entries; as a context manager it is running inside and gone afterwards."""

    def __init__(self, folder: Path, entries: str, *lines: str, pair: Pair | None = None) -> None:
        """Write its files; nothing is started yet.

        Args:
            folder: Where its files go.
            entries: LDIF of what is below `ou=device,dc=emqx,dc=io`.
            lines: Further lines of its settings.
            pair: Its certificate; with one it listens for TLS, too.
        """
        self.folder = folder / "slapd"
        (self.folder / "data").mkdir(parents=True)
        self.port = free_port()
        self.tls_port = 0 if pair is None else free_port()
        if pair is not None:
            files = {"File": pair.certfile, "KeyFile": pair.keyfile}
            lines += tuple(f"TLSCertificate{name} {path}" for name, path in files.items())
        self._process: subprocess.Popen[bytes] | None = None
        (self.folder / "emqx.schema").write_text(SCHEMA)
        (self.folder / "entries.ldif").write_text(f"{TREE}\n{entries}")
        self._settings = self.folder / "slapd.conf"
        here = ("core", "cosine", "inetorgperson")
        settings = [
            *(f"include /etc/ldap/schema/{name}.schema" for name in here),
            f"include {self.folder}/emqx.schema",
            f"pidfile {self.folder}/pid",
            f"argsfile {self.folder}/args",
            "modulepath /usr/lib/ldap",
            "moduleload back_mdb",
            *lines,
            "database mdb",
            "maxsize 10485760",
            'suffix "dc=emqx,dc=io"',
            'rootdn "cn=root,dc=emqx,dc=io"',
            "rootpw public",
            f"directory {self.folder}/data",
        ]
        self._settings.write_text("\n".join(settings) + "\n")

    def __enter__(self) -> Self:
        self._run(_program("slapadd"), "-f", "slapd.conf", "-l", "entries.ldif")
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def _addresses(self) -> str:
        plain = f"ldap://127.0.0.1:{self.port}/"
        return f"{plain} ldaps://127.0.0.1:{self.tls_port}/" if self.tls_port else plain

    def start(self) -> None:
        """Start it and wait until it listens."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    _program("slapd"),
                    "-h",
                    self._addresses,
                    "-f",
                    str(self._settings),
                    "-d",
                    "0",
                ],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline_s = time.monotonic() + START_DEADLINE_S
        while not self._listens():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline_s, "slapd does not answer"
            time.sleep(POLL_S)

    def stop(self) -> None:
        """End it; without effect when it is gone."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def _run(self, *command: str) -> None:
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command[0]} failed: {done.stdout}{done.stderr}"


def _program(name: str) -> str:
    found = shutil.which(name, path=os.pathsep.join((*os.get_exec_path(), "/usr/sbin")))
    if found:
        return found
    sentence = f"{name} is not installed; the package is slapd"
    if os.environ.get("CI", "").lower() in {"true", "1"}:
        pytest.fail(sentence)
    pytest.skip(sentence)
