"""docs/configuration.md tells of every key."""

from __future__ import annotations

from app.config.page import configuration_page
from app.config.tree import all_rows


def test_every_key_is_on_the_page_with_its_variable() -> None:
    page = configuration_page()
    for row in all_rows():
        assert f"| `{row.key}`<br>" in page
    assert "`GODWIT_MQTT__MAX_PACKET_SIZE`" in page


def test_defaults_that_differ_by_zone_are_told() -> None:
    assert "| `32`<br>internal: `128` |" in configuration_page()


def test_the_page_names_no_key_twice() -> None:
    lines = [line for line in configuration_page().splitlines() if line.startswith("| `")]
    assert len(lines) == len(set(lines)) == len(list(all_rows()))
