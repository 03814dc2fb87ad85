"""Rules that write to Kafka: the real driver, in front of a double of a broker that speaks the protocol."""

from __future__ import annotations

import ssl
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from app.rules.errors import ResourceDown
from tests.harness.certificates import Authority
from tests.harness.kafka_double import (
    GZIP,
    LZ4,
    MESSAGE_TOO_LARGE,
    NOT_LEADER,
    SNAPPY,
    ZSTD,
    BadBatchError,
    KafkaDouble,
    crc32c,
    read_batch,
)
from tests.harness.working_rules import WorkingRules, play, probe, until

KIND = "bridge_kafka"
ACTION = "data_to_kafka"
BY_CLIENT = {"payload_tmpl": "${payload}", "key": "${topic}", "strategy": "key_dispatch"}


def config(double: KafkaDouble, **more: Any) -> dict[str, Any]:
    return {"servers": double.address, **more}


def test_the_double_refuses_what_a_broker_would() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    with pytest.raises(BadBatchError, match="length"):
        read_batch(bytes(70))


def test_records_of_a_key_go_to_one_partition_in_order() -> None:
    async def scene(rules: WorkingRules) -> None:
        for number in range(600):
            rules.publish(f"k{number % 5}", b"%d" % number)
        await rules.settled(600)
        assert (rules.figures.success, rules.figures.failed) == (600, 0)
        await until(lambda: rules.is_alive)

    with KafkaDouble() as double:
        play(KIND, config(double), (ACTION, BY_CLIENT), scene)
    by_key = defaultdict(list)
    for one in double.stored["mqtt"]:
        by_key[one.key].append(one)
    assert len(by_key) == 5
    for records in by_key.values():
        assert len({one.partition for one in records}) == 1
        numbers = [int(one.value) for one in records]
        assert numbers == sorted(numbers)
    assert len({one.partition for one in double.stored["mqtt"]}) > 1
    assert max(double.batches) > 50
    assert double.acks == {-1}


def test_where_chance_chooses_the_partition_the_key_is_kept() -> None:
    async def scene(rules: WorkingRules) -> None:
        for _ in range(100):
            rules.publish("k", b"x")
        await rules.settled(100)

    params = {**BY_CLIENT, "strategy": "random"}
    with KafkaDouble() as double:
        play(KIND, config(double), (ACTION, params), scene)
        play(KIND, config(double), (ACTION, {"key": "none"}), scene)
    with_key = [one for one in double.stored["mqtt"] if one.key == b"k"]
    without = [one for one in double.stored["mqtt"] if one.key is None]
    assert len(with_key) == len(without) == 100
    assert {one.partition for one in with_key} == {one.partition for one in without} == {0, 1, 2}


@pytest.mark.parametrize(("wanted", "asked"), [("all_isr", -1), ("leader_only", 1), ("none", 0)])
def test_who_has_to_have_a_record_is_as_the_action_says(wanted: str, asked: int) -> None:
    async def scene(rules: WorkingRules) -> None:
        rules.publish("t", b"x")
        await rules.settled(1)
        await until(lambda: double.stored)

    with KafkaDouble() as double:
        play(KIND, config(double, compression="gzip"), (ACTION, {"required_acks": wanted}), scene)
    assert (double.acks, double.codecs) == ({asked}, {GZIP})


@pytest.mark.parametrize(
    ("compression", "codec"), [("gzip", GZIP), ("snappy", SNAPPY), ("lz4", LZ4), ("zstd", ZSTD)]
)
def test_records_can_be_read_whatever_compresses_them(compression: str, codec: int) -> None:
    values = [b"%d" % number * 10_000 for number in range(20)]

    async def scene(rules: WorkingRules) -> None:
        for value in values:
            rules.publish("t", value)
        await rules.settled(len(values))
        assert (rules.figures.success, rules.figures.failed) == (len(values), 0)

    with KafkaDouble(partitions=1) as double:
        play(KIND, config(double, compression=compression), (ACTION, BY_CLIENT), scene)
    assert double.codecs == {codec}
    assert [one.value for one in double.stored["mqtt"]] == values


