"""What a node that was killed is like when it is there again: times, wills, groups, order."""

from __future__ import annotations

from typing import Any

from app.broker.broker import Broker
from app.broker.keeper import Keeper
from app.clock import FakeClock
from app.mqtt.packets import MQTT_3_1_1, Puback, Pubcomp, Publish, Pubrec, Pubrel, Will
from app.storage.recovery import Recovery
from tests.harness.playbook import Client, Playbook, only
from tests.unit.storage.keeping import Kept, ListedStore, journaled, live

HOUR: Any = {"session_expiry_interval": 3_600}


def kept_client(kept: Kept, name: str, **fields: Any) -> Client:
    return kept.playbook.connect(name, clean_start=False, properties=HOUR, **fields)


def test_what_waited_and_what_was_sent_comes_in_order_with_its_packet_ids() -> None:
    kept = Kept(zone={"max_inflight": 2})
    client = kept_client(kept, "c")
    client.subscribes("t", qos=2)
    for payload in (b"1", b"2", b"3"):
        kept.playbook.publish("t", payload, 1)
    kept.playbook.publish("t", b"4", 2)
    client.receives()
    kept.dies()
    back = kept_client(kept, "c")
    assert [(p.packet_id, p.payload, p.dup) for p in back.receives()] == [  # type: ignore[attr-defined]
        (1, b"1", True),
        (2, b"2", True),
    ]
    back.sends(Puback(1), Puback(2))
    assert [(p.payload, p.qos, p.dup) for p in back.receives()] == [  # type: ignore[attr-defined]
        (b"3", 1, False),
        (b"4", 2, False),
    ]


def test_a_released_message_is_not_published_again() -> None:
    kept = Kept()
    client = kept_client(kept, "c")
    client.subscribes("t", qos=2)
    kept.playbook.publish("t", b"once", 2)
    packet_id = only(client.receives()).packet_id
    client.sends(Pubrec(packet_id))
    kept.dies()
    back = kept_client(kept, "c")
    assert only(back.receives()) == Pubrel(packet_id)
    back.sends(Pubcomp(packet_id))
    kept.dies()
    assert kept_client(kept, "c").receives() == []


def test_a_qos_2_message_whose_publisher_heard_nothing_is_not_routed_twice() -> None:
    kept = Kept()
    reader = kept_client(kept, "reader")
    reader.subscribes("t", qos=1)
    reader.leaves()
    publisher = kept_client(kept, "publisher")
    publisher.sends(Publish("t", b"x", 2, packet_id=9))
    kept.dies()
    back = kept_client(kept, "publisher")
    back.sends(Publish("t", b"x", 2, packet_id=9, dup=True))
    assert only(back.receives()) == Pubrec(9)
    assert len(kept_client(kept, "reader").receives()) == 1


def test_the_time_that_the_node_was_away_counts_for_sessions() -> None:
    kept = Kept()
    kept_client(kept, "c").leaves()
    kept.playbook.advance(3_000)
    kept.dies(away_s=700)
    assert "c" not in kept.playbook.core.cm.channels


def test_what_is_left_of_a_sessions_time_is_left_after_a_start() -> None:
    kept = Kept()
    kept_client(kept, "c").leaves()
    kept.dies(away_s=3_000)
    assert "c" in kept.playbook.core.cm.channels
    kept.playbook.advance(601)
    assert "c" not in kept.playbook.core.cm.channels


def test_a_clock_that_was_turned_back_lengthens_no_life() -> None:
    kept = Kept()
    kept_client(kept, "c").leaves()
    kept.playbook.advance(3_000)
    kept.playbook.publish("other", b"now", retain=True)  # the journal hears of the time
    kept.dies(away_s=-2_900)
    kept.playbook.advance(601)
    assert "c" not in kept.playbook.core.cm.channels


def test_a_session_whose_client_was_there_when_the_node_died_does_not_end_early() -> None:
    kept = Kept()
    brief: Any = {"session_expiry_interval": 10}
    kept.playbook.connect("c", clean_start=False, properties=brief)
    # Nothing else happens: when the node was last there is known to half a minute only.
    kept.store.settle()
    kept.playbook.advance(25)
    kept.dies(away_s=3)
    assert "c" in kept.playbook.core.cm.channels
    kept.dies(away_s=60)
    assert "c" not in kept.playbook.core.cm.channels


