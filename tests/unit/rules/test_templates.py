"""Templates."""

from __future__ import annotations

import pytest

from app.rules import templates
from app.rules.templates import PayloadTemplate, Template

OUTPUT = {
    "text": "a b",
    "number": 5,
    "decimal": 0.5,
    "yes": True,
    "map": {"x": {"y": 1}, "": 2},
    "json": '{"x": [1, {"y": "deep"}], "z": {"w": "in text"}}',
    "binary": b"\xff\x00",
    "list": [1, 2],
    "{a": "brace",
}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("", b""),
        ("plain $ { } ü", "plain $ { } ü".encode()),
        ("${text}/${number}", b"a b/5"),
        ("${decimal} ${yes}", b"0.5 true"),
        ("${map.x.y}", b"1"),
        ("${map.x}", b'{"y":1}'),
        ("${json.z.w}", b"in text"),
        ("${nothing}", b"undefined"),
        ("${text.below}", b"undefined"),
        ("${map.x.y.z}", b"undefined"),
        ("${binary}", b"\xff\x00"),
        ("${{a}}", b"brace}"),
        ("${}", b"${}"),
        ("${unclosed", b"${unclosed"),
    ],
)
def test_variables_are_filled_in(text: str, filled: bytes) -> None:
    assert Template(text).fill(OUTPUT) == filled


def test_a_text_has_replacement_characters_where_bytes_are_no_text() -> None:
    assert Template("${binary}").fill_text(OUTPUT) == "\ufffd\x00"


def test_an_empty_payload_template_is_the_whole_result() -> None:
    assert PayloadTemplate("").fill({"a": 1, "b": b"\xff"}) == '{"a":1,"b":"\ufffd"}'.encode()
    assert PayloadTemplate("${a}").fill({"a": 1}) == b"1"


def test_integers_of_any_size_become_json() -> None:
    assert PayloadTemplate("").fill({"a": 2**70}) == b'{"a":%d}' % 2**70


def test_the_json_of_a_text_is_read_once_for_all_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[object] = []
    monkeypatch.setattr(templates, "decode_json", lambda text: read.append(text) or {"x": 1})
    first, second = '{"x": 1}', '{"x": 10}'
    assert Template("${p.x}${p.x}").fill({"p": first}) == b"11"
    assert Template("${p.x}").fill({"p": first}) == b"1"
    Template("${p.x}").fill({"p": second})
    Template("${p}").fill({"p": first})
    assert read == [first, second]
