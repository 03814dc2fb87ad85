"""Publishing and subscribing over the fourth generation."""

from __future__ import annotations

import base64

import pytest

from app.errors import ResultCode, ServiceError
from app.node.proxy import PublishCommand, SubscribeCommand
from tests.harness.fake_nodes import MSGID

BAD_CLIENTID = {"code": 108, "message": "bad clientid: must be string"}


def published(api):
    return [
        command for act, *commands in api.node.commands if act == "publish" for command in commands
    ]


def test_a_message_reaches_the_node(api):
    body = {"topic": "a/b", "payload": "hi", "qos": 2, "retain": True, "clientid": "me"}
    assert api.post("/mqtt/publish", body) == {"code": 0}
    assert published(api) == [PublishCommand("a/b", b"hi", 2, True, "me")]


def test_only_the_topic_must_be_given(api):
    assert api.post("/mqtt/publish", {"topic": "a"}) == {"code": 0}
    assert published(api) == [PublishCommand("a", b"")]


@pytest.mark.parametrize("key", ["topic", "topics"])
def test_topics_are_split_at_commas_and_wrong_ones_are_dropped(api, key):
    api.post("/mqtt/publish", {key: "a,b/+,,c"})
    assert [command.topic for command in published(api)] == ["a", "c"]


def test_topic_goes_before_topics(api):
    api.post("/mqtt/publish", {"topic": "a", "topics": "b,c"})
    assert [command.topic for command in published(api)] == ["a"]


@pytest.mark.parametrize("body", [{}, {"topic": ""}, {"topics": "#,a/+"}])
def test_without_any_valid_topic_it_is_code_115(api, body):
    assert api.post("/mqtt/publish", body) == {"code": 115, "message": "bad_topic"}
    assert published(api) == []


@pytest.mark.parametrize(
    ("payload", "sent"),
    [("grüß", "grüß".encode()), ({"a": [1]}, b'{"a":[1]}'), ([1, None], b"[1,null]"), (5, b"5"), (True, b"true")],
)  # fmt: skip
def test_a_payload_that_is_no_text_is_sent_as_json(api, payload, sent):
    api.post("/mqtt/publish", {"topic": "a", "payload": payload})
    assert published(api)[0].payload == sent


def test_a_payload_may_come_in_base64(api):
    payload = base64.b64encode(bytes(range(256))).decode()
    api.post("/mqtt/publish", {"topic": "a", "payload": payload, "encoding": "base64"})
    assert published(api)[0].payload == bytes(range(256))


@pytest.mark.parametrize("payload", ["%%%", "YQ", 5, "ü"])
def test_bad_base64_is_code_108(api, payload):
    body = {"topic": "a", "payload": payload, "encoding": "base64"}
    assert api.post("/mqtt/publish", body) == {"code": 108, "message": "bad_params"}


def test_another_word_for_the_encoding_means_plain(api):
    api.post("/mqtt/publish", {"topic": "a", "payload": "YQ==", "encoding": "hex"})
    assert published(api)[0].payload == b"YQ=="


def test_properties_take_the_names_of_the_codec(api):
    asked = {
        "payload_format_indicator": 1,
        "message_expiry_interval": 60,
        "response_topic": "r/1",
        "correlation_data": "corr",
        "user_properties": {"id": 10010, "name": "emqx", "on": True, "rate": 0.5},
        "subscription_identifier": 7,
        "content_type": "text/plain",
    }
    assert api.post("/mqtt/publish", {"topic": "a", "properties": asked}) == {"code": 0}
    assert published(api)[0].properties == {
        "payload_format_indicator": 1,
        "message_expiry_interval": 60,
        "response_topic": "r/1",
        "correlation_data": b"corr",
        "user_property": [("id", "10010"), ("name", "emqx"), ("on", "true"), ("rate", "0.5")],
        "subscription_identifier": [7],
        "content_type": "text/plain",
    }