def test_a_clock_that_was_ahead_for_a_while_ends_no_session_afterwards() -> None:
    kept = Kept()
    kept.dies(away_s=86_400)
    kept.playbook.publish("other", b"now", retain=True)  # the journal hears of the time
    kept.dies(away_s=-86_400)
    kept_client(kept, "c").leaves()
    kept.dies(away_s=1)
    assert "c" in kept.playbook.core.cm.channels


def test_a_will_is_published_once_when_its_client_went_with_the_node() -> None:
    kept = Kept()
    reader = kept_client(kept, "reader")
    reader.subscribes("wills", qos=1)
    kept_client(kept, "c", will=Will("wills", b"gone", 1, False))
    kept.dies()
    kept.dies()
    back = kept_client(kept, "reader")
    assert only(back.receives()).payload == b"gone"


def test_a_delayed_will_waits_on_unless_its_client_is_back() -> None:
    kept = Kept()
    reader = kept_client(kept, "reader")
    reader.subscribes("wills", qos=1)
    for name in ("early", "late"):
        will = Will("wills", name.encode(), 1, False, {"will_delay_interval": 100})
        kept_client(kept, name, will=will).crashes()
    kept.dies(away_s=60)
    kept_client(kept, "early")
    reader = kept_client(kept, "reader")
    kept.playbook.advance(30)
    assert reader.receives() == []
    kept.playbook.advance(15)
    assert only(reader.receives()).payload == b"late"


def test_a_message_of_a_group_goes_to_another_member_when_its_session_is_over() -> None:
    kept = Kept()
    short: Any = {"session_expiry_interval": 10}
    brief = kept.playbook.connect("brief", clean_start=False, properties=short)
    brief.subscribes("$share/g/t", qos=1)
    kept.playbook.publish("t", b"x", 1)
    assert len(brief.receives()) == 1
    stays = kept_client(kept, "stays")
    stays.subscribes("$share/g/t", qos=1)
    kept.dies(away_s=60)
    assert only(kept_client(kept, "stays").receives()).payload == b"x"


def test_expired_messages_are_not_sent_after_a_start() -> None:
    kept = Kept()
    client = kept_client(kept, "c")
    client.subscribes("t", qos=1)
    client.leaves()
    kept.playbook.publish("t", b"old", 1, properties={"message_expiry_interval": 5})
    kept.playbook.publish("t", b"new", 1)
    kept.dies(away_s=10)
    assert only(kept_client(kept, "c").receives()).payload == b"new"


def test_retained_messages_keep_their_order_over_two_starts() -> None:
    kept = Kept()
    for topic in ("r/a", "r/b", "r/c"):
        kept.playbook.publish(topic, b"x", retain=True)
    kept.dies()
    kept.playbook.publish("r/a", b"y", retain=True)
    kept.sweeps()
    kept.dies()
    client = kept.playbook.connect("c")
    client.subscribes("r/+")
    kept.playbook.settle()
    got = [(p.topic, p.payload) for p in client.receives()]  # type: ignore[attr-defined]
    assert got == [("r/b", b"x"), ("r/c", b"x"), ("r/a", b"y")]


def test_what_the_broker_retains_about_itself_is_not_kept() -> None:
    kept = Kept()
    kept.playbook.publish("$SYS/brokers", b"me", retain=True)
    assert kept.recovery().state().retained == []


def test_delayed_messages_come_when_they_were_to_come() -> None:
    kept = Kept()
    client = kept_client(kept, "c")
    client.subscribes("t", qos=1)
    kept.playbook.publish("$delayed/100/t", b"later", 1)
    kept.dies(away_s=50)
    client = kept_client(kept, "c")
    kept.playbook.advance(45)
    assert client.receives() == []
    kept.playbook.advance(10)
    assert only(client.receives()).payload == b"later"
    kept.dies()
    assert len(kept.playbook.core.delayed) == 0


def test_clients_that_want_nothing_kept_are_not_in_the_journal() -> None:
    kept = Kept()
    for version in (MQTT_3_1_1, 5):
        client = kept.playbook.connect(f"c{version}", version=version)
        client.subscribes("t", qos=2)
        client.sends(Publish("t", b"x", 2, packet_id=1))
        kept.playbook.publish("t", b"x", 1)
        client.crashes()
    assert kept.store.mark == 0


