"""The watch over memory, CPU and connections, on a machine that says what the test wants."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from app.broker.os_mon import (
    CPU,
    DISK,
    PROCESS_MEMORY,
    PROCESSES,
    SYSTEM_MEMORY,
    Machine,
    OsMonitor,
)
from app.config import MonitorConfig
from app.mqtt.packets import MQTT_3_1_1, MQTT_5, Connack
from tests.harness.playbook import Playbook, connect_packet, only


class Tame(Machine):
    """A machine whose figures are set."""

    memory: float | None = 0.1
    process_memory: float | None = 0.1
    cpu: float | None = 0.1
    disk: float | None = 0.1
    fds = 1_000

    def memory_usage(self) -> float | None:
        return self.memory

    def process_memory_usage(self) -> float | None:
        return self.process_memory

    def cpu_usage(self) -> float | None:
        return self.cpu

    def disk_usage(self, folder: Path) -> float | None:  # type: ignore[override]
        return self.disk

    def max_fds(self) -> int:  # type: ignore[override]
        return self.fds


def watched(**monitors: object) -> tuple[Playbook, Tame]:
    playbook = Playbook(monitors=MonitorConfig(**monitors))  # type: ignore[arg-type]
    machine = Tame()
    OsMonitor(playbook.core, machine).start()
    return playbook, machine


def names(playbook: Playbook) -> list[str]:
    return [alarm.name for alarm in playbook.core.alarms.activated()]


def test_nothing_is_wrong_with_a_machine_at_rest() -> None:
    playbook, _ = watched()
    playbook.advance(300)
    assert (names(playbook), playbook.core.alarms.deactivated()) == ([], [])


@pytest.mark.parametrize(
    ("figure", "name", "message", "details"),
    [
        (
            "memory",
            SYSTEM_MEMORY,
            "System memory usage is higher than 70%",
            {"high_watermark": 70},
        ),
        (
            "process_memory",
            PROCESS_MEMORY,
            "Process memory usage is higher than 50%",
            {"pid": str(os.getpid()), "high_watermark": 50},
        ),
        (
            "cpu",
            CPU,
            "91.00% cpu usage",
            {"usage": 91.0, "high_watermark": 80, "low_watermark": 60},
        ),
        (
            "disk",
            DISK,
            "91.00% disk usage",
            {"usage": 91.0, "high_watermark": 90, "low_watermark": 85},
        ),
    ],
)
def test_what_is_above_its_watermark_is_alarming_until_it_falls(
    figure: str, name: str, message: str, details: dict[str, object]
) -> None:
    playbook, machine = watched()
    setattr(machine, figure, 0.91)
    playbook.advance(59.75)
    assert names(playbook) == []
    playbook.advance(0.25)
    (alarm,) = playbook.core.alarms.activated()
    assert (alarm.name, alarm.message, dict(alarm.details)) == (name, message, details)
    playbook.advance(600)
    assert len(playbook.core.alarms.activated()) == 1
    setattr(machine, figure, 0.2)
    playbook.advance(60)
    assert (names(playbook), len(playbook.core.alarms.deactivated())) == ([], 1)


def test_between_the_watermarks_an_alarm_stays_as_it_is() -> None:
    playbook, machine = watched()
    for usage, active in ((0.7, []), (0.81, [CPU]), (0.7, [CPU]), (0.59, []), (0.7, [])):
        machine.cpu = usage
        playbook.advance(60)
        assert names(playbook) == active


def test_the_disk_has_its_own_watermarks() -> None:
    playbook, machine = watched(disk_high_watermark=0.5, disk_low_watermark=0.4)
    for usage, active in ((0.45, []), (0.51, [DISK]), (0.45, [DISK]), (0.39, [])):
        machine.disk = usage
        playbook.advance(60)
        assert names(playbook) == active


def test_connections_are_compared_with_descriptors() -> None:
    playbook, machine = watched()
    machine.fds = 5
    clients = [playbook.connect(f"c{number}") for number in range(5)]
    playbook.advance(30)
    (alarm,) = playbook.core.alarms.activated()
    assert (alarm.name, alarm.message) == (PROCESSES, "100.00% process usage")
    for client in clients[:3]:
        client.leaves()
    playbook.advance(30)
    assert names(playbook) == []


def test_a_figure_that_cannot_be_had_changes_nothing() -> None:
    playbook, machine = watched()
    machine.memory = 0.9
    playbook.advance(60)
    machine.memory = machine.process_memory = machine.cpu = None
    playbook.advance(60)
    assert names(playbook) == [SYSTEM_MEMORY]


def test_a_look_that_fails_does_not_end_the_watch() -> None:
    playbook, machine = watched()
    machine.cpu = "broken"  # type: ignore[assignment]
    playbook.advance(60)
    machine.cpu = 0.9
    playbook.advance(60)
    assert names(playbook) == [CPU]


def short(**monitors: object) -> Playbook:
    playbook, machine = watched(**monitors)
    machine.memory = 0.97
    playbook.advance(60)
    return playbook


@pytest.mark.parametrize(("version", "code"), [(MQTT_5, 0x97), (MQTT_3_1_1, 0x88)])
def test_newcomers_are_refused_while_memory_is_short(version: int, code: int) -> None:
    playbook = short()
    playbook.counted()
    client = playbook.client(version)
    client.sends(connect_packet("c", version))
    packet = only(client.receives())
    assert (type(packet), packet.reason_code, client.is_closed) == (Connack, code, True)
    assert playbook.counted()["client.refused.high_memory"] == 1


def test_who_is_connected_stays_while_memory_is_short() -> None:
    playbook, machine = watched()
    client = playbook.connect("c", keepalive=0)
    machine.memory = 0.97
    playbook.advance(60)
    client.subscribes("t")
    playbook.publish("t")
    assert len(client.receives()) == 1
    machine.memory = 0.2
    playbook.advance(60)
    playbook.connect("newcomer")


def test_memory_that_runs_short_is_noticed_within_a_second_and_so_is_its_end() -> None:
    playbook, machine = watched()
    for memory, accepted in ((0.97, False), (0.2, True)):
        machine.memory = memory
        playbook.advance(1)
        newcomer = playbook.client()
        newcomer.sends(connect_packet("c"))
        assert newcomer.is_closed is not accepted


def test_refusing_can_be_switched_off() -> None:
    short(refuse_watermark=1.0).connect("c")


def test_an_alarm_alone_refuses_nobody() -> None:
    playbook, machine = watched()
    machine.memory = 0.9
    playbook.advance(60)
    assert names(playbook) == [SYSTEM_MEMORY]
    playbook.connect("c")


# -- the machine -------------------------------------------------------------------------------


def machine_of(folder: Path, **files: str) -> Machine:
    (folder / "self").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", "/")).write_text(text)
    return Machine(folder)


def test_memory_is_what_is_not_available(tmp_path: Path) -> None:
    machine = machine_of(
        tmp_path,
        meminfo="MemTotal:  1000 kB\nMemFree: 10 kB\nMemAvailable: 250 kB\n",
        self__status="Name:\tpython\nVmRSS:\t  100 kB\n",
    )
    assert machine.memory_usage() == 0.75
    assert machine.process_memory_usage() == 0.1


MEMINFO = "MemTotal:  1000000 kB\nMemAvailable: 750000 kB\n"
STATUS = "Name:\tpython\nVmRSS:\t  100000 kB\n"


def group(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


@pytest.mark.parametrize("name", ["/", "/slice/godwit", "/of/the/host"])
def test_a_containers_limit_counts_like_the_machines_memory(tmp_path: Path, name: str) -> None:
    proc, cgroups = tmp_path / "proc", tmp_path / "cgroup"
    group(cgroups / "slice/godwit", memory__max="max\n", memory__current="1\n")
    limited = cgroups / "slice" if name == "/slice/godwit" else cgroups
    group(
        limited,
        memory__max=f"{200_000 * 1024}\n",
        memory__current=f"{190_000 * 1024}\n",
        memory__stat=f"anon 5\ninactive_file {10_000 * 1024}\n",
    )
    proc.mkdir()
    machine_of(proc, meminfo=MEMINFO, self__status=STATUS, self__cgroup=f"0::{name}\n")
    machine = Machine(proc, cgroups)
    assert machine.memory_usage() == 0.9
    assert machine.process_memory_usage() == 0.5


@pytest.mark.parametrize(
    ("limit", "usage"), [("9223372036854771712", 0.25), (str(200_000 * 1024), 0.95)]
)
def test_control_groups_of_version_1_are_read_as_well(
    tmp_path: Path, limit: str, usage: float
) -> None:
    proc = tmp_path / "proc"
    group(
        tmp_path / "cgroup/memory",
        memory__limit_in_bytes=limit,
        memory__usage_in_bytes=str(190_000 * 1024),
        memory__stat="total_inactive_file 0\n",
    )
    proc.mkdir()
    machine_of(proc, meminfo=MEMINFO, self__cgroup="5:cpu,memory:/x\n4:pids:/x\n")
    assert Machine(proc, tmp_path / "cgroup").memory_usage() == usage


def test_cpu_usage_is_that_since_the_last_look(tmp_path: Path) -> None:
    machine = machine_of(tmp_path, stat="cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 1 1\n")
    machine_of(tmp_path, stat="cpu  175 0 100 720 105 0 0 0 0 0\ncpu0 1 1 1\n")
    assert machine.cpu_usage() == 0.75
    assert machine.cpu_usage() is None  # no time has passed


def test_a_machine_without_proc_says_nothing(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert machine.memory_usage() is None
    assert machine.process_memory_usage() is None
    assert machine.cpu_usage() is None


def test_this_machine_can_be_read() -> None:
    machine = Machine()
    assert 0 < (machine.memory_usage() or 0) < 1
    assert 0 < (machine.process_memory_usage() or 0) < 1
    assert machine.max_fds() > 0
    assert 0 < (machine.disk_usage(Path()) or 0) <= 1
    assert machine.disk_usage(Path("/nowhere/at/all")) is None
    assert machine.has_free_fd()


def test_no_descriptor_left_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "open", full)
    assert not Machine.has_free_fd()
