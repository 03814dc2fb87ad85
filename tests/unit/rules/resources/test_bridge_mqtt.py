"""What a bridge connects with."""

from __future__ import annotations

from typing import Any

import pytest

from app.mqtt.packets import MQTT_3_1, MQTT_3_1_1, MQTT_5
from app.rules.errors import BadArguments
from app.rules.resources.bridge_mqtt import BRIDGE_MQTT, PROBE, options_of
from app.rules.resources.mqtt_client import ClientOptions


def options(number: int = 1, **config: Any) -> ClientOptions:
    return options_of(BRIDGE_MQTT.checked(config), "n@h", number)


def test_each_connection_of_a_pool_has_a_client_id_of_its_own() -> None:
    assert [options(number).clientid for number in (1, 2)] == ["client:n@h:1", "client:n@h:2"]
    assert options(pool_size=1, clientid="me").clientid == "me:n@h"
    assert options(pool_size=1, clientid="me", append=False).clientid == "me"


def test_who_looks_at_the_other_broker_leaves_no_session_there_and_ends_none() -> None:
    assert options(PROBE).clean_start and not options(1).clean_start
    assert not options(PROBE, pool_size=1).clean_start


@pytest.mark.parametrize(
    ("address", "where"),
    [("h:1884", ("h", 1884)), ("h", ("h", 1883)), ("[::1]:1", ("::1", 1))],
)
def test_an_address_is_a_host_and_a_port(address: str, where: tuple[str, int]) -> None:
    made = options(address=address)
    assert (made.host, made.port) == where


@pytest.mark.parametrize("address", ["", ":1883", "h:0", "h:65536", "h:port"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(BadArguments, match="address"):
        options(address=address)


def test_times_and_versions_are_read() -> None:
    made = options(keepalive="1m30s", reconnect_interval="5s", retry_interval="500ms")
    assert (made.keepalive_s, made.reconnect_interval_s, made.retry_interval_s) == (90, 5.0, 0.5)
    versions = [options(proto_ver=f"mqttv{number}").proto_ver for number in (3, 4, 5)]
    assert versions == [MQTT_3_1, MQTT_3_1_1, MQTT_5]


def test_empty_credentials_are_none_and_a_password_is_not_shown() -> None:
    assert (options().username, options().password) == (None, None)
    made = options(username="u", password="s3cret")
    assert (made.username, made.password) == ("u", "s3cret")
    assert "s3cret" not in repr(made)


def test_tls_is_asked_for_by_name() -> None:
    assert options().tls is None
    assert options(ssl=True).tls is not None
