"""One client's page: what is known of it, and what is done for it."""

from __future__ import annotations

import pytest

from app.broker.acl_cache import AclVerdict
from app.broker.client_story import ClientEvent
from app.broker.records import SubscriptionRecord
from app.services.audit import AuditQuery
from tests.harness.fake_nodes import NODE

HTMX = {"HX-Request": "true"}


@pytest.fixture
def seen(browser):
    browser.log_in("operator")
    browser.node.subscription_records.append(SubscriptionRecord(NODE, "c7", "site/+/value", 1))
    browser.node.acl_verdicts.append(AclVerdict("publish", "secret/topic", False, 1_700_000_000))
    browser.node.client_events.append(
        ClientEvent(1_700_000_000_000, "disconnected", "keepalive_timeout", count=3)
    )
    return browser


def test_it_shows_session_subscriptions_messages_verdicts_and_events(seen):
    page = seen.get("/clients/client?clientid=c7").text
    for told in ("site/+/value", "secret/topic", "no sign of life", "× 3", "a/b", "127.0.0.1"):
        assert told in page
    assert "/clients/kick" in page


def test_of_a_client_that_is_gone_its_events_are_shown(seen):
    page = seen.get("/clients/client?clientid=gone").text
    assert "This client is gone" in page
    assert "no sign of life" in page
    assert "/clients/subscribe" not in page


def test_nobody_is_nobody(seen):
    seen.node.client_events.clear()
    assert "No node knows such a client." in seen.get("/clients/client?clientid=never").text


@pytest.mark.parametrize("part", ["client-now", "client-subscriptions", "client-acl"])
def test_parts_are_fetched_alone(seen, part):
    answer = seen.get("/clients/client?clientid=c7", headers=HTMX | {"HX-Target": part})
    assert f'id="{part}"' in answer.text
    assert "<html" not in answer.text


def test_a_viewer_sees_no_buttons(browser):
    browser.log_in("viewer")
    page = browser.get("/clients/client?clientid=c7").text
    assert "/clients/kick" not in page
    assert "/clients/subscribe" not in page


@pytest.mark.parametrize(
    ("path", "action", "command"),
    [
        ("subscribe", "client.subscribe", "subscribe"),
        ("unsubscribe", "client.unsubscribe", "unsubscribe"),
        ("clear_cache", "client.clear_acl_cache", "drain_acl_cache"),
    ],
)
def test_what_is_done_for_it_is_told_to_the_node_and_written_down(seen, path, action, command):
    seen.get("/clients")
    form = {"clientid": "c7", "topic": "a/b", "qos": "1"}
    answer = seen.post(f"/clients/{path}", form, headers=HTMX)
    assert answer.status_code == 204
    assert command in {one[0] for one in seen.node.commands}
    (entry,), _total = seen.services.audit.list(AuditQuery(action=action), 1, 10)
    assert entry.target == "c7"


def test_a_filter_that_is_none_is_refused(seen):
    seen.get("/clients")
    assert seen.post("/clients/subscribe", {"clientid": "c7", "topic": "a/#/b"}).status_code == 400