def test_user_properties_of_the_older_place_come_first(api):
    body = {
        "topic": "a",
        "user_properties": {"x": "1"},
        "properties": {"user_properties": {"y": "2"}},
    }
    api.post("/mqtt/publish", body)
    assert published(api)[0].properties == {"user_property": [("x", "1"), ("y", "2")]}


@pytest.mark.parametrize(
    "properties",
    [
        {},
        [],
        None,
        "text",
        {"colour": "red"},
        {"payload_format_indicator": 2},
        {"payload_format_indicator": True},
        {"message_expiry_interval": -1},
        {"message_expiry_interval": 2**32},
        {"message_expiry_interval": "60"},
        {"response_topic": "a/#"},
        {"response_topic": ""},
        {"correlation_data": 5},
        {"correlation_data": "x" * 65_536},
        {"subscription_identifier": 0},
        {"subscription_identifier": 268_435_456},
        {"content_type": "a\0b"},
        {"content_type": "ü" * 32_768},
        {"user_properties": []},
        {"user_properties": {"a": {}}},
        {"user_properties": {"a": None}},
        {"user_properties": {"\0": "a"}},
    ],
)
def test_properties_that_cannot_be_sent_are_code_108(api, properties):
    body = {"topic": "a", "properties": properties}
    assert api.post("/mqtt/publish", body) == {"code": 108, "message": "bad_params"}
    assert published(api) == []


@pytest.mark.parametrize("qos", [3, -1, "high", 0.5, True, None, [], {}])
def test_a_qos_out_of_range_is_code_116(api, qos):
    expected = {"code": 116, "message": "bad_qos"}
    assert api.post("/mqtt/publish", {"topic": "a", "qos": qos}) == expected
    assert api.post("/mqtt/subscribe", {"topic": "a", "clientid": "c1", "qos": qos}) == expected


def test_retain_is_true_or_it_is_not(api):
    for retain in ("true", "false", 1, False):
        api.post("/mqtt/publish", {"topic": "a", "retain": retain})
    assert [command.retain for command in published(api)] == [False] * 4


@pytest.mark.parametrize("act", ["publish", "subscribe", "unsubscribe"])
def test_a_client_id_that_is_no_text_is_code_108(api, act):
    assert api.post(f"/mqtt/{act}", {"topic": "a", "clientid": 5}) == BAD_CLIENTID


@pytest.mark.parametrize("act", ["subscribe", "unsubscribe"])
def test_a_missing_client_id_is_code_108(api, act):
    assert api.post(f"/mqtt/{act}", {"topic": "a"}) == BAD_CLIENTID


def test_a_topic_that_is_no_text_is_refused(api):
    assert api.post("/mqtt/publish", {"topic": 5})["code"] == 108
    assert api.post("/mqtt/subscribe", {"topic": [], "clientid": "c1"})["code"] == 108
    assert api.post("/mqtt/unsubscribe", {"topic": 5, "clientid": "c1"})["code"] == 115


def test_ids_are_told_to_those_who_ask(api):
    answer = api.post("/mqtt/publish", {"topic": "a", "return": False})
    assert answer == {"code": 0, "data": {"msgid": MSGID}}
    answer = api.post("/mqtt/publish", {"topics": "a", "return": "msgid"})
    assert answer == {"code": 0, "data": {"msgids": [MSGID]}}


def test_the_query_string_overrides_the_body(api):
    api.post(
        "/mqtt/publish?qos=1&payload=from+query&retain", {"topic": "a", "qos": 2, "payload": "x"}
    )
    assert published(api) == [PublishCommand("a", b"from query", 1, True)]


def test_the_content_type_does_not_matter(api):
    answer = api.ask(
        "POST",
        "/api/v4/mqtt/publish",
        data=b'{"topic":"a"}',
        content_type="application/x-www-form-urlencoded",
    )
    assert answer.json == {"code": 0}


def test_subscribing_keeps_share_prefixes(api):
    body = {"topics": "a/#,$share/g/b,$queue/c,$share/g,$share//x", "qos": 1, "clientid": "c1"}
    assert api.post("/mqtt/subscribe", body) == {"code": 0}
    filters = [SubscribeCommand(one, 1) for one in ("a/#", "$share/g/b", "$queue/c")]
    assert api.node.commands == [("subscribe", "c1", *filters)]


