"""Starts that cannot be, each ended by one sentence; and stops, which leave nothing behind."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.node import LISTENERS, ROOT, MakeNode, NodeProcess, eventually, variable
from tests.harness.ports import free_port

DEADLINE_S = 30
GUNICORN = ("-m", "gunicorn", "-c", "gunicorn.conf.py")
PREPARE = ("-m", "app.cli", "prepare")


class Bench:
    """A folder and an environment in which starts are tried; `run` tells how one ended."""

    def __init__(self, folder: Path) -> None:
        self.instance = folder / "instance"
        self.ports = {key: free_port() for key in LISTENERS.values()}
        self.environ = {
            **{name: value for name, value in os.environ.items() if "GODWIT" not in name},
            **{variable(key): f"127.0.0.1:{port}" for key, port in self.ports.items()},
            "GODWIT_INSTANCE": str(self.instance),
        }

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a start that is expected to end by itself."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )

    def prepare(self) -> None:
        """Make the instance folder and its database."""
        assert self.run(*PREPARE).returncode == 0


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def prepared(bench: Bench) -> Bench:
    bench.prepare()
    return bench


def sentence_of(ended: subprocess.CompletedProcess[str]) -> str:
    """Return the one sentence that a refused start wrote; anything beside it fails the test."""
    assert ended.returncode not in {0, -signal.SIGKILL}
    assert ended.stdout == ""
    lines = ended.stderr.splitlines()
    assert len(lines) == 1, ended.stderr
    assert re.search(r"[.?]$", lines[0]), lines[0]
    assert "Traceback" not in lines[0]
    return lines[0]


@pytest.mark.parametrize("how", [("-w", "2"), ("--workers=3",)])
def test_a_second_worker_is_refused(prepared: Bench, how: tuple[str, ...]) -> None:
    assert "with one worker instead of" in sentence_of(prepared.run(*GUNICORN, *how))


def test_preloading_is_refused_before_anything_is_loaded(prepared: Bench) -> None:
    assert "without --preload" in sentence_of(prepared.run(*GUNICORN, "--preload"))


def test_another_worker_class_is_refused(prepared: Bench) -> None:
    ended = prepared.run(*GUNICORN, "--worker-class=sync", "--threads=1")
    assert "the worker class gthread instead of sync" in sentence_of(ended)


@pytest.mark.parametrize("command", [GUNICORN, PREPARE])
def test_an_unknown_setting_is_refused(bench: Bench, command: tuple[str, ...]) -> None:
    ended = bench.run(*command, GODWIT_MQTT__MAX_PAKET_SIZE="1MB")
    assert "write GODWIT_MQTT__MAX_PACKET_SIZE instead" in sentence_of(ended)


@pytest.mark.parametrize("command", [GUNICORN, PREPARE])
def test_an_instance_folder_that_cannot_be_written_is_refused(
    bench: Bench, tmp_path: Path, command: tuple[str, ...]
) -> None:
    # A file in the folder's way stops every user, also the one who may write everywhere.
    (tmp_path / "file").write_text("", "utf-8")
    ended = bench.run(*command, GODWIT_INSTANCE=str(tmp_path / "file" / "instance"))
    assert "Make the instance folder" in sentence_of(ended)


@pytest.mark.parametrize("command", [GUNICORN, PREPARE])
@pytest.mark.parametrize("key", list(LISTENERS.values()))
def test_a_port_in_use_is_refused(prepared: Bench, key: str, command: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", prepared.ports[key])):
        sentence = sentence_of(prepared.run(*command))
    assert f"listens on port {prepared.ports[key]}" in sentence
    assert f"or set {key} to another address" in sentence


def test_an_address_of_another_machine_is_refused(prepared: Bench) -> None:
    ended = prepared.run(*GUNICORN, GODWIT_LISTENER__TCP__EXTERNAL="192.0.2.1:1883")
    assert "Set listener.tcp.external to an address of this machine" in sentence_of(ended)


def test_a_database_that_was_not_brought_up_to_date_is_refused(bench: Bench) -> None:
    bench.instance.mkdir()
    assert "Run `make run`" in sentence_of(bench.run(*GUNICORN))


def test_a_database_file_that_is_none_is_refused(bench: Bench) -> None:
    bench.instance.mkdir()
    (bench.instance / "godwit.db").write_text("shopping list", "utf-8")
    assert "is not an SQLite database" in sentence_of(bench.run(*GUNICORN))


@pytest.mark.parametrize("command", [GUNICORN, PREPARE])
def test_a_second_node_on_the_same_folder_is_refused(
    make_node: MakeNode, bench: Bench, command: tuple[str, ...]
) -> None:
    first = make_node()
    sentence = sentence_of(bench.run(*command, GODWIT_INSTANCE=str(first.instance)))
    assert f"Stop the node that uses the instance folder {first.instance}" in sentence
    assert str(first.worker_pid) in sentence


def test_a_worker_that_finds_the_folder_taken_ends_the_server(prepared: Bench) -> None:
    """Between the master's look and the worker's start, another node may come."""
    holder = (
        "import sys; from pathlib import Path; from app.startup import InstanceLock;"
        "InstanceLock(Path(sys.argv[1])).acquire(); print(flush=True); sys.stdin.read()"
    )
    lock = str(prepared.instance / "node.lock")
    with subprocess.Popen(
        [sys.executable, "-c", holder, lock],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        ended = prepared.run("-c", "import wsgi")
        other.kill()
    assert "Stop the node that uses the instance folder" in sentence_of(ended)
    assert ended.returncode == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT])
def test_a_signal_to_the_master_stops_the_node_cleanly(
    make_node: MakeNode, number: signal.Signals
) -> None:
    ended = make_node().stop(number)
    assert ended.status == 0
    assert "The broker has stopped" in ended.log
    assert "Traceback" not in ended.log
    assert "[ERROR]" not in ended.log


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_whole_group_stops_the_node_once(
    make_node: MakeNode, number: signal.Signals
) -> None:
    """Ctrl-C reaches master and worker alike, and the master then passes on a signal of its own."""
    node = make_node()
    os.killpg(node.pid, number)
    ended = node.wait()
    assert ended.status == 0
    assert ended.log.count("The broker has stopped") == 1
    assert "Traceback" not in ended.log


def test_impatience_does_not_break_a_stop(make_node: MakeNode) -> None:
    node = make_node()
    for _ in range(3):
        os.killpg(node.pid, signal.SIGINT)
    ended = node.wait()
    assert ended.status == 0
    assert ended.log.count("The broker has stopped") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT, signal.SIGTERM])
def test_a_stop_in_the_middle_of_requests_ends(make_node: MakeNode, number: signal.Signals) -> None:
    node = make_node()
    stopped = threading.Event()

    def ask() -> None:
        while not stopped.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", node.ports["management"])
            with (
                contextlib.closing(connection),
                contextlib.suppress(OSError, http.client.HTTPException),
            ):
                connection.request("GET", "/status")
                connection.getresponse().read()

    asking = [threading.Thread(target=ask) for _ in range(4)]
    for thread in asking:
        thread.start()
    try:
        for _ in range(20):
            node.api("GET", "/status")
        os.killpg(node.pid, number)
        ended = node.wait()
    finally:
        stopped.set()
        for thread in asking:
            thread.join()
    assert ended.status == 0
    assert ended.log.count("The broker has stopped") == 1


@pytest.fixture
def kept_connections(make_node: MakeNode) -> Iterator[NodeProcess]:
    """A node with one connection kept alive after a request, and one that never asks anything."""
    node = make_node()
    address = ("127.0.0.1", node.ports["management"])
    kept = http.client.HTTPConnection(*address)
    kept.request("GET", "/status")
    kept.getresponse().read()
    with socket.create_connection(address):
        yield node
    kept.close()


def test_kept_connections_do_not_delay_the_stop_beyond_their_grace(
    kept_connections: NodeProcess,
) -> None:
    ended = kept_connections.stop(signal.SIGTERM)
    assert ended.status == 0
    assert "The broker has stopped" in ended.log
    assert "SIGKILL" not in ended.log


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGUSR2])
def test_signals_that_would_start_a_second_worker_are_answered_with_advice(
    make_node: MakeNode, number: signal.Signals
) -> None:
    node = make_node()
    worker = node.worker_pid
    os.kill(node.pid, number)
    eventually(lambda: "Stop and start Godwit to apply new settings" in node.log, "the advice")
    assert node.worker_pid == worker
    assert node.stop().status == 0


def test_a_worker_that_is_killed_is_replaced_and_serves_again(make_node: MakeNode) -> None:
    node = make_node()
    worker = node.worker_pid
    os.kill(worker, signal.SIGKILL)

    def replaced() -> bool:
        children = Path(f"/proc/{node.pid}/task/{node.pid}/children").read_text().split()
        return bool(children) and children != [str(worker)]

    eventually(replaced, "a new worker", 10)
    eventually(lambda: node.log.count("is up:") == 2, "a new node", 10)
    assert node.api("GET", "/status", auth=None).status == 200
    assert node.stop().status == 0


def test_a_node_starts_again_at_once_when_only_its_master_was_killed(make_node: MakeNode) -> None:
    """The orphaned worker stops by itself; the next start waits for it instead of refusing."""
    node = make_node()
    os.kill(node.pid, signal.SIGKILL)
    assert node.wait().status == -signal.SIGKILL
    node.start()
    assert node.stop().status == 0


def test_the_start_says_where_the_node_can_be_reached(make_node: MakeNode) -> None:
    node = make_node()
    assert f"listener.tcp.external on 127.0.0.1:{node.ports['tcp']}" in node.log
    assert f"management.listener.http on 127.0.0.1:{node.ports['management']}" in node.log
