"""What `emqx_auth_ldap` makes of its parameters. How it works is tried with a real server in tests/e2e."""

from __future__ import annotations

import pytest

from app.plugins import ExtensionError
from app.plugins.auth_ldap import AuthLdap
from app.plugins.auth_ldap.protocol import AND, OR, equals, join
from app.plugins.registry import read_config

FILTERS = "auth.ldap.filters"


def prepared(**given: str):
    plugin = AuthLdap()
    return plugin.prepare(read_config(plugin, given))


def test_without_filters_the_object_class_decides() -> None:
    lookup = prepared().lookup
    assert lookup.base_of("a,b") == "uid=a\\,b,ou=device,dc=emqx,dc=io"
    assert lookup.condition_of("a,b") == equals("objectClass", "mqttUser")


def test_filters_are_joined_in_the_order_of_their_numbers() -> None:
    given = {
        f"{FILTERS}.10.key": "l",
        f"{FILTERS}.10.value": "here",
        f"{FILTERS}.2.key": "${username_attr}",
        f"{FILTERS}.2.value": "${user}",
        f"{FILTERS}.2.op": "or",
        f"{FILTERS}.1.key": "objectClass",
        f"{FILTERS}.1.value": "mqttUser",
        f"{FILTERS}.1.op": "and",
    }
    first = join(AND, equals("objectClass", "mqttUser"), equals("uid", "x)(y"))
    assert prepared(**given).lookup.condition_of("x)(y") == join(OR, first, equals("l", "here"))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"auth.ldap.servers": " , "}, "Set auth.ldap.servers"),
        ({"auth.ldap.bind_password": ""}, "Set auth.ldap.bind_password"),
        ({f"{FILTERS}.1.key": "l"}, f"Set {FILTERS}.1.key and {FILTERS}.1.value"),
        ({f"{FILTERS}.1.op": "xor"}, f"{FILTERS}.1.op"),
        (
            {"auth.ldap.ssl.enable": "on", "auth.ldap.ssl.cacertfile": "/nowhere.pem"},
            "The files of auth.ldap.ssl",
        ),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(ExtensionError, match=sentence):
        prepared(**given)


def test_tls_checks_the_server_unless_it_is_told_not_to() -> None:
    tls = prepared(**{"auth.ldap.ssl.enable": "on"}).place.tls
    assert tls is not None
    assert tls.check_hostname
    loose = {"auth.ldap.ssl.enable": "on", "auth.ldap.ssl.verify": "verify_none"}
    tls = prepared(**loose).place.tls
    assert tls is not None
    assert not tls.check_hostname
