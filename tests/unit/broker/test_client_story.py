"""What happened to each client is remembered with its reason, within bounds, and holds up no message."""

from __future__ import annotations

import pytest

from app.actor import Actor, acting
from app.broker.client_story import MAX_TOPIC_CHARS, RUN
from app.broker.message import Message
from app.broker.records import BanRecord
from app.config import ClientStoryConfig
from tests.harness.playbook import Playbook, connect_packet

KEPT = {"session_expiry_interval": 1_000}


@pytest.fixture
def playbook() -> Playbook:
    return Playbook()


def story_of(playbook: Playbook, clientid: str) -> list[tuple[str, str, str]]:
    events = playbook.broker.story.events(clientid)
    return [(one.event, one.reason, one.topic) for one in events]


def limited(**limits: int) -> Playbook:
    return Playbook(client_story=ClientStoryConfig(**limits))


def refuse(playbook: Playbook, clientid: str, peerhost: str = "127.0.0.1") -> None:
    client = playbook.client(5, peerhost)
    client.sends(connect_packet(clientid))
    assert client.is_closed


def test_a_client_that_comes_subscribes_and_goes_leaves_three_events(playbook: Playbook) -> None:
    client = playbook.connect("c")
    client.subscribes("a/#")
    client.leaves()
    assert story_of(playbook, "c") == [
        ("connected", "", ""),
        ("subscribed", "", "a/#"),
        ("disconnected", "normal", ""),
    ]
    first = playbook.broker.story.events("c")[0]
    assert first.who == f"{client.channel.client.peerhost}:{client.channel.client.peerport}"


def test_a_client_that_is_taken_over_and_comes_back_is_said_to_be(playbook: Playbook) -> None:
    playbook.connect("c", clean_start=False, properties=KEPT, version=5)
    playbook.connect("c", clean_start=False, properties=KEPT, version=5)
    assert story_of(playbook, "c") == [
        ("connected", "", ""),
        ("disconnected", "takeovered", ""),
        ("connected", "session_resumed", ""),
    ]


def test_who_kicked_and_who_banned_is_remembered(playbook: Playbook) -> None:
    playbook.connect("c")
    playbook.connect("d")
    with acting(Actor("user", "alice")):
        playbook.broker.kick("c")
    playbook.broker.ban(BanRecord("clientid", "d", "bob", "noise", 0, None))
    kicked, banned = (playbook.broker.story.events(name)[-1] for name in "cd")
    assert (kicked.event, kicked.reason, kicked.who) == ("disconnected", "kicked", "alice")
    assert (banned.event, banned.reason, banned.who) == ("disconnected", "banned", "bob")


def test_a_session_that_ends_without_its_client_is_an_event(playbook: Playbook) -> None:
    playbook.connect("c", clean_start=False, properties=KEPT, version=5).leaves()
    playbook.broker.kick("c")
    assert story_of(playbook, "c")[-1] == ("session_terminated", "kicked", "")


def test_a_refusal_says_why_and_is_counted(playbook: Playbook) -> None:
    playbook.broker.ban(BanRecord("clientid", "bad", "bob", "noise", 0, None))
    for _ in range(3):
        refuse(playbook, "bad")
    (event,) = playbook.broker.story.events("bad")
    assert (event.event, event.reason, event.count) == ("refused", "banned", 3)


def test_guessing_at_client_ids_makes_nobody_else_forgotten() -> None:
    playbook = limited(max_clients=20)
    story = playbook.broker.story
    playbook.connect("honest")
    playbook.broker.ban(BanRecord("peerhost", "192.0.2.66", "bob", "", 0, None))
    for number in range(50):
        refuse(playbook, f"guess-{number}", "192.0.2.66")
    assert [one.event for one in story.events("honest")] == ["connected"]
    assert story.events("guess-0") == []
    assert [one.event for one in story.events("guess-49")] == ["refused"]


def test_what_the_acl_denies_and_what_the_queue_has_no_room_for_is_remembered(
    playbook: Playbook,
) -> None:
    client = playbook.connect("c")
    core = playbook.broker.core
    core.access.on_denied(client.channel.client, "publish", "secret/x")
    client.channel.drop_delivery(Message("a/b", b"", 0, False, 0), "queue_full")
    client.channel.drop_delivery(Message("a/b", b"", 0, False, 0), "queue_full")
    client.channel.drop_delivery(Message("a/b", b"", 0, False, 0), "no_local")
    assert story_of(playbook, "c")[1:] == [
        ("acl_denied", "publish", "secret/x"),
        ("message_dropped", "queue_full", "a/b"),
    ]
    assert playbook.broker.story.events("c")[-1].count == 2


def test_a_long_run_of_one_kind_does_not_push_out_the_rest(playbook: Playbook) -> None:
    client = playbook.connect("c")
    for number in range(100):
        client.subscribes(f"t/{number}")
    events = playbook.broker.story.events("c")
    assert [one.event for one in events] == ["connected"] + ["subscribed"] * RUN
    assert (events[-1].topic, events[-1].count) == ("t/99", 100 - RUN + 1)


def test_clients_and_events_are_bounded_and_the_quietest_is_forgotten_first() -> None:
    playbook = limited(max_clients=2, max_events=3)
    story = playbook.broker.story
    first, second, third = (playbook.connect(name) for name in "abc")
    for client in (second, first, third):
        client.subscribes("x")
    assert [one.event for one in story.events("a")] == ["connected", "subscribed"]
    assert [one.event for one in story.events("b")] == ["connected"]
    assert len(story._stories) == 2
    playbook.broker.unsubscribe("a", ["x"])
    first.leaves()
    assert [one.event for one in story.events("a")] == [
        "subscribed",
        "unsubscribed",
        "disconnected",
    ]


def test_of_a_connected_client_that_was_forgotten_its_coming_is_still_known() -> None:
    playbook = limited(max_clients=1)
    story = playbook.broker.story
    for name in "ab":
        playbook.connect(name).subscribes("x")
    assert "a" not in story._stories
    (event,) = story.events("a")
    assert event.event == "connected"
    assert story.events("nobody") == []


def test_a_client_that_only_comes_takes_no_room(playbook: Playbook) -> None:
    story = playbook.broker.story
    client = playbook.connect("c")
    assert [one.event for one in story.events("c")] == ["connected"]
    assert not story._stories
    client.leaves()
    playbook.connect("c")
    assert [one.event for one in story.events("c")] == ["connected", "disconnected", "connected"]


def test_long_names_take_no_room(playbook: Playbook) -> None:
    client = playbook.connect("c")
    playbook.broker.core.access.on_denied(client.channel.client, "publish", "x" * 60_000)
    assert len(playbook.broker.story.events("c")[-1].topic) == MAX_TOPIC_CHARS


def test_the_express_lane_stays_open(playbook: Playbook) -> None:
    assert playbook.broker.core.express is not None


def test_nobody_is_remembered_where_that_is_not_wanted() -> None:
    playbook = limited(max_clients=0)
    story = playbook.broker.story
    playbook.connect("c").leaves()
    assert story.events("c") == []
