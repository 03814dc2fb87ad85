"""Listeners in the settings: TLS is off until it has a certificate, and rows that do not go together are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.config import ListenerConfig, SettingsError, load_settings

PAIR = """
"listener.ssl.external.certfile" = "server.pem"
"listener.ssl.external.keyfile" = "server.key"
"""


def listeners(folder: Path, toml: str) -> dict[str, ListenerConfig]:
    (folder / "godwit.toml").write_text(toml, "utf-8")
    return {each.identifier: each for each in load_settings({}, folder).broker.listeners}


def refusal(folder: Path, toml: str) -> str:
    with pytest.raises(SettingsError) as caught:
        listeners(folder, toml)
    return str(caught.value)


def test_tls_is_off_until_there_is_a_certificate(tmp_path: Path) -> None:
    assert set(listeners(tmp_path, "")) == {"mqtt:tcp:external", "mqtt:ws:external"}


def test_a_certificate_and_its_key_switch_tls_on_at_its_usual_port(tmp_path: Path) -> None:
    found = listeners(tmp_path, PAIR + PAIR.replace("ssl", "wss"))
    assert found["mqtt:ssl:external"].address.port == 8883
    assert found["mqtt:wss:external"].address.port == 8084
    tls = found["mqtt:ssl:external"].tls
    assert tls is not None
    assert (tls.verify, tls.tls_versions, tls.handshake_timeout_s) == (
        "verify_none",
        ("tlsv1.2", "tlsv1.3"),
        15.0,
    )
    assert found["mqtt:tcp:external"].tls is None


def test_tls_can_be_switched_off_with_its_certificate_in_place(tmp_path: Path) -> None:
    off = '"listener.ssl.external" = "off"\n' + PAIR
    assert "mqtt:ssl:external" not in listeners(tmp_path, off)


@pytest.mark.parametrize(
    ("toml", "advice"),
    [
        ('"listener.ssl.external" = 8883', "Set listener.ssl.external.certfile to the PEM file"),
        (PAIR.splitlines()[1], "Set listener.ssl.external.keyfile to the PEM file"),
        (PAIR.splitlines()[2], "Set listener.ssl.external.certfile to the PEM file"),
        (
            PAIR + '"listener.ssl.external.verify" = "verify_peer"',
            "Set listener.ssl.external.cacertfile to the PEM file",
        ),
        (
            PAIR + '"listener.ssl.external.fail_if_no_peer_cert" = true',
            "Set listener.ssl.external.verify to verify_peer",
        ),
        (
            PAIR + '"listener.ssl.external.peer_cert_as_username" = "cn"',
            "Set listener.ssl.external.verify to verify_peer",
        ),
        (
            PAIR + '"listener.ssl.external.peer_cert_as_clientid" = "dn"',
            "Set listener.ssl.external.verify to verify_peer",
        ),
        (PAIR + '"listener.ssl.external.tls_versions" = "tlsv1.1"', "one or more of tlsv1.2"),
        ('"listener.tcp.external.certfile" = "server.pem"', "Unknown setting"),
        ('"listener.unix.local.mode" = "0660"', "Give listener.unix.local the path"),
        ('"listener.unix.local" = "relative.sock"', "an absolute path"),
        ('"listener.unix.local" = "/run/mqtt"\n"listener.unix.local.mode" = "rw"', "octal"),
        ('"listener.unix.a" = "/run/mqtt"\n"listener.unix.b" = "/run/mqtt"', "different socket"),
        ('"listener.unix.a" = "/run/mqtt"\n"listener.unix.a.zone" = "none"', "zone that exists"),
        ('"listener.unix.a!" = "/run/mqtt"', "with letters, digits"),
    ],
)
def test_what_does_not_go_together_is_refused_with_a_sentence(
    tmp_path: Path, toml: str, advice: str
) -> None:
    assert advice in refusal(tmp_path, toml)


def test_the_password_of_a_key_is_never_shown(tmp_path: Path) -> None:
    secret = PAIR + '"listener.ssl.external.key_password" = "open sesame"'
    assert "sesame" not in repr(listeners(tmp_path, secret))


def test_a_socket_file_has_a_path_and_a_mode(tmp_path: Path) -> None:
    found = listeners(tmp_path, '"listener.unix.local" = "/run/godwit/mqtt.sock"')
    unix = found["mqtt:unix:local"].unix
    assert unix is not None
    assert (unix.path, unix.mode) == ("/run/godwit/mqtt.sock", 0o660)
    off = '"listener.unix.local" = "off"\n"listener.unix.local.mode" = "0600"'
    assert "mqtt:unix:local" not in listeners(tmp_path, off)


@pytest.mark.parametrize(("text", "rate"), [('"infinity"', 0), ("0", 0), ("1000", 1_000)])
def test_a_rate_may_be_without_limit(tmp_path: Path, text: str, rate: int) -> None:
    found = listeners(tmp_path, f'"listener.tcp.external.max_conn_rate" = {text}')
    assert found["mqtt:tcp:external"].max_conn_rate == rate
