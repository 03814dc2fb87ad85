"""Certificates: what they must be, what a broken one leaves as it was, and the names in a client's."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.broker import tls
from app.broker.tls import CertificateError, Certificates, make_context, names_in
from app.config import TlsConfig
from tests.harness.certificates import Authority, Pair

KEY = "listener.ssl.external"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def pair(authority: Authority) -> Iterator[Pair]:
    return authority.issue("server")


def settings(pair: Pair, **more: Any) -> TlsConfig:
    return replace(TlsConfig(), certfile=str(pair.certfile), keyfile=str(pair.keyfile), **more)


def shakes_hands(context: ssl.SSLContext, client: ssl.SSLContext) -> ssl.SSLObject:
    """Run a handshake in memory; return the client's end."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(to_server, to_client, server_side=True)
    end = client.wrap_bio(to_client, to_server, server_hostname="localhost")
    for _ in range(4):
        for each in (end, server):
            try:
                each.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return end


PSK = "PSK-AES128-GCM-SHA256, PSK-AES256-GCM-SHA384"


@pytest.mark.skipif(tls.HAS_PSK, reason="this Python's TLS takes pre-shared keys")
def test_ciphers_for_pre_shared_keys_are_refused_where_tls_takes_none(pair: Pair) -> None:
    with pytest.raises(CertificateError, match=r"psk_ciphers empty, or .* Python 3\.13"):
        make_context(KEY, settings(pair, psk_ciphers=PSK), "ssl")


