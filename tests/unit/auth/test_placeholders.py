"""Placeholders: what a client says is data, wherever it is put."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from app.auth.placeholders import (
    PlaceholderError,
    Query,
    Subject,
    Template,
    UnusableValueError,
)
from app.broker.client_info import ClientInfo
from app.config import ZoneConfig
from app.config.table import make

NASTY = "x' or '1'='1"


def subject(username: str | None = "u1", password: bytes | None = b"secret") -> Subject:
    client = ClientInfo(
        make(ZoneConfig, {"name": "external"}), "mqtt:tcp:external", "10.0.0.7", 4711, 1883
    )
    client.clientid, client.username, client.mountpoint = "c1", username, "dev/"
    client.cert_cn, client.cert_dn = "device-7", "CN=device-7,O=Works"
    return Subject(client, password, "subscribe", "a/b")


def test_placeholders_of_a_query_become_bound_parameters_in_their_order() -> None:
    query = Query.parse(
        "select a from t where u = '%u' or c = '%c' or ip = '%a' or p = '%P' or u = '%u';"
    )
    assert query.sql == "select a from t where u = %s or c = %s or ip = %s or p = %s or u = %s"
    assert query.values(subject()) == ("u1", "c1", "10.0.0.7", "secret", "u1")


def test_what_a_client_says_never_becomes_part_of_a_statement() -> None:
    query = Query.parse("select a from t where u = '%u'")
    assert NASTY not in query.sql
    assert query.values(subject(NASTY)) == (NASTY,)


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("select a from t where u like 'a%'", "select a from t where u like 'a%%'"),
        ("select a from t where u like '%admin%'", "select a from t where u like '%%admin%%'"),
        ("select a from t where u like '%m'", "select a from t where u like '%%m'"),
        ("select 'it''s %u' from t", "select 'it''s %%u' from t"),
        ("select 10 % 3", "select 10 %% 3"),
        ("select a%b from t", "select a%%b from t"),
    ],
)
def test_other_percent_signs_of_a_query_stay_what_they_are(text: str, sql: str) -> None:
    assert Query.parse(text) == Query(sql, ())


def test_what_a_client_does_not_have_is_null() -> None:
    assert Query.parse("select a from t where u = '%u'").values(subject(None)) == (None,)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("select a from t where u = %u", "Write '%u' with its quotes."),
        ('select a from t where u = "%u"', "Write '%u' with its quotes."),
        ("select a from t where u = %C", "Write '%C' with its quotes."),
    ],
)
def test_a_query_that_cannot_be_meant_is_refused_with_what_to_do(text: str, sentence: str) -> None:
    with pytest.raises(PlaceholderError) as caught:
        Query.parse(text)
    assert sentence in str(caught.value)


def test_a_template_takes_every_placeholder() -> None:
    template = Template.parse("%u %c %a %P %r %p %A %t %m %C %d %z 5%")
    assert template.render(subject()) == (
        "u1 c1 10.0.0.7 secret mqtt 1883 1 a/b dev/ device-7 CN=device-7,O=Works %z 5%"
    )
    assert template.letters == frozenset("ucaPrpAtmCd")


def test_only_values_are_escaped_and_none_is_looked_into_again() -> None:
    template = Template.parse("http://h/?q=1&u=%u&c=%c")
    assert template.render(subject("a&b=%c"), quote) == "http://h/?q=1&u=a%26b%3D%25c&c=c1"


def test_a_missing_value_makes_no_text_unless_something_stands_for_it() -> None:
    template = Template.parse("mqtt_user:%u")
    assert template.render(subject(None)) is None
    assert template.render(subject(None), missing="") == "mqtt_user:"


def test_letters_that_have_no_value_there_stay() -> None:
    assert Template.parse("%u %P", letters="u").render(subject()) == "u1 %P"


def test_names_of_a_certificate_are_bound_and_missing_where_there_is_none() -> None:
    query = Query.parse("select a from t where cn = '%C' and dn = '%d' and u like 'd%'")
    assert query.sql == "select a from t where cn = %s and dn = %s and u like 'd%%'"
    shown, hidden = subject(), subject()
    hidden.client.cert_cn = hidden.client.cert_dn = None
    assert query.values(shown) == ("device-7", "CN=device-7,O=Works")
    assert query.values(hidden) == (None, None)
    assert Template.parse("cn:%C").render(hidden) is None


@pytest.mark.parametrize("password", [b"\xff\xfe", b"a\x00b"])
def test_a_password_that_is_no_text_is_refused_where_it_is_needed_only(password: bytes) -> None:
    odd = subject(password=password)
    assert Template.parse("%u").render(odd) == "u1"
    with pytest.raises(UnusableValueError) as caught:
        Template.parse("%P").render(odd)
    assert repr(password) not in repr(caught.value)


def test_a_subject_does_not_show_its_password() -> None:
    assert "secret" not in repr(subject())
