"""Acknowledgements wait for whichever of two is behind."""

from __future__ import annotations

from pathlib import Path

from app.broker.ports import NO_STORAGE, NullStorage, Waiting
from app.rules.outbox.file import FILE, Outbox
from app.rules.outbox.gate import Gate, close_gate
from tests.harness.playbook import Playbook


class Storage(NullStorage):
    """A storage that is safe when it is told so."""

    def __init__(self) -> None:
        self.mark = 0
        self.safe = 0
        self.waiting: list[Waiting] = []

    def when_safe(self, waiting: Waiting) -> None:
        self.waiting.append(waiting)

    def reach(self, mark: int) -> None:
        self.safe = mark
        waiting, self.waiting = self.waiting, []
        for one in waiting:
            one.on_safe()


class Publisher:
    """Waits at a gate as a connection does."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.wanted = gate.mark
        self.looks = 0
        self.on_safe()

    def on_safe(self) -> None:
        self.looks += 1
        if not self.is_through:
            self.gate.when_safe(self)

    @property
    def is_through(self) -> bool:
        return self.gate.safe >= self.wanted


def an_outbox(folder: Path) -> Outbox:
    outbox = Outbox(folder / FILE)
    outbox.mark = outbox.safe = 100
    return outbox


def reach(outbox: Outbox, mark: int) -> None:
    outbox._is_known(mark)


def test_a_publisher_waits_for_the_outbox(tmp_path: Path) -> None:
    outbox = an_outbox(tmp_path)
    gate = Gate(NO_STORAGE, outbox)
    assert Publisher(gate).is_through
    outbox.mark += 1
    first = Publisher(gate)
    outbox.mark += 1
    second = Publisher(gate)
    assert not first.is_through
    reach(outbox, 101)
    assert (first.is_through, second.is_through) == (True, False)
    reach(outbox, 102)
    assert second.is_through
    assert second.looks == 3


def test_a_publisher_waits_for_both_whichever_comes_first(tmp_path: Path) -> None:
    outbox, storage = an_outbox(tmp_path), Storage()
    gate = Gate(storage, outbox)
    storage.mark += 1
    outbox.mark += 1
    both = Publisher(gate)
    reach(outbox, 101)
    assert not both.is_through
    storage.reach(1)
    assert both.is_through
    outbox.mark += 5
    storage.mark += 1
    both = Publisher(gate)
    storage.reach(2)
    assert not both.is_through
    reach(outbox, 106)
    assert both.is_through


def test_who_waited_for_the_storage_before_there_was_a_gate_still_does(tmp_path: Path) -> None:
    outbox, storage = an_outbox(tmp_path), Storage()
    storage.mark = 3
    gate = Gate(storage, outbox)
    early = Publisher(gate)
    assert early.wanted == 3
    outbox.mark += 7
    reach(outbox, 107)
    assert not early.is_through
    storage.reach(3)
    assert early.is_through


def test_a_gate_is_closed_once_and_all_else_is_the_storages(tmp_path: Path) -> None:
    core, outbox = Playbook().core, an_outbox(tmp_path)
    close_gate(core, outbox)
    gate = core.storage
    close_gate(core, outbox)
    assert core.storage is gate
    assert core.storage.is_behind is False


def test_one_gate_may_stand_before_another(tmp_path: Path) -> None:
    core, first, second, storage = (
        Playbook().core,
        an_outbox(tmp_path),
        an_outbox(tmp_path),
        Storage(),
    )
    core.storage = storage
    for keeper in (first, second, first, second):
        close_gate(core, keeper)
    gate = core.storage
    assert isinstance(gate, Gate)
    storage.mark += 1
    first.mark += 1
    second.mark += 1
    for reached in (
        lambda: reach(second, 101),
        lambda: storage.reach(1),
        lambda: reach(first, 101),
    ):
        publisher = Publisher(gate)
        assert not publisher.is_through
        reached()
    assert publisher.is_through
    second.mark += 1
    publisher = Publisher(gate)
    reach(second, 102)
    assert publisher.is_through
    assert publisher.looks == 2
