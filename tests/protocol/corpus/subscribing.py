"""Rows of SUBSCRIBE, SUBACK, UNSUBSCRIBE and UNSUBACK."""

from __future__ import annotations

from app.mqtt.packets import Suback, Subscribe, SubscribeFilter, Unsuback, Unsubscribe
from tests.protocol.corpus.row import (
    ALL,
    CLIENT,
    SERVER,
    V3,
    V4,
    V5,
    V34,
    V45,
    Row,
    forbidden,
    good,
    malformed,
)

SUBSCRIBE: tuple[Row, ...] = (
    *good(
        "subscribe to one filter",
        V34,
        CLIENT,
        "82 08 000a 0003 'a/#' 01",
        Subscribe(10, (SubscribeFilter("a/#", 1),)),
    ),
    *good(
        "subscribe to one filter",
        V5,
        CLIENT,
        "82 09 000a 00 0003 'a/#' 01",
        Subscribe(10, (SubscribeFilter("a/#", 1),)),
    ),
    *good(
        "subscribe to three filters",
        V34,
        CLIENT,
        "82 0e 000a 0001 '+' 00 0001 'b' 01 0001 'c' 02",
        Subscribe(10, (SubscribeFilter("+", 0), SubscribeFilter("b", 1), SubscribeFilter("c", 2))),
    ),
    *good(
        "subscribe with all options",
        V5,
        CLIENT,
        "82 0f 000a 00 0001 'a' 2e 0001 'b' 14 0001 'c' 08",
        Subscribe(
            10,
            (
                SubscribeFilter("a", 2, True, True, 2),
                SubscribeFilter("b", 0, True, False, 1),
                SubscribeFilter("c", 0, False, True, 0),
            ),
        ),
    ),
    *good(
        "subscribe with an identifier",
        V5,
        CLIENT,
        "82 0c 000a 05 0bffffff7f 0001 'a' 00",
        Subscribe(10, (SubscribeFilter("a", 0),), {"subscription_identifier": [268435455]}),
    ),
    *good(
        "subscribe to filters that only the broker can judge",
        V34,
        CLIENT,
        "82 0b 0001 0003 'a#b' 00 0000 00",
        Subscribe(1, (SubscribeFilter("a#b", 0), SubscribeFilter("", 0))),
    ),
    *good(
        "subscribe to a shared filter",
        V5,
        CLIENT,
        "82 10 0001 00 000a '$share/g/t' 01",
        Subscribe(1, (SubscribeFilter("$share/g/t", 1),)),
    ),
    *good(
        "subscribe sent again",
        V3,
        CLIENT,
        "8a 06 0001 0001 'a' 00",
        Subscribe(1, (SubscribeFilter("a", 0),)),
        canonical=False,
    ),
    *good(
        "subscribe with bits that 3.1 does not use",
        V3,
        CLIENT,
        "82 06 0001 0001 'a' fd",
        Subscribe(1, (SubscribeFilter("a", 1),)),
        canonical=False,
    ),
    *malformed(
        "subscribe without its flag",
        ALL,
        CLIENT,
        "80 06 0001 0001 'a' 00",
        "[MQTT-3.8.1-1]",
        "[MQTT311-3.8.1-1]",
    ),
    *malformed("subscribe sent again", V45, CLIENT, "8a 06 0001 0001 'a' 00", "[MQTT-3.8.1-1]"),
    *malformed("subscribe with qos 3", V34, CLIENT, "82 06 0001 0001 'a' 03", "[MQTT311-3.8.3-4]"),
    *malformed(
        "subscribe with reserved bits", V4, CLIENT, "82 06 0001 0001 'a' 04", "[MQTT311-3.8.3-4]"
    ),
    *malformed(
        "subscribe with reserved bits", V5, CLIENT, "82 07 0001 00 0001 'a' 40", "[MQTT-3.8.3-5]"
    ),
    *malformed("subscribe without body", ALL, CLIENT, "82 00"),
    *malformed("subscribe without options", V34, CLIENT, "82 05 0001 0001 'a'"),
    *malformed(
        "subscribe to a filter with NUL", V5, CLIENT, "82 07 0001 00 0001 00 00", "[MQTT-4.7.3-2]"
    ),
    *malformed("subscribe that ends in a filter", V34, CLIENT, "82 05 0001 0002 'a'"),
    *malformed("subscribe that ends in the properties", V5, CLIENT, "82 05 0001 05 0bff"),
    *malformed("subscribe without properties", V5, CLIENT, "82 02 0001"),
    *malformed(
        "subscribe to a filter that is not UTF-8",
        V34,
        CLIENT,
        "82 06 0001 0001 ff 00",
        "[MQTT311-3.8.3-1]",
    ),
    *malformed(
        "subscribe to a filter with NUL", V34, CLIENT, "82 06 0001 0001 00 00", "[MQTT311-4.7.3-2]"
    ),
    *forbidden(
        "subscribe with packet identifier 0",
        V34,
        CLIENT,
        "82 06 0000 0001 'a' 00",
        "[MQTT311-2.3.1-1]",
    ),
    *forbidden("subscribe to nothing", V34, CLIENT, "82 02 0001", "[MQTT311-3.8.3-3]"),
    *forbidden("subscribe to nothing", V5, CLIENT, "82 03 0001 00", "[MQTT-3.8.3-2]"),
    *forbidden("subscribe with qos 3", V5, CLIENT, "82 07 0001 00 0001 'a' 03"),
    *forbidden("subscribe with retain handling 3", V5, CLIENT, "82 07 0001 00 0001 'a' 30"),
    *forbidden(
        "subscribe to a shared filter without local messages",
        V5,
        CLIENT,
        "82 10 0001 00 000a '$share/g/t' 04",
        "[MQTT-3.8.3-4]",
    ),
    *forbidden("subscribe from a server", ALL, SERVER, "82 06 0001 0001 'a' 00"),
)

