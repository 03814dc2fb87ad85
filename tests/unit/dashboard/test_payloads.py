"""Payloads as text, as JSON and as bytes."""

from __future__ import annotations

import pytest

from app.dashboard.payloads import MOST_SHOWN, shown_payload


@pytest.mark.parametrize(
    ("payload", "wanted", "form", "forms"),
    [
        (b'{"a":1}', "", "json", ("json", "text", "hex")),
        (b'{"a":1}', "text", "text", ("json", "text", "hex")),
        (b"{not json", "json", "text", ("text", "hex")),
        (b"21.5", "", "text", ("text", "hex")),
        (b"\x00\x01", "text", "hex", ("hex",)),
        ("温度".encode(), "", "text", ("text", "hex")),
        (b"", "", "text", ("text", "hex")),
    ],
)
def test_a_payload_has_the_forms_that_it_can_be_read_in(payload, wanted, form, forms):
    shown = shown_payload(payload, wanted)
    assert (shown.form, shown.forms) == (form, forms)


def test_json_is_indented():
    assert shown_payload(b'{"a":[1]}').text == '{\n  "a": [\n    1\n  ]\n}'


def test_bytes_stand_beside_their_letters():
    assert shown_payload(b"Az\x00", "hex").text.split("  ")[0] == "00000000"
    assert shown_payload(b"Az\x00", "hex").text.endswith(" Az.")


def test_of_a_large_one_the_beginning_is_shown_even_if_a_character_is_cut_through():
    shown = shown_payload("温".encode() * MOST_SHOWN)
    assert shown.is_cut
    assert shown.form == "text"
    assert set(shown.text) == {"温"}
