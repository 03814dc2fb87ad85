"""Connection management: whose channel is whose, and what is told when sessions come and go."""

from __future__ import annotations

from tests.harness.playbook import Playbook

POINTS = (
    "session.created",
    "session.resumed",
    "session.takeovered",
    "session.discarded",
    "session.terminated",
    "client.connected",
    "client.disconnected",
)
KEPT = {"session_expiry_interval": 100}


def watching() -> Playbook:
    playbook = Playbook()
    playbook.watch(*POINTS)
    return playbook


def told(playbook: Playbook) -> list[str]:
    names = [name for name, _ in playbook.told]
    playbook.told.clear()
    return names


def test_a_new_client_gets_a_new_session() -> None:
    playbook = watching()
    client = playbook.connect("c")
    assert told(playbook) == ["session.created", "client.connected"]
    assert playbook.core.cm.get("c") is client.channel
    assert playbook.core.cm.get("x") is None


def test_a_session_that_ends_with_its_connection_is_told_of_last() -> None:
    playbook = watching()
    client = playbook.connect("c")
    told(playbook)
    client.leaves()
    assert told(playbook) == ["client.disconnected", "session.terminated"]


def test_coming_back_resumes_the_session() -> None:
    playbook = watching()
    first = playbook.connect("c", properties=KEPT)
    session = first.session
    first.leaves()
    told(playbook)
    second = playbook.connect("c", clean_start=False, properties=KEPT)
    assert second.session is session
    assert told(playbook) == ["session.takeovered", "session.resumed", "client.connected"]


def test_taking_over_ends_the_old_connection_first() -> None:
    playbook = watching()
    playbook.connect("c", properties=KEPT)
    told(playbook)
    playbook.connect("c", clean_start=False, properties=KEPT)
    assert told(playbook) == [
        "client.disconnected",
        "session.takeovered",
        "session.resumed",
        "client.connected",
    ]


def test_a_clean_start_discards_what_was_there() -> None:
    playbook = watching()
    playbook.connect("c", properties=KEPT)
    told(playbook)
    playbook.connect("c", clean_start=True)
    assert told(playbook) == [
        "client.disconnected",
        "session.discarded",
        "session.terminated",
        "session.created",
        "client.connected",
    ]


def test_a_clean_start_of_somebody_who_was_away_discards_as_well() -> None:
    playbook = watching()
    playbook.connect("c", properties=KEPT).leaves()
    told(playbook)
    playbook.connect("c", clean_start=True)
    assert told(playbook)[:2] == ["session.discarded", "session.terminated"]
    playbook.advance(200)
    assert playbook.core.cm.get("c") is not None  # the old expiry is not the new session's


def test_a_resumed_session_has_the_expiry_of_the_new_connection() -> None:
    playbook = watching()
    playbook.connect("c", properties=KEPT).leaves()
    playbook.connect("c", clean_start=False).leaves()
    assert playbook.core.cm.channels == {}


def test_those_who_are_connected_are_counted() -> None:
    playbook = watching()
    first = playbook.connect("a", properties=KEPT)
    playbook.connect("b")
    assert (len(playbook.core.cm.channels), playbook.core.cm.live) == (2, 2)
    first.crashes()
    assert (len(playbook.core.cm.channels), playbook.core.cm.live) == (2, 1)
    playbook.connect("a", clean_start=False, properties=KEPT)
    assert (len(playbook.core.cm.channels), playbook.core.cm.live) == (2, 2)
    for clientid in ("a", "b"):
        playbook.broker.kick(clientid)
    assert (len(playbook.core.cm.channels), playbook.core.cm.live) == (0, 0)


def test_a_session_that_ended_counts_no_more_unreleased_messages() -> None:
    playbook = watching()
    client = playbook.connect("c", properties=KEPT)
    client.session.awaiting_rel[1] = playbook.clock.monotonic_s()
    session = client.session
    playbook.broker.kick("c")
    assert session.awaiting_rel == {}


def test_metrics_tell_sessions_apart() -> None:
    playbook = Playbook()
    playbook.connect("c", properties=KEPT)
    playbook.connect("c", clean_start=False, properties=KEPT)
    playbook.connect("c", clean_start=True)
    counted = {name: n for name, n in playbook.counted().items() if name.startswith("session.")}
    assert counted == {
        "session.created": 2,
        "session.resumed": 1,
        "session.takeovered": 1,
        "session.discarded": 1,
        "session.terminated": 1,
    }
