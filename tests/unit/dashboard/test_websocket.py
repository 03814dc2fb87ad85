"""The page of the MQTT client: it knows where this node takes WebSockets."""

from __future__ import annotations

from tests.harness.fake_nodes import a_listener


def test_it_is_told_the_ports_of_the_listeners(browser):
    browser.log_in("viewer")
    browser.node.listener_records += [
        a_listener(protocol="mqtt:ws:28083"),
        a_listener(protocol="mqtt:wss:28084"),
    ]
    page = browser.get("/websocket").text
    assert 'data-ws="28083"' in page
    assert 'data-wss="28084"' in page
    assert 'data-host="localhost"' in page


def test_the_policy_lets_it_connect(browser):
    browser.log_in("viewer")
    policy = browser.get("/websocket").headers["Content-Security-Policy"]
    assert "connect-src 'self' ws: wss:" in policy
