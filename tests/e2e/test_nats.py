"""Rules that publish to real NATS servers, with and without JetStream."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.rules.errors import ResourceDown
from app.rules.resources.nkey import Nkey
from tests.harness.certificates import Authority
from tests.harness.nats_servers import NatsListener, NatsProcess
from tests.harness.working_rules import WorkingRules, play, probe, until

KIND = "bridge_nats"
SEED = "SUAFCE6O5QG7JSSTPGMWFKJXYRIIVSYJC6O37D22LNE4TJUEOK3ZI7OYJA"
TO_STREAM = (
    "data_to_nats",
    {"subject": "s.${clientid}", "payload_tmpl": "${payload}", "jetstream": True},
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsProcess]:
    with NatsProcess(tmp_path) as process:
        yield process


def test_a_result_becomes_a_message_with_subject_headers_and_payload(server: NatsProcess) -> None:
    params = {
        "subject": "from.${clientid}.x",
        "headers": {"Nats-Msg-Id": "${id}", "topic": "${topic}"},
        "payload_tmpl": "${payload}",
    }

    async def scene(rules: WorkingRules) -> None:
        await until(lambda: rules.is_alive)
        for number in range(300):
            rules.publish("t/ü", b"%d \xff" % number)
        await rules.settled(300)
        assert (rules.figures.success, rules.figures.failed) == (300, 0)

    with NatsListener(server.port) as listener:
        listener.subscribe("from.>")
        play(KIND, {"servers": server.address}, ("data_to_nats", params), scene)
        for number in range(300):
            subject, headers, payload = listener.next()
            assert (subject, payload) == ("from.publisher.x", b"%d \xff" % number)
        assert "topic: t/ü\r\n" in headers.decode()


def test_what_can_never_be_taken_is_given_up_and_takes_nothing_with_it(
    server: NatsProcess,
) -> None:
    params = {"subject": "s.${topic}", "payload_tmpl": "${payload}${payload}"}

    async def scene(rules: WorkingRules) -> None:
        await until(lambda: rules.is_alive)
        rules.publish("good", b"1")
        rules.publish("with space", b"2")
        rules.publish("large", b"x" * 600_000)
        rules.publish("good", b"4")
        await rules.settled(4)
        assert (rules.figures.success, rules.figures.failed) == (2, 2)

    play(KIND, {"servers": server.address}, ("data_to_nats", params), scene)


def test_subjects_that_the_user_may_not_publish_to_are_told_from_those_that_he_may(
    tmp_path: Path,
) -> None:
    users = (
        'authorization { users = [ { user: "u", password: "p", '
        'permissions: { publish: { deny: "s.secret" } } } ] }\n'
    )
    params = {"subject": "s.${topic}"}
    with NatsProcess(tmp_path, users) as server:
        config = {"servers": server.address, "username": "u", "password": "p"}

        async def scene(rules: WorkingRules) -> None:
            await until(lambda: rules.is_alive)
            for topic in ("a", "secret", "b"):
                rules.publish(topic, b"x")
            await rules.settled(3)
            assert (rules.figures.success, rules.figures.failed) == (2, 1)
            assert rules.is_alive

        for has_streams in (False, True):
            with NatsListener(server.port, user="u", **{"pass": "p"}) as listener:
                if has_streams:
                    listener.make_stream("S", "s.>")
            play(KIND, config, ("data_to_nats", {**params, "jetstream": has_streams}), scene)
        for password, works in (("p", True), ("wrong", False)):
            if works:
                probe(KIND, {**config, "password": password})
            else:
                with pytest.raises(ResourceDown, match="Authorization Violation"):
                    probe(KIND, {**config, "password": password})


def test_a_user_comes_in_with_his_nkey(tmp_path: Path) -> None:
    users = f"authorization {{ users = [ {{ nkey: {Nkey(SEED).public} }} ] }}\n"
    with NatsProcess(tmp_path, users) as server:
        probe(KIND, {"servers": server.address, "nkey_seed": SEED})
        with pytest.raises(ResourceDown):
            probe(KIND, {"servers": server.address})


def test_tls_is_checked_and_never_left_out(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "tls")
    pair = authority.issue("localhost")
    tls = f'tls {{ cert_file: "{pair.certfile}", key_file: "{pair.keyfile}" }}\n'
    trusted = {"ssl": True, "verify": True, "cacertfile": str(authority.certfile)}
    with NatsProcess(tmp_path, tls) as server:
        probe(KIND, {"servers": server.address, **trusted})
        stranger = Authority(tmp_path / "other", "other")
        with pytest.raises(ResourceDown, match="certificate verify failed"):
            probe(KIND, {"servers": server.address, **trusted, "cacertfile": str(stranger.certfile)})  # fmt: skip
        with pytest.raises(ResourceDown, match="wants TLS"):
            probe(KIND, {"servers": server.address})
    with NatsProcess(tmp_path) as plain, pytest.raises(ResourceDown, match="offers no TLS"):
        probe(KIND, {"servers": plain.address, **trusted})


def test_the_first_server_that_answers_is_taken(server: NatsProcess, tmp_path: Path) -> None:
    gone = NatsProcess(tmp_path).address
    probe(KIND, {"servers": f"nats://{gone},{server.address}"})
    with pytest.raises(ResourceDown):
        probe(KIND, {"servers": gone})


def test_a_message_that_no_stream_takes_waits_for_one(server: NatsProcess) -> None:
    async def scene(rules: WorkingRules) -> None:
        await until(lambda: rules.is_alive)
        rules.publish("t", b"1")
        await until(lambda: rules.figures.retried >= 2)
        with NatsListener(server.port) as listener:
            listener.make_stream("S", "s.>")
        await rules.settled(1)
        assert rules.figures.success == 1

    play(KIND, {"servers": server.address}, TO_STREAM, scene)


def test_a_stream_that_refuses_for_good_is_not_asked_again(server: NatsProcess) -> None:
    with NatsListener(server.port) as listener:
        listener.make_stream("S", "s.>", max_msg_size=8)

    async def scene(rules: WorkingRules) -> None:
        await until(lambda: rules.is_alive)
        rules.publish("t", b"much more than that")
        rules.publish("t", b"less")
        await rules.settled(2)
        figures = rules.figures
        assert (figures.success, figures.failed, figures.retried) == (1, 1, 0)

    play(KIND, {"servers": server.address}, TO_STREAM, scene)


def test_a_server_that_is_killed_and_comes_back_gets_everything_in_order(
    server: NatsProcess,
) -> None:
    with NatsListener(server.port) as listener:
        listener.make_stream("S", "s.>")
    action = ("data_to_nats", {**TO_STREAM[1], "order_by": "${clientid}", "ack_timeout": "1s"})

    async def scene(rules: WorkingRules) -> None:
        await until(lambda: rules.is_alive)
        for number in range(300):
            rules.publish("t", b"%d" % number)
            if number == 150:
                await rules.settled(60)
                server.stop()
                await until(lambda: not rules.is_alive)
            if number == 200:
                server.start()
        await rules.settled(300)
        assert (rules.figures.success, rules.figures.failed) == (300, 0)

    play(KIND, {"servers": server.address}, action, scene)
    with NatsListener(server.port) as listener:
        bodies = [
            int(base64.b64decode(listener.message("S", place)["data"]))
            for place in range(1, listener.stored("S") + 1)
        ]
    counted = Counter(bodies)
    assert set(counted) == set(range(300))
    firsts = list(dict.fromkeys(bodies))
    assert firsts == sorted(firsts)