def test_a_kept_session_says_nothing_about_qos_0() -> None:
    kept = Kept()
    client = kept_client(kept, "c")
    client.subscribes("t", qos=1)
    mark = kept.store.mark
    kept.playbook.publish("t", b"x", 0)
    client.sends(Publish("t", b"x", 0))
    assert kept.store.mark == mark


def test_what_is_promised_waits_for_the_storage() -> None:
    kept = Kept()
    client = kept_client(kept, "c")
    assert client.wire.waits_for == kept.store.mark, "CONNACK"
    client.subscribes("t", qos=2)
    assert client.wire.waits_for == kept.store.mark, "SUBACK"
    publisher = kept.playbook.connect("p")
    assert publisher.wire.waits_for == 0
    publisher.sends(Publish("t", b"x", 1, packet_id=1))
    assert publisher.wire.waits_for == kept.store.mark, "PUBACK"
    publisher.sends(Publish("t", b"x", 2, packet_id=2))
    assert publisher.wire.waits_for == client.wire.waits_for == kept.store.mark, "PUBREC, PUBLISH"
    client.receives()
    client.sends(Pubrec(2))
    assert client.wire.waits_for == kept.store.mark, "PUBREL"
    before = publisher.wire.waits_for
    publisher.sends(Publish("nobody", b"x", 1, packet_id=3))
    assert publisher.wire.waits_for == before


def test_a_zone_that_is_no_more_is_no_obstacle() -> None:
    kept = Kept()
    client = kept_client(kept, "c")
    client.leaves()
    recovery = kept.recovery()
    for session in recovery.state().sessions:
        session.stay.client["zone"] = "gone"
        session.stay.client["unknown"] = 1
    playbook = restart(recovery, kept.clock)
    assert "c" in playbook.core.cm.channels


def test_of_two_sessions_of_a_client_the_later_one_counts() -> None:
    kept = Kept()
    kept_client(kept, "c").leaves()
    kept.store.settle()
    first = list(kept.store.rows)
    kept.playbook.connect("c")  # a clean start: the session is over
    kept.store.settle()
    again = kept_client(kept, "c")
    again.subscribes("t", qos=1)
    kept.store.settle()
    recovery = Recovery()
    # The row that says so is missing.
    recovery.read(enumerate([*first, *kept.store.rows[len(first) + 1 :]]))
    assert len(recovery.state().sessions) == 2
    playbook = restart(recovery, kept.clock)
    channel = playbook.core.cm.channels["c"]
    assert channel.session is not None
    assert list(channel.session.subscriptions) == ["t"]
    assert playbook.core.subscriptions.count == 1


def restart(recovery: Recovery, clock: FakeClock) -> Playbook:
    playbook = Playbook(storage=ListedStore(clock, recovery), clock=clock)
    broker: Broker = playbook.broker
    Keeper(broker.core).begin()
    return playbook


def test_a_very_long_queue_is_said_anew_in_slices_while_it_moves() -> None:
    kept = Kept(zone={"max_inflight": 1, "max_mqueue_len": 0})
    client = kept_client(kept, "c")
    client.subscribes("t", qos=1)
    for number in range(6):
        kept.playbook.publish("t", b"%d" % number, 1)
    acknowledge(client)
    steps = 0
    while kept.sweep is not None or not steps:
        kept.sweeps_a_little()
        steps += 1
        if steps == 2:
            acknowledge(client)
            acknowledge(client)
            kept.playbook.publish("t", b"6", 1)
        assert journaled(kept.recovery().state()) == live(kept.playbook)
    assert steps >= 4
    kept.dies()
    back = kept_client(kept, "c")
    heard = []
    for _ in range(4):
        packet = only(back.receives())
        heard.append(packet.payload)  # type: ignore[attr-defined]
        back.sends(Puback(packet.packet_id))
    assert heard == [b"3", b"4", b"5", b"6"]


def acknowledge(client: Client) -> None:
    """Acknowledge the one message that the window has."""
    client.sends(Puback(only(client.receives()).packet_id))