def test_what_may_pass_is_tried_again_and_what_will_not_is_given_up() -> None:
    async def scene(rules: WorkingRules) -> None:
        double.errors += [NOT_LEADER, NOT_LEADER]
        rules.publish("t", b"1")
        await rules.settled(1)
        assert (rules.figures.success, rules.figures.failed) == (1, 0)
        double.errors += [MESSAGE_TOO_LARGE]
        rules.publish("t", b"2")
        await rules.settled(2)
        figures = rules.figures
        assert (figures.success, figures.failed, figures.retried) == (1, 1, 0)
        rules.publish("t", b"x" * 900_000)
        await rules.settled(3)

    with KafkaDouble() as double:
        params = {"payload_tmpl": "${payload}${payload}"}
        play(KIND, config(double), (ACTION, params), scene)
    assert [one.value for one in double.stored["mqtt"]] == [b"11"]


def test_a_topic_that_is_not_there_is_waited_for() -> None:
    async def scene(rules: WorkingRules) -> None:
        rules.publish("t", b"1")
        await until(lambda: rules.figures.retried)
        double.topics.add("later")
        await rules.settled(1)
        assert rules.figures.success == 1

    with KafkaDouble() as double:
        options = config(double, sync_timeout="500ms")
        play(KIND, options, (ACTION, {"topic": "later"}), scene)


def test_a_lost_answer_makes_a_duplicate_and_no_gap() -> None:
    async def scene(rules: WorkingRules) -> None:
        rules.publish("t", b"1")
        await rules.settled(1)
        double.loses_answers = 2
        for number in range(2, 6):
            rules.publish("t", b"%d" % number)
        await rules.settled(5)
        assert (rules.figures.success, rules.figures.failed) == (5, 0)

    with KafkaDouble(partitions=1) as double:
        play(KIND, config(double), (ACTION, BY_CLIENT), scene)
    values = [one.value for one in double.stored["mqtt"]]
    assert len(values) > 5
    assert list(dict.fromkeys(values)) == [b"1", b"2", b"3", b"4", b"5"]


def test_a_broker_that_goes_and_comes_back_gets_everything_in_order() -> None:
    async def scene(rules: WorkingRules) -> None:
        await until(lambda: rules.is_alive)
        for number in range(100):
            rules.publish("t", b"%d" % number)
        await rules.settled(20)
        double.stop()
        for number in range(100, 150):
            rules.publish("t", b"%d" % number)
        await until(lambda: rules.figures.retried)
        double.start()
        await rules.settled(150)
        assert (rules.figures.success, rules.figures.failed) == (150, 0)

    with KafkaDouble(partitions=1) as double:
        params = {**BY_CLIENT, "order_by": "${clientid}"}
        play(KIND, config(double, sync_timeout="500ms"), (ACTION, params), scene)
    values = [int(one.value) for one in double.stored["mqtt"]]
    assert list(dict.fromkeys(values)) == list(range(150))


def test_logins_and_certificates_are_checked(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("localhost")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(pair.certfile, pair.keyfile)
    trusted = {"ssl": True, "verify": True, "cacertfile": str(authority.certfile)}
    login = {"username": "u", "password": "p"}
    with KafkaDouble(tls=tls) as double:
        double.add_user("u", "p")
        for mechanism in ("PLAIN", "SCRAM_SHA_256", "SCRAM_SHA_512"):
            options = config(double, authentication_mechanism=mechanism, **login, **trusted)
            probe(KIND, options)
            with pytest.raises(ResourceDown):
                probe(KIND, {**options, "password": "q"})
        stranger = Authority(tmp_path, "other")
        with pytest.raises(ResourceDown):
            probe(KIND, {**options, "cacertfile": str(stranger.certfile)})
        with pytest.raises(ResourceDown):
            probe(KIND, config(double, **trusted, sync_timeout="500ms"))
    assert double.logins == ["PLAIN", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
    with pytest.raises(ResourceDown):
        probe(KIND, options)
