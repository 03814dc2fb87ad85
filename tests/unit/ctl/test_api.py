"""What an answer of the API means for a command."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.ctl.api import JSON, NodeApi, _Answer, _pieces, _understood, segment
from app.ctl.refusals import NOT_RUNNING, REFUSED, NotRunning, Refused, Unserved, reworded


def answered(body: object, status: int = 200) -> dict[str, Any]:
    return _understood(_Answer(status, JSON, json.dumps(body).encode()))


@pytest.mark.parametrize(
    "body", [{"code": 0}, {"data": [], "code": 0}, {"filename": "a.json", "file": "{}"}]
)
def test_an_answer_without_a_refusal_is_taken(body: dict[str, Any]) -> None:
    assert answered(body) == body


@pytest.mark.parametrize(
    ("body", "sentence", "code"),
    [
        ({"code": 112, "message": "not_found"}, "not_found", 112),
        ({"message": "Username Not Found"}, "Username Not Found", None),
        ({"message": "import_failed", "reason": "users: a name"}, "users: a name", None),
        ({"code": "unsupported_version", "message": ""}, "code unsupported_version", None),
    ],
)
def test_a_refusal_is_told_in_its_own_words(
    body: dict[str, Any], sentence: str, code: object
) -> None:
    with pytest.raises(Refused) as caught:
        answered(body)
    assert caught.value.message == sentence
    assert code is None or caught.value.code == code


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "does not know these credentials"),
        (403, "does not allow this"),
        (404, "nothing here"),
        (413, "more than the node takes"),
        (429, "wants us to wait"),
        (503, "HTTP status 503"),
    ],
)
def test_a_status_is_told_with_what_the_node_says_to_it(status: int, words: str) -> None:
    with pytest.raises(Refused, match=words) as caught:
        _understood(_Answer(status, "text/plain", b"because\nof {this}\n"))
    assert caught.value.message.endswith("because of {this}")


def test_an_answer_that_only_looks_like_json_is_no_node_s() -> None:
    with pytest.raises(Refused, match="is this a node's management API"):
        _understood(_Answer(200, JSON, b"<html>"))


def test_a_segment_of_a_path_may_hold_anything() -> None:
    assert segment("a/b +#ü%") == "a%2Fb%20%2B%23%C3%BC%25"


def test_progress_is_told_after_every_piece_that_went_out() -> None:
    told: list[tuple[int, int]] = []
    sent = b"".join(_pieces(b"x" * 150_000, lambda done, total: told.append((done, total))))
    assert len(sent) == 150_000
    assert told == [(65_536, 150_000), (131_072, 150_000), (150_000, 150_000)]


def test_pages_are_asked_for_until_one_is_not_full(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def call(_api: NodeApi, _method: str, _path: str, **options: Any) -> dict[str, Any]:
        query = options["query"]
        asked.append(query["_page"])
        return {"data": [{}] * (query["_limit"] if query["_page"] < 3 else 5)}

    monkeypatch.setattr(NodeApi, "call", call)
    assert len(NodeApi([], "a", "b").rows("/clients")) == 2_005
    assert asked == [1, 2, 3]


def test_a_node_that_is_nowhere_is_not_running() -> None:
    with pytest.raises(NotRunning, match="Nobody is there") as caught:
        NodeApi([], "a", "b", "Nobody is there.").get("/brokers")
    assert caught.value.exit_code == NOT_RUNNING
    assert Refused("no").exit_code == REFUSED


def test_the_secret_is_not_shown() -> None:
    assert "hidden" not in repr(NodeApi([], "admin", "hidden"))


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        (_Answer(200, JSON, b'{"message": "not_found"}'), "not_found"),
        (_Answer(404, "text/plain", b"Not found."), "nothing here"),
    ],
)
def test_a_file_that_is_refused_is_none(
    monkeypatch: pytest.MonkeyPatch, answer: _Answer, refusal: str
) -> None:
    monkeypatch.setattr(NodeApi, "_exchange", lambda *_: answer)
    with pytest.raises(Refused, match=refusal):
        NodeApi([], "a", "b").download("/trace/t/download")


def test_a_file_is_taken_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = _Answer(200, "application/zip", b"PK\xff")
    monkeypatch.setattr(NodeApi, "_exchange", lambda *_: sent)
    assert NodeApi([], "a", "b").download("/trace/t/download") == b"PK\xff"


def test_that_nobody_is_there_needs_no_other_words() -> None:
    for refusal in (NotRunning("No node."), Unserved("Nothing here.")):
        assert reworded(refusal, "Load plugin x error: …") is refusal
    assert reworded(Refused("no", 112), "Error: no").code == 112