def test_where_tls_takes_them_only_who_has_a_key_comes_through(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []
    monkeypatch.setattr(tls, "HAS_PSK", True)
    monkeypatch.setattr(
        ssl.SSLContext,
        "set_psk_server_callback",
        lambda _context, callback: given.append(callback),
        raising=False,
    )
    keys = {"client1": b"1234"}
    context = make_context(KEY, settings(pair, psk_ciphers=PSK), "ssl", keys.get)
    (find,) = given
    assert [find("client1"), find("client2"), find(None)] == [b"1234", b"", b""]
    keys.clear()
    assert find("client1") == b""
    assert context.maximum_version == ssl.TLSVersion.TLSv1_2
    chosen = {one["name"] for one in context.get_ciphers() if one["protocol"] != "TLSv1.3"}
    assert chosen == {"PSK-AES128-GCM-SHA256", "PSK-AES256-GCM-SHA384"}
    for odd, sentence in (
        ({"psk_ciphers": "PSK-NONE"}, "names that OpenSSL knows"),
        ({"psk_ciphers": PSK, "tls_versions": ("tlsv1.3",)}, "Add tlsv1.2"),
    ):
        with pytest.raises(CertificateError, match=sentence):
            make_context(KEY, settings(pair, **odd), "ssl")


@pytest.mark.skipif(not tls.HAS_PSK, reason="this Python's TLS takes no pre-shared keys")
@pytest.mark.parametrize("key", [b"1234", b"4321", b""])
def test_a_handshake_takes_the_right_key_and_no_other(pair: Pair, key: bytes) -> None:
    server = make_context(KEY, settings(pair, psk_ciphers=PSK), "ssl", {"client1": b"1234"}.get)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    if key:
        client.set_ciphers("PSK")
        client.set_psk_client_callback(lambda _hint: ("client1", key))
    if key == b"1234":
        assert shakes_hands(server, client).cipher()[0] in PSK
    else:
        with pytest.raises(ssl.SSLError):
            shakes_hands(server, client)


def test_versions_are_those_of_the_settings(pair: Pair, authority: Authority) -> None:
    client = ssl.create_default_context(cafile=str(authority.certfile))
    both = make_context(KEY, settings(pair), "ssl")
    assert shakes_hands(both, client).version() == "TLSv1.3"
    old = make_context(KEY, settings(pair, tls_versions=("tlsv1.2",)), "ssl")
    assert shakes_hands(old, client).version() == "TLSv1.2"
    new = make_context(KEY, settings(pair, tls_versions=("tlsv1.3",)), "ssl")
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        shakes_hands(new, client)


def test_ciphers_are_those_of_the_settings(pair: Pair, authority: Authority) -> None:
    names = "ECDHE-ECDSA-AES256-GCM-SHA384, ECDHE-RSA-AES256-GCM-SHA384"
    context = make_context(KEY, settings(pair, ciphers=names, tls_versions=("tlsv1.2",)), "ssl")
    client = ssl.create_default_context(cafile=str(authority.certfile))
    cipher = shakes_hands(context, client).cipher()
    assert cipher is not None
    assert cipher[0] == "ECDHE-ECDSA-AES256-GCM-SHA384"
    with pytest.raises(CertificateError, match=r"Set listener\.ssl\.external\.ciphers"):
        make_context(KEY, settings(pair, ciphers="NOT-A-CIPHER"), "ssl")


@pytest.mark.parametrize(
    ("must_show", "mode"), [(False, ssl.CERT_OPTIONAL), (True, ssl.CERT_REQUIRED)]
)
def test_clients_are_asked_for_a_certificate_as_the_settings_say(
    pair: Pair, authority: Authority, must_show: bool, mode: ssl.VerifyMode
) -> None:
    assert make_context(KEY, settings(pair), "ssl").verify_mode is ssl.CERT_NONE
    config = settings(
        pair,
        verify="verify_peer",
        cacertfile=str(authority.certfile),
        fail_if_no_peer_cert=must_show,
    )
    assert make_context(KEY, config, "ssl").verify_mode is mode


@pytest.mark.parametrize("part", ["certfile", "keyfile", "cacertfile"])
def test_a_file_that_is_missing_is_named(pair: Pair, authority: Authority, part: str) -> None:
    config = settings(pair, verify="verify_peer", cacertfile=str(authority.certfile))
    broken = replace(config, **{part: "/nowhere/at-all.pem"})
    with pytest.raises(CertificateError, match=rf"Set {KEY}\.{part} to a file .*at-all\.pem"):
        make_context(KEY, broken, "ssl")


@pytest.mark.parametrize("part", ["certfile", "keyfile", "cacertfile"])
def test_a_file_with_something_else_in_it_is_refused(
    pair: Pair, authority: Authority, tmp_path: Path, part: str
) -> None:
    (tmp_path / "list.pem").write_text("milk, eggs", "utf-8")
    config = settings(pair, verify="verify_peer", cacertfile=str(authority.certfile))
    with pytest.raises(CertificateError, match=rf"^Set {KEY}\.[^\n]*\.$"):
        make_context(KEY, replace(config, **{part: str(tmp_path / "list.pem")}), "ssl")


def test_a_key_of_another_certificate_is_refused(pair: Pair, authority: Authority) -> None:
    other = authority.issue("other")
    config = replace(settings(pair), keyfile=str(other.keyfile))
    with pytest.raises(CertificateError, match="key values mismatch"):
        make_context(KEY, config, "ssl")


def test_an_encrypted_key_needs_its_password_and_never_asks_a_terminal(
    authority: Authority,
) -> None:
    locked = authority.issue("locked", password="open sesame")
    make_context(KEY, settings(locked, key_password="open sesame"), "ssl")
    for wrong in ("", "sesame"):
        with pytest.raises(CertificateError, match="key_password"):
            make_context(KEY, settings(locked, key_password=wrong), "ssl")


def test_changed_files_are_noticed_and_used_for_new_connections(
    pair: Pair, authority: Authority
) -> None:
    client = ssl.create_default_context(cafile=str(authority.certfile))
    held = Certificates(KEY, settings(pair), "ssl")
    before = held.context
    held.refresh()
    assert held.context is before
    shown = shakes_hands(before, client).getpeercert(binary_form=True)
    pair.replace(authority.issue("renewed"))
    held.refresh()
    assert shakes_hands(held.context, client).getpeercert(binary_form=True) != shown


def test_broken_new_files_keep_the_old_certificates_and_say_so_once(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    held = Certificates(KEY, settings(pair), "ssl")
    before = held.context
    pair.certfile.write_text("half a fi", "utf-8")
    for _ in range(3):
        held.refresh()
    assert held.context is before
    (record,) = (each for each in caplog.records if each.levelno >= logging.WARNING)
    assert f"{KEY} keeps its old certificates. Set {KEY}.certfile" in record.getMessage()
    assert held.reload() is False


SUBJECT = (
    (("countryName", "DE"),),
    (("organizationName", "Works, Ltd"),),
    (("commonName", "old"),),
    (("commonName", "device-7"), ("userId", "7")),
)


def test_names_of_a_certificate_are_its_common_name_and_its_distinguished_name() -> None:
    assert names_in({"subject": SUBJECT}) == {
        "cn": "device-7",
        "dn": "CN=device-7+UID=7,CN=old,O=Works\\, Ltd,C=DE",
    }


@pytest.mark.parametrize("certificate", [None, {}, {"subject": ()}, {"subject": (((),),)[0:0]}])
def test_a_client_without_a_certificate_has_no_names(certificate: dict[str, Any] | None) -> None:
    assert names_in(certificate) == {}


@pytest.mark.parametrize(
    ("value", "shown"), [("#a", "\\#a"), (" a ", "\\ a\\ "), ('a"+;<>\\', 'a\\"\\+\\;\\<\\>\\\\')]
)
def test_no_certificate_can_spell_another_ones_name(value: str, shown: str) -> None:
    assert names_in({"subject": ((("organizationName", value),),)}) == {"dn": f"O={shown}"}
