"""TLS towards a target."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from app.rules.errors import BadArguments
from app.rules.resources.tls import KeptFiles, server_name, tls_context


def test_certificates_are_looked_at_only_where_they_are_to_be() -> None:
    assert tls_context({"verify": False}).verify_mode is ssl.CERT_NONE
    strict = tls_context({"verify": True})
    assert (strict.verify_mode, strict.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize("name", ["cacertfile", "certfile"])
@pytest.mark.parametrize("value", ["/nowhere/x.pem", {"filename": "x.pem", "file": "rubbish"}])
def test_a_file_that_is_none_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(BadArguments, match=name) as refused:
        tls_context({name: value})
    assert "rubbish" not in str(refused.value)


def test_a_file_that_is_brought_along_is_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(BadArguments):
        tls_context({"cacertfile": {"file": "rubbish"}})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "name"), [("", None), ("disable", None), (None, None), ("broker", "broker")]
)
def test_the_name_of_the_server_may_be_another_than_that_of_its_address(
    given: object, name: str | None
) -> None:
    assert server_name({"server_name_indication": given}) == name


def test_a_file_for_a_library_has_a_path_for_as_long_as_it_is_needed() -> None:
    brought = {"filename": "c", "file": "text"}
    files = KeptFiles({"certfile": brought, "keyfile": "/k", "cacertfile": {"file": ""}})
    path = Path(files.path("certfile"))
    assert (files.path("keyfile"), files.path("cacertfile"), files.path("none")) == ("/k", "", "")
    assert path.read_text() == path.read_text() == "text"
    assert path.stat().st_mode & 0o777 == 0o600, "a key is nobody else's"
    files.close()
    assert not path.exists()