SUBACK: tuple[Row, ...] = (
    *good(
        "suback of every kind", V34, SERVER, "90 06 000a 00 01 02 80", Suback(10, (0, 1, 2, 0x80))
    ),
    *good(
        "suback of every kind",
        V5,
        SERVER,
        "90 08 000a 00 00 01 02 87 97",
        Suback(10, (0, 1, 2, 0x87, 0x97)),
    ),
    *good(
        "suback with reason string",
        V5,
        SERVER,
        "90 09 000a 05 1f 0002 'no' 8f",
        Suback(10, (0x8F,), {"reason_string": "no"}),
    ),
    *malformed("suback with flags", ALL, SERVER, "92 03 0001 00"),
    *malformed("suback that ends in the packet identifier", ALL, SERVER, "90 01 00"),
    *forbidden("suback with packet identifier 0", ALL, SERVER, "90 04 0000 00 00"),
    *forbidden("suback without codes", V34, SERVER, "90 02 0001"),
    *forbidden("suback without codes", V5, SERVER, "90 03 0001 00"),
    *forbidden("suback with another code", V34, SERVER, "90 03 0001 03", "[MQTT311-3.9.3-2]"),
    *forbidden("suback with another code", V5, SERVER, "90 04 0001 00 03", "[MQTT-3.9.3-2]"),
    *forbidden("suback from a client", ALL, CLIENT, "90 03 0001 00"),
)

UNSUBSCRIBE: tuple[Row, ...] = (
    *good(
        "unsubscribe from two filters",
        V34,
        CLIENT,
        "a2 09 000a 0001 'a' 0002 '+b'",
        Unsubscribe(10, ("a", "+b")),
    ),
    *good(
        "unsubscribe from two filters",
        V5,
        CLIENT,
        "a2 0a 000a 00 0001 'a' 0002 '+b'",
        Unsubscribe(10, ("a", "+b")),
    ),
    *good(
        "unsubscribe sent again",
        V3,
        CLIENT,
        "aa 05 0001 0001 'a'",
        Unsubscribe(1, ("a",)),
        canonical=False,
    ),
    *malformed(
        "unsubscribe without its flag",
        ALL,
        CLIENT,
        "a0 05 0001 0001 'a'",
        "[MQTT-3.10.1-1]",
        "[MQTT311-3.10.1-1]",
    ),
    *malformed("unsubscribe sent again", V45, CLIENT, "aa 05 0001 0001 'a'", "[MQTT-3.10.1-1]"),
    *malformed("unsubscribe without body", ALL, CLIENT, "a2 00"),
    *malformed("unsubscribe that ends in a filter", V34, CLIENT, "a2 05 0001 0002 'a'"),
    *malformed("unsubscribe without properties", V5, CLIENT, "a2 02 0001"),
    *malformed(
        "unsubscribe from a filter that is not UTF-8",
        V34,
        CLIENT,
        "a2 05 0001 0001 ff",
        "[MQTT311-3.10.3-1]",
    ),
    *malformed(
        "unsubscribe from a filter that is not UTF-8",
        V5,
        CLIENT,
        "a2 06 0001 00 0001 ff",
        "[MQTT-3.10.3-1]",
    ),
    *forbidden(
        "unsubscribe with packet identifier 0",
        V34,
        CLIENT,
        "a2 05 0000 0001 'a'",
        "[MQTT311-2.3.1-1]",
    ),
    *forbidden("unsubscribe from nothing", V34, CLIENT, "a2 02 0001", "[MQTT311-3.10.3-2]"),
    *forbidden("unsubscribe from nothing", V5, CLIENT, "a2 03 0001 00", "[MQTT-3.10.3-2]"),
    *forbidden("unsubscribe from a server", ALL, SERVER, "a2 05 0001 0001 'a'"),
)

UNSUBACK: tuple[Row, ...] = (
    *good("unsuback", V34, SERVER, "b0 02 000a", Unsuback(10)),
    *good("unsuback", V5, SERVER, "b0 06 000a 00 00 11 87", Unsuback(10, (0, 0x11, 0x87))),
    *good(
        "unsuback with user properties",
        V5,
        SERVER,
        "b0 0b 000a 07 26 0001 'k' 0001 'v' 00",
        Unsuback(10, (0,), {"user_property": [("k", "v")]}),
    ),
    *malformed("unsuback with flags", ALL, SERVER, "b2 02 0001"),
    *malformed("unsuback with a code before version 5", V34, SERVER, "b0 03 0001 00"),
    *malformed("unsuback without properties", V5, SERVER, "b0 02 0001"),
    *forbidden("unsuback without codes", V5, SERVER, "b0 03 0001 00"),
    *forbidden("unsuback with packet identifier 0", ALL, SERVER, "b0 02 0000"),
    *forbidden("unsuback with a code of SUBACK", V5, SERVER, "b0 04 0001 00 01", "[MQTT-3.11.3-2]"),
    *forbidden("unsuback from a client", ALL, CLIENT, "b0 02 0001"),
)

ROWS = SUBSCRIBE + SUBACK + UNSUBSCRIBE + UNSUBACK
