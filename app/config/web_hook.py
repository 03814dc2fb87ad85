"""Parameters of emqx_web_hook; those of its queue are ours.

Source: EMQX 4.4 `emqx_web_hook.conf`; `encode_payload` is the key of EMQX 4.2.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from app.config.kinds import Kind, above_zero, any_text, between, choice, duration, flag, whole
from app.config.kinds import http_url as http_address
from app.config.table import Setting

RULE_PREFIX = "web.hook.rule."
HEADER_PREFIX = "web.hook.headers."
ENCODINGS = ("plain", "base64", "base62")


@dataclass(frozen=True, slots=True)
class HookRule:
    """Which events are told: those of one action, about all topics or some."""

    action: str
    """EMQX's word for it: `on_client_connect`."""
    topic: str | None = None


def _hook_rule(text: str) -> HookRule | None:
    if not text:
        return None
    said = json.loads(text)
    if not isinstance(said, dict) or not set(said) <= {"action", "topic"}:
        raise ValueError
    action, topic = said.get("action"), said.get("topic")
    if not (isinstance(action, str) and (topic is None or isinstance(topic, str))):
        raise ValueError
    return HookRule(action, topic)


hook_rule = Kind(
    "a rule of the web hook",
    'JSON such as {"action": "on_message_publish", "topic": "t/#"}, or nothing',
    _hook_rule,
)

URL = Setting(
    "web.hook.url",
    http_address,
    "http://127.0.0.1:80",
    "Where emqx_web_hook tells of events.",
    hot=True,
)
HEADERS = Setting(
    f"{HEADER_PREFIX}$name", any_text, "", "A header of its requests.", hot=True, secret=True
)
PAYLOAD_ENCODING = Setting(
    "web.hook.body.encoding_of_payload_field",
    choice(*ENCODINGS),
    "plain",
    "How payloads stand in the JSON: `plain` is text, in which what is no UTF-8 is lost.",
    hot=True,
)
ENCODE_PAYLOAD = Setting(
    "web.hook.encode_payload",
    choice("", "base64", "base62"),
    "",
    "The same under its name in EMQX 4.2; it wins where it is set.",
    hot=True,
)
CACERTFILE = Setting(
    "web.hook.ssl.cacertfile",
    any_text,
    "",
    "Certificates that the server's is checked against; empty is those of the system.",
    hot=True,
)
CERTFILE = Setting(
    "web.hook.ssl.certfile",
    any_text,
    "",
    "Our own certificate, where the server asks for one.",
    hot=True,
)
KEYFILE = Setting("web.hook.ssl.keyfile", any_text, "", "The key of our own certificate.", hot=True)
VERIFY = Setting(
    "web.hook.ssl.verify", flag, "off", "Whether the server's certificate is checked.", hot=True
)
SERVER_NAME = Setting(
    "web.hook.ssl.server_name_indication",
    any_text,
    "",
    "The name that the server must have, where it is not the one of its address.",
    hot=True,
)
CONNECT_TIMEOUT = Setting(
    "web.hook.connect_timeout",
    above_zero(duration),
    "5s",
    "How long making a connection may take.",
    hot=True,
)
REQUEST_TIMEOUT = Setting(
    "web.hook.request_timeout",
    above_zero(duration),
    "5s",
    "How long a request may take, its answer included.",
    hot=True,
)
POOL_SIZE = Setting(
    "web.hook.pool_size",
    whole(1, 1_000),
    "32",
    "The most requests at once; those about one client go one after the other, in order.",
    hot=True,
)
QUEUE = Setting(
    "web.hook.queue.max_len",
    whole(1, 1_000_000),
    "10000",
    "How many events may wait for the server; what comes beyond is dropped and counted.",
    hot=True,
)
MAX_RETRIES = Setting(
    "web.hook.queue.max_retries",
    whole(0, 1_000),
    "5",
    "How often an event is told again that the server did not take, before it is given up.",
    hot=True,
)
RETRY_INTERVAL = Setting(
    "web.hook.queue.retry_interval",
    between(duration, "10ms", "1h"),
    "500ms",
    "The pause before it is told again the first time; each further one is twice as long, up to 30s.",
    hot=True,
)
RULE = Setting(
    f"{RULE_PREFIX}$group.$event.$number",
    hook_rule,
    "",
    'Which events are told: `web.hook.rule.message.publish.1` is `{"action": "on_message_publish", "topic": "t/#"}`. '
    "There are client.connect, connack, connected, disconnected, subscribe and unsubscribe, session.subscribed, "
    "unsubscribed and terminated, message.publish, delivered and acked.",
    hot=True,
)

WEB_HOOK_ROWS = (
    URL,
    HEADERS,
    PAYLOAD_ENCODING,
    ENCODE_PAYLOAD,
    CACERTFILE,
    CERTFILE,
    KEYFILE,
    VERIFY,
    SERVER_NAME,
    CONNECT_TIMEOUT,
    REQUEST_TIMEOUT,
    POOL_SIZE,
    QUEUE,
    MAX_RETRIES,
    RETRY_INTERVAL,
    RULE,
)
