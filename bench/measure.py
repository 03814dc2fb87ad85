"""One measurement: a fresh server, the MQTT load, and the API load beside it if there is one."""

from __future__ import annotations

import base64
import json
import re
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

from bench.build import built
from bench.rows import ApiLoad, Load
from bench.servers import Server, serve

Figures = dict[str, float]
_AS_PROGRAM: Final = "Authorization: Basic " + base64.b64encode(b"admin:public").decode()
_WARM_UP_S: Final = 0.5
_LONGEST_S: Final = 300
_LOGIN_LIMIT_S: Final = 20
_WORST: Final = frozenset(
    {"lost", "duplicated", "reordered", "refused", "closed", "not_200", "max_us", "max_ms"}
)
"""Of these the worst run counts, not the median one."""


class MeasuringError(Exception):
    """A load generator failed; the text is what it said."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What is equal for all measurements of one call of the program."""

    seconds: float
    server_cores: str
    load_core: str
    overrides: Mapping[str, str]


def measure(server_name: str, load: Load, api: ApiLoad | None, conditions: Conditions) -> Figures:
    """Return the load generator's figures, with the API client's below `api.`.

    Raises:
        MeasuringError: A load generator failed.
    """
    pinned = ["taskset", "-c", conditions.load_core]
    with serve(server_name, conditions.server_cores, conditions.overrides) as server:
        command = [*pinned, str(built("load")), *load.options()]
        command += ["-p", str(server.port), "-W", str(server.pid)]
        command += ["-d", str(conditions.seconds), "-u", str(_WARM_UP_S)]
        if server.login is not None:
            command += ["-n", server.login[0], "-x", server.login[1]]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stderr is not None
        first = process.stderr.readline()
        asking, since_s, before = None, time.monotonic(), _thread_cpu_s(server.pid)
        if first == b"ready\n" and api is not None:
            asking = _ask(api, server, pinned, conditions.seconds + _WARM_UP_S)
        figures = _result(process, first)
        figures["server_share"] = figures["watched_cpu_s"] / figures["elapsed_s"]
        spent_s = _beside_the_busiest(before, _thread_cpu_s(server.pid))
        figures["requests_share"] = spent_s / (time.monotonic() - since_s)
        if asking is not None:
            figures |= {f"api.{key}": value for key, value in _result(asking, b"").items()}
            figures["api.pages"] = _pages(api, figures["api.requests_per_s"])
    return figures | derived(figures)


def _thread_cpu_s(pid: int) -> Mapping[str, float]:
    """Return how long each thread of a process has run; the kernel counts it in nanoseconds."""
    found = {}
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            found[thread.name] = int((thread / "schedstat").read_text().split()[0]) / 1e9
    return found


def _beside_the_busiest(before: Mapping[str, float], after: Mapping[str, float]) -> float:
    """Return how long all threads ran but the one with most to do, which is the broker's under load."""
    spent = sorted(after[thread] - before.get(thread, 0) for thread in after)
    return sum(spent[:-1])


def _pages(api: ApiLoad | None, asked_per_s: float) -> float:
    """Return how many pages ask as often as was asked; 0 of what is no page."""
    return asked_per_s / api.asked_per_page_s if api and api.asked_per_page_s else 0


def derived(figures: Figures) -> Figures:
    """Return what follows from the load generator's figures: costs per message and per client."""
    clients = figures["clients"]
    grown_kb = figures["watched_rss_kb"] - figures["rss_before_kb"]
    return {
        "cpu_s_per_million": figures["watched_cpu_s"] * 1e6 / max(figures["measured_messages"], 1),
        "connects_per_s": clients / figures["connect_s"],
        "cpu_s_per_thousand": figures["connect_cpu_s"] * 1e3 / clients,
        "bytes_each": grown_kb * 1024 / clients,
    }


def typical(runs: Sequence[Figures]) -> Figures:
    """Return the median of each figure; the worst of those that count faults, and both ends of the rates."""
    rates = [run["msgs_per_s"] for run in runs]
    return {"least": min(rates), "most": max(rates)} | {
        key: max(run[key] for run in runs)
        if key.removeprefix("api.") in _WORST
        else statistics.median(run[key] for run in runs)
        for key in runs[0]
    }


def _ask(
    api: ApiLoad, server: Server, pinned: list[str], seconds: float
) -> subprocess.Popen[bytes]:
    assert server.api_port is not None, f"{server.name} has no HTTP API"
    command = [*pinned, str(built("api_load")), "-p", str(server.api_port), "-d", str(seconds)]
    command += ["-k", str(api.connections), "-i", str(api.pause_s)]
    command += ["-H", _as_browser(server.api_port, api.fragment) if api.fragment else _AS_PROGRAM]
    return subprocess.Popen(
        [*command, *api.paths],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _as_browser(port: int, fragment: str) -> str:
    """Log in at the dashboard; return the header lines of a script that fetches a part of a page."""
    opener = build_opener(HTTPCookieProcessor(jar := CookieJar()))
    login = f"http://127.0.0.1:{port}/dashboard/login"
    with opener.open(login, timeout=_LOGIN_LIMIT_S) as page:
        found = re.search(r'name="csrf_token" value="([^"]+)"', page.read().decode())
    if found is None:
        raise MeasuringError("the dashboard's login has no form")
    form = {"csrf_token": found[1], "username": "admin", "password": "public"}
    opener.open(login, urlencode(form).encode(), timeout=_LOGIN_LIMIT_S).close()
    cookies = "; ".join(f"{one.name}={one.value}" for one in jar)
    return f"Cookie: {cookies}\r\nHX-Request: true\r\nHX-Target: {fragment}"


def _result(process: subprocess.Popen[bytes], said: bytes) -> Figures:
    try:
        out, rest = process.communicate(timeout=_LONGEST_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise MeasuringError(f"the load generator did not end within {_LONGEST_S} s") from None
    if process.returncode:
        raise MeasuringError((said + rest).decode().strip().removeprefix("load: "))
    decoded: dict[str, Any] = json.loads(out)
    return {key: float(value) for key, value in decoded.items()}
