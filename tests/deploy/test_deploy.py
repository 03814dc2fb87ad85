"""What `deploy/` holds fits the code, and the tools that read it find nothing wrong."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from app.config import load_settings
from app.service_manager import FIRST_DESCRIPTOR
from app.start_checks import check_held, listening_addresses
from app.startup import START_FAILED

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = DEPLOY / "systemd"
SOCKETS = sorted(UNITS.glob("*.socket"))


class Repeated(dict[str, str]):
    """A section of a unit, where a key may come more than once."""

    def __setitem__(self, key: str, value: str) -> None:
        if key in self and isinstance(value, list):
            value = [*self[key], *value]  # type: ignore[assignment]
        super().__setitem__(key, value)


def unit(path: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, dict_type=Repeated)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path, "utf-8")
    return parser


def streams(path: Path) -> list[str]:
    return unit(path)["Socket"]["ListenStream"].split("\n")


def test_the_socket_units_hold_what_the_default_settings_listen_on(tmp_path: Path) -> None:
    held = {
        (unit(path)["Socket"]["FileDescriptorName"], stream)
        for path in SOCKETS
        for stream in streams(path)
    }
    wanted = {(key, str(at)) for key, at in listening_addresses(load_settings({}, tmp_path))}
    assert held == wanted


def test_the_service_takes_all_socket_units() -> None:
    service = unit(UNITS / "godwit.service")
    names = {path.name for path in SOCKETS}
    assert set(service["Service"]["Sockets"].split()) == names
    assert set(service["Install"]["Also"].split()) == names
    assert {unit(path)["Socket"]["Service"] for path in SOCKETS} == {"godwit.service"}
    assert FIRST_DESCRIPTOR == 3
    assert check_held(load_settings({}, ROOT / "nowhere"), {}) is None


def test_a_refused_start_is_not_tried_again() -> None:
    service = unit(UNITS / "godwit.service")["Service"]
    assert service["RestartPreventExitStatus"] == str(START_FAILED)
    stop_s = load_settings({}, ROOT / "nowhere").node.stop_timeout_s
    assert float(service["TimeoutStopSec"]) > stop_s + 5


def verify(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze on the units, with this Python in the place of the installed one."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    python = folder / "python"
    python.write_text("#!/bin/sh\n", "utf-8")
    python.chmod(0o755)
    for path in UNITS.iterdir():
        text = path.read_text("utf-8").replace("/opt/godwit/.venv/bin/python", str(python))
        (folder / path.name).write_text(text.replace("/opt/godwit", str(folder)), "utf-8")
    return subprocess.run(
        ["systemd-analyze", *arguments],
        cwd=folder,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{folder}:/lib/systemd/system"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    names = [path.name for path in UNITS.iterdir()]
    done = verify(tmp_path, "verify", "--man=no", "--recursive-errors=no", *names)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_systemd_takes_the_service_for_little_exposed(tmp_path: Path) -> None:
    done = verify(
        tmp_path, "security", "--offline=true", "--threshold=20", "--no-pager", "godwit.service"
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_environment_file_names_settings_that_there_are(tmp_path: Path) -> None:
    lines = (DEPLOY / "godwit.env").read_text("utf-8").splitlines()
    # What is commented out is meant to be used some day.
    entries = [line.removeprefix("# ") for line in lines if re.match(r"(# )?GODWIT_\w+=", line)]
    environ = dict(entry.split("=", 1) for entry in entries)
    assert len(environ) == len(entries) > 5
    settings = load_settings(environ, tmp_path)
    assert settings.log.formatter == "json"
    assert settings.management.default_application_secret != "public"
    assert settings.dashboard.default_user_password != "public"


def instructions() -> list[tuple[str, str]]:
    text = (DEPLOY / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines()]
    return [(one.split()[0], one.split(None, 1)[1]) for one in lines if one and one[0] != "#"]


def test_the_image_runs_as_nobody_special_and_says_how_it_is() -> None:
    last = [number for number, (word, _) in enumerate(instructions()) if word == "FROM"][-1]
    final = instructions()[last:]
    words = [word for word, _text in final]
    assert f"--uid {dict(final)['USER']} " in " ".join(
        text for word, text in final if word == "RUN"
    )
    assert "HEALTHCHECK" in words
    assert words.index("USER") > max(n for n, word in enumerate(words) if word == "RUN")
    assert words.index("USER") < words.index("CMD")


def test_the_image_is_made_from_the_usual_names_and_pinned_packages() -> None:
    bases = {text.split()[0] for word, text in instructions() if word == "FROM"}
    assert bases <= {"debian:12", "python:3.11-slim"}
    assert any("--require-hashes -r requirements.lock" in text for _word, text in instructions())
    assert "://" not in " ".join(text for word, text in instructions() if word != "HEALTHCHECK")


def test_what_the_image_copies_is_there() -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split()
    for word, text in instructions():
        if word == "COPY" and "--from" not in text:
            for name in text.split()[:-1]:
                assert (ROOT / name).exists(), name
                assert name not in ignored


def test_the_probe_of_the_image_asks_whether_the_node_is_alive() -> None:
    (probe,) = [text for word, text in instructions() if word == "HEALTHCHECK"]
    assert "/health/live" in probe
    port = load_settings({}, ROOT / "nowhere").management.listeners[0].port
    assert f"127.0.0.1:{port}/" in probe


def test_the_example_for_nginx_speaks_the_proxy_protocol_to_mqtt_and_forwards_names() -> None:
    text = (DEPLOY / "nginx" / "godwit.conf").read_text("utf-8")
    code = "\n".join(line for line in text.splitlines() if not line.strip().startswith("#"))
    assert code.count("{") == code.count("}")
    stream = code[code.index("stream {") : code.index("http {")]
    assert "proxy_protocol on;" in stream
    assert "proxy_set_header X-Forwarded-For" in code
    settings = re.findall(r"^#     ([\w.]+) = (\S+)$", text, re.MULTILINE)
    assert len(settings) == 6
    environ = {"GODWIT_" + key.upper().replace(".", "__"): value for key, value in settings}
    broker = load_settings(environ, ROOT / "nowhere").broker
    assert [one.proxy_protocol for one in broker.listeners] == [True, False]
    for one in broker.listeners:
        assert f"127.0.0.1:{one.port}" in code


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_nginx_takes_its_example(tmp_path: Path) -> None:
    text = (DEPLOY / "nginx" / "godwit.conf").read_text("utf-8")
    text = re.sub(r"^\s*ssl_certificate\S* .*$", "", text, flags=re.MULTILINE)
    path = tmp_path / "nginx.conf"
    path.write_text(text.replace(" ssl ", " ").replace(" ssl;", ";"), "utf-8")
    # Where Debian's configuration has nginx look for its modules, below the prefix.
    (tmp_path / "modules").symlink_to("/usr/lib/nginx/modules")
    command = f"nginx -t -c {shlex.quote(str(path))} -p {shlex.quote(str(tmp_path))}"
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=False)
    if 'unknown directive "stream"' in done.stderr:
        pytest.skip("nginx has no module for streams (Debian: libnginx-mod-stream)")
    # Behind the syntax it looks for folders that only its own user has.
    assert "syntax is ok" in done.stderr, done.stderr
