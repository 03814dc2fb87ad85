"""The list of clients, and what is done to one."""

from __future__ import annotations

import pytest

from app.broker.records import BanRecord
from app.services.audit import AuditQuery
from tests.harness.fake_nodes import a_client


@pytest.fixture
def listed(browser):
    browser.log_in("operator")
    return browser


def test_the_list_is_paged_by_the_node(listed):
    first, last = listed.get("/clients").text, listed.get("/clients?page=3").text
    assert "1 to 20 of 45" in first
    assert "41 to 45 of 45" in last
    assert ">c0<" in first
    assert ">c44<" in last


def test_our_script_gets_the_list_alone(listed):
    headers = {"HX-Request": "true", "HX-Target": "clients-table"}
    fragment = listed.get("/clients?page=2", headers=headers).text
    assert fragment.lstrip().startswith("<section")
    assert "<html" not in fragment


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("clientid=quiet", 1),
        ("trouble=queue", 1),
        ("proto_ver=5", 1),
        ("conn_state=disconnected", 0),
    ],
)
def test_filters_narrow_the_list_down(listed, query, found):
    listed.node.client_records.append(a_client("quiet", proto_ver=5, mqueue_len=7))
    page = listed.get(f"/clients?{query}").text
    assert page.count("cell-id") == found
    assert ("Nothing matches." in page) is (found == 0)


def test_an_address_that_is_none_is_refused_in_words(listed):
    answer = listed.get("/clients?ip_address=here")
    assert answer.status_code == 400
    assert "Correct it and try again." in answer.text


def test_names_of_clients_are_never_markup(listed):
    listed.node.client_records[:] = [a_client("<b>&\"x'")]
    assert "<b>&" not in listed.get("/clients").text


def test_who_may_not_act_sees_no_buttons(browser):
    browser.log_in("viewer")
    assert "/clients/kick" not in browser.get("/clients").text


def test_kicking_is_told_to_the_node_and_written_down(listed):
    listed.get("/clients")
    headers = {"HX-Request": "true"}
    answer = listed.post("/clients/kick", {"clientid": "c7"}, headers=headers)
    assert answer.status_code == 204
    assert "c7 was kicked out." in answer.headers["HX-Trigger"]
    assert "clients-table" in answer.headers["HX-Trigger"]
    assert ("kick", "c7") in listed.node.commands
    (entry,), _total = listed.services.audit.list(AuditQuery(action="client.kick"), 1, 10)
    assert entry.target == "c7"


@pytest.mark.parametrize("how_long", ["hour", "day", "ever"])
def test_a_ban_is_stored_and_told_to_the_node(listed, how_long):
    listed.get("/clients")
    answer = listed.post("/clients/ban", {"clientid": "c7", "how_long": how_long})
    assert answer.status_code == 303
    ((ban,), _total) = listed.services.banned.list(1, 10)
    assert isinstance(ban, BanRecord)
    assert (ban.kind, ban.who, ban.by) == ("clientid", "c7", "operator")
    assert (ban.until_s is None) is (how_long == "ever")
