"""Gauges and their peaks."""

from __future__ import annotations

from app.broker.stats import Stats
from tests.harness.playbook import Playbook

KEPT = {"session_expiry_interval": 100}


def test_gauges_are_read_off_what_is_there() -> None:
    playbook = Playbook()
    stats = Stats(playbook.core)
    playbook.connect("away", properties=KEPT).crashes()
    client = playbook.connect("here")
    client.subscribes("a", "b/#", "$share/g/c")
    other = playbook.connect("other")
    other.subscribes("a")
    playbook.publish("kept", retain=True)
    snapshot = stats.snapshot()
    assert {name: count for name, count in snapshot.items() if name.endswith(".count")} == {
        "connections.count": 3,
        "live_connections.count": 2,
        "channels.count": 3,
        "sessions.count": 3,
        "topics.count": 3,
        "routes.count": 3,
        "suboptions.count": 4,
        "subscribers.count": 4,
        "subscriptions.count": 4,
        "subscriptions.shared.count": 1,
        "retained.count": 1,
        "sessions.persistent.count": 0,
        "delayed.count": 0,
        "resources.count": 0,
    }


def test_a_peak_stays_when_the_gauge_falls() -> None:
    playbook = Playbook()
    stats = Stats(playbook.core)
    clients = [playbook.connect(f"c{number}") for number in range(3)]
    stats.note()
    for client in clients:
        client.leaves()
    snapshot = stats.snapshot()
    assert (snapshot["connections.count"], snapshot["connections.max"]) == (0, 3)


def test_every_gauge_has_its_peak() -> None:
    snapshot = Stats(Playbook().core).snapshot()
    counts = {name.removesuffix(".count") for name in snapshot if name.endswith(".count")}
    peaks = {name.removesuffix(".max") for name in snapshot if name.endswith(".max")}
    assert counts == peaks


def test_sessions_are_persistent_from_a_start_that_is_not_clean_until_their_end() -> None:
    playbook = Playbook()

    def persistent() -> int:
        return Stats(playbook.core).snapshot()["sessions.persistent.count"]

    playbook.connect("clean", properties=KEPT)
    playbook.connect("kept", clean_start=False, properties=KEPT).crashes()
    assert persistent() == 1
    again = playbook.connect("kept", clean_start=False, properties=KEPT)
    assert persistent() == 1
    playbook.connect("kept", properties=KEPT)
    assert (again.is_closed, persistent()) == (True, 0)
    playbook.connect("kept", clean_start=False, properties=KEPT).crashes()
    assert persistent() == 1
    playbook.advance(200)
    assert persistent() == 0