def test_subscribing_checks_in_emqx_s_order(api):
    body = {"topic": "a#", "qos": 7, "clientid": "nobody"}
    assert api.post("/mqtt/subscribe", body)["code"] == 115
    assert api.post("/mqtt/subscribe", {**body, "topic": "a"})["code"] == 116
    expected = {"code": 112, "message": "channel_not_found"}
    assert api.post("/mqtt/subscribe", {**body, "topic": "a", "qos": 0}) == expected
    assert api.post("/mqtt/unsubscribe", {"topic": "a", "clientid": "nobody"}) == expected


def test_unsubscribing_takes_a_comma_for_a_part_of_the_topic(api):
    assert api.post("/mqtt/unsubscribe", {"topic": "a,b", "clientid": "c1"}) == {"code": 0}
    assert api.node.commands == [("unsubscribe", "c1", "a,b")]


@pytest.mark.parametrize("topic", ["a/#/b", "", None, "$share/g"])
def test_unsubscribing_from_what_is_no_filter_is_code_115(api, topic):
    answer = api.post("/mqtt/unsubscribe", {"topic": topic, "clientid": "c1"})
    assert answer == {"code": 115, "message": "bad_topic"}


def test_a_batch_of_messages_crosses_to_the_node_once(api):
    items = [
        {"topic": "a", "payload": 1},
        {"topics": "b,c"},
        {"topic": "#"},
        5,
        {"topic": "d", "qos": 9},
    ]
    assert api.post("/mqtt/publish_batch", items)["data"] == [
        {"topic": "a", "code": 0},
        {"topic": "b,c", "code": 0},
        {"topic": "#", "code": 115},
        {"code": 108, "message": "bad_params"},
        {"topic": "d", "code": 116},
    ]
    assert len(api.node.commands) == 1
    assert [command.topic for command in published(api)] == ["a", "b", "c"]


def test_a_batch_of_subscriptions_answers_item_by_item(api):
    items = [
        {"topic": "a", "clientid": "c1"},
        {"topics": "b,c", "clientid": "c1", "qos": 1},
        {"topic": "a", "clientid": "nobody"},
        {"topic": "+a", "clientid": "c1"},
        {"topic": "a"},
    ]
    assert api.post("/mqtt/subscribe_batch", items)["data"] == [
        {"clientid": "c1", "topic": "a", "code": 0},
        {"clientid": "c1", "topic": "b,c", "code": 0},
        {"clientid": "nobody", "topic": "a", "code": 112},
        {"clientid": "c1", "topic": "+a", "code": 115},
        {"code": 108, "message": "bad_params"},
    ]
    assert [command[1] for command in api.node.commands] == ["c1", "nobody"]


def test_a_batch_of_unsubscriptions_answers_item_by_item(api):
    items = [{"topic": t, "clientid": c} for t, c in (("a", "c1"), ("b", "c1"), ("a", "nobody"))]
    answer = api.post("/mqtt/unsubscribe_batch", items)
    assert [item["code"] for item in answer["data"]] == [0, 0, 112]
    assert api.node.commands == [("unsubscribe", "c1", "a", "b"), ("unsubscribe", "nobody", "a")]


@pytest.mark.parametrize("act", ["publish", "subscribe", "unsubscribe"])
def test_an_empty_batch_does_nothing_and_what_is_no_batch_is_code_108(api, act):
    assert api.post(f"/mqtt/{act}_batch", []) == {"code": 0, "data": []}
    assert api.post(f"/mqtt/{act}_batch", {"topic": "a"}) == {"code": 108, "message": "bad_params"}
    assert api.node.commands == []


def test_a_node_that_does_not_answer_fails_the_whole_batch(api):
    api.node.failure = ServiceError(ResultCode.BADRPC)
    assert api.post("/mqtt/publish_batch", [{"topic": "a"}]) == {"code": 101, "message": "badrpc"}
