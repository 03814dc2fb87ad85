"""The client calls of the fourth generation."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from app.errors import ResultCode, ServiceError
from app.node.proxy import ClientQuery
from tests.harness.fake_nodes import NODE


def test_the_list_tells_page_limit_count_and_whether_there_is_more(api):
    answer = api.get("/clients?_page=1&_limit=1")
    assert answer["meta"] == {"page": 1, "limit": 1, "count": 2, "hasnext": True}
    assert [row["clientid"] for row in answer["data"]] == ["c1"]


def test_the_second_page_continues_where_the_first_ended(api):
    answer = api.get(f"/nodes/{NODE}/clients?_page=2&_limit=1")
    assert answer["meta"] == {"page": 2, "limit": 1, "count": 2, "hasnext": False}
    assert [row["clientid"] for row in answer["data"]] == ["site/1 ü"]


def test_without_paging_parameters_a_page_has_max_row_limit_rows(api):
    assert api.get("/clients")["meta"]["limit"] == 10_000


def test_a_page_below_one_is_the_first_and_is_repeated_as_given(api):
    answer = api.get("/clients?_page=-3")
    assert answer["meta"]["page"] == -3
    assert len(answer["data"]) == 2


def test_a_limit_of_nought_gives_no_rows_and_says_that_there_are_some(api):
    answer = api.get("/clients?_limit=0")
    assert (answer["data"], answer["meta"]["hasnext"]) == ([], True)


@pytest.mark.parametrize("query", ["_page=x", "_limit=1.5", "_limit=-1", "_page", "_page="])
def test_paging_that_is_no_number_is_code_108_and_not_a_crash(api, query):
    for path in ("/clients", "/subscriptions", "/routes", "/banned", f"/nodes/{NODE}/clients"):
        answer = api.get(f"{path}?{query}")
        assert answer["code"] == 108
        assert answer["message"].startswith("Can't convert ")


def test_numbers_beyond_all_indexes_are_answered(api):
    assert api.get("/clients?_page=999999999999&_limit=999999999999")["data"] == []
    assert api.get("/clients?_page=" + "9" * 5000)["code"] == 108


def test_a_filtered_list_does_not_count(api):
    answer = api.get("/clients?_like_clientid=site&unknown=1")
    assert answer["meta"]["count"] == -1
    assert [row["clientid"] for row in answer["data"]] == ["site/1 ü"]


def test_an_unknown_parameter_is_no_filter(api):
    assert api.get("/clients?colour=red")["meta"]["count"] == 2


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("clientid=a+b%2Fc", ClientQuery(clientid="a b/c")),
        ("username=u", ClientQuery(username="u")),
        ("zone=external", ClientQuery(zone="external")),
        ("ip_address=127.0.0.1", ClientQuery(ip_address="127.0.0.1")),
        ("conn_state=idle", ClientQuery(conn_state="idle")),
        ("clean_start=false", ClientQuery(clean_start=False)),
        ("clean_start", ClientQuery(clean_start=True)),
        ("proto_name=MQTT&proto_ver=5", ClientQuery(proto_name="MQTT", proto_ver=5)),
        ("_like_clientid=a%25&_like_username=b", ClientQuery(like_clientid="a%", like_username="b")),
        ("_gte_created_at=1&_lte_created_at=2", ClientQuery(gte_created_at_ms=1000, lte_created_at_ms=2000)),
        ("_gte_connected_at=1", ClientQuery(gte_connected_at_ms=1000)),
        ("_lte_connected_at=1", ClientQuery(lte_connected_at_ms=1000)),
        ("_gte_mqueue_len=1&_lte_mqueue_len=2", ClientQuery(gte_mqueue_len=1, lte_mqueue_len=2)),
        ("_gte_mqueue_dropped=1", ClientQuery(gte_mqueue_dropped=1)),
        ("_lte_mqueue_dropped=1", ClientQuery(lte_mqueue_dropped=1)),
        ("clientid=a&_like_clientid=b", ClientQuery(clientid="a")),
        ("clientid=a&clientid=b", ClientQuery(clientid="a")),
    ],
)  # fmt: skip
def test_filters_reach_the_node(api, query, asked):
    for path in ("/clients", f"/nodes/{NODE}/clients"):
        api.get(f"{path}?{query}")
        assert api.node.commands[-1][:2] == ("clients", asked)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("proto_ver=four", 'Can\'t convert <<"four">> to integer type'),
        ("_gte_created_at=x", 'Can\'t convert <<"x">> to timestamp type'),
        ("ip_address=::1", 'Can\'t convert <<"::1">> to ip type'),
        ("conn_state=asleep", 'Can\'t convert <<"asleep">> to atom type'),
        ("clean_start=1", 'Can\'t convert <<"1">> to atom type'),
        ("clientid", "Can't convert true to binary type"),
    ],
)
def test_a_filter_of_the_wrong_type_is_code_108_in_emqx_s_words(api, query, message):
    assert api.get(f"/clients?{query}") == {"code": 108, "message": message}


def test_a_client_without_a_name_has_the_name_undefined(api):
    (row,) = api.get("/clients/site%2F1%20%C3%BC")["data"]
    assert (row["username"], row["mountpoint"]) == ("undefined", "undefined")


def test_only_a_disconnected_client_tells_when_that_was(api):
    first, second = api.get("/clients")["data"]
    assert (first["connected"], "disconnected_at" in first) == (True, False)
    assert (second["connected"], len(second["disconnected_at"])) == (False, 19)


def test_dotted_counters_stand_beside_the_plain_ones(api):
    (row,) = api.get("/clients/c1")["data"]
    assert row["send_msg.dropped.queue_full"] == 0


@pytest.mark.parametrize("prefix", ["", f"/nodes/{NODE}", "/nodes/godwit%40127.0.0.1"])
def test_an_unknown_client_is_an_empty_array(api, prefix):
    assert api.get(f"{prefix}/clients/nobody") == {"data": [], "code": 0}
    assert api.get(f"{prefix}/clients/username/nobody") == {"data": [], "code": 0}


@pytest.mark.parametrize(
    "clientid", ["a%0Ab", "%00", "%2F", ".", "..", "%25", "+", "%F0%9F%90%A6", "%FF"]
)
def test_any_client_id_can_be_asked_for(api, clientid):
    assert api.get(f"/clients/{clientid}") == {"data": [], "code": 0}
    assert api.node.commands[-1] == ("client", unquote(clientid))


def test_clients_of_a_user_are_an_array(api):
    assert [row["clientid"] for row in api.get("/clients/username/u1")["data"]] == ["c1"]


def test_kicking_a_client_reaches_the_node_by_its_decoded_id(api):
    assert api.delete("/clients/site%2f1%20%c3%bc") == {"code": 0}
    assert api.node.commands == [("kick", "site/1 ü")]


def test_kicking_an_unknown_client_is_no_error(api):
    assert api.delete("/clients/nobody") == {"code": 0}


@pytest.mark.parametrize(
    "path",
    [
        "/nodes/x@y/clients",
        "/nodes/x@y/clients/c1",
        "/nodes/x@y/clients/username/u1",
        "/brokers/x@y",
    ],
)
def test_an_unknown_node_is_404(api, path):
    answer = api.ask("GET", "/api/v4" + path)
    assert (answer.status_code, answer.content_type) == (404, "text/plain")
    assert answer.data == b"Not found."


def test_a_node_that_does_not_answer_is_code_101(api):
    api.node.failure = ServiceError(ResultCode.BADRPC, "timeout")
    assert api.get("/clients") == {"code": 101, "message": "timeout"}
