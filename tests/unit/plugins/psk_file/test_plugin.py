"""`emqx_psk_file`: what it gives to the listeners, and what it says where they cannot use it."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.broker import tls
from app.plugins import ExtensionError
from app.plugins.host import ExtensionHost
from app.plugins.psk_file import PskFile
from app.plugins.registry import read_config
from tests.harness.playbook import Playbook


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "psk.txt"
    path.write_text("client1:0123456789abcdef\nclient2:hush\n")
    return path


@pytest.mark.skipif(tls.HAS_PSK, reason="this Python's TLS takes pre-shared keys")
def test_where_tls_takes_no_such_keys_it_says_so_and_does_not_load(file: Path) -> None:
    plugin = PskFile(file)
    with pytest.raises(ExtensionError, match=r"\(2 keys\), but TLS of Python .* 3\.13 or newer"):
        plugin.prepare(read_config(plugin, {}))


@pytest.mark.parametrize("has_psk", [True, False])
def test_a_file_that_cannot_be_used_is_told_first(
    file: Path, monkeypatch: pytest.MonkeyPatch, has_psk: bool
) -> None:
    monkeypatch.setattr(tls, "HAS_PSK", has_psk)
    plugin = PskFile(file)
    for text, sentence in ((b"hush", "line 1"), (b"\xff:hush", "no UTF-8 text")):
        file.write_bytes(text)
        with pytest.raises(ExtensionError, match=sentence) as caught:
            plugin.prepare(read_config(plugin, {}))
        assert "hush" not in str(caught.value)
    missing = {"psk.file.path": str(file.parent / "nowhere")}
    with pytest.raises(ExtensionError, match=r"psk\.file\.path: No such file"):
        plugin.prepare(read_config(plugin, missing))


def test_keys_are_the_listeners_while_it_is_loaded(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tls, "HAS_PSK", True)
    core, plugin = Playbook().core, PskFile(file)
    host = ExtensionHost(core)
    config = read_config(plugin, {})
    host.load(plugin, config, plugin.prepare(config))
    assert core.pre_shared_keys == {"client1": b"0123456789abcdef", "client2": b"hush"}
    assert "1 keys in" in caplog.text
    assert "hush" not in caplog.text
    file.write_text("client1|fedcba9876543210\n")
    config = read_config(plugin, {"psk.file.delimiter": "|"})
    host.reload(plugin, config, plugin.prepare(config))
    assert core.pre_shared_keys == {"client1": b"fedcba9876543210"}
    host.unload(plugin)
    assert core.pre_shared_keys == {}
