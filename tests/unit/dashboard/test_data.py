"""Export files: making, fetching, bringing, comparing and importing them."""

from __future__ import annotations

import io

import orjson
import pytest

HTMX = {"HX-Request": "true"}
FILE = {
    "version": "4.4",
    "blacklist": [
        {
            "who": {"clientid": "c7"},
            "by": "x",
            "reason": "loud",
            "at": 1,
            "until": 4_000_000_000,
        }
    ],
}


@pytest.fixture
def keeping(browser):
    browser.log_in("administrator")
    browser.get("/data")
    return browser


def bring(browser, document: object, name: str = "mine.json"):
    text = document if isinstance(document, bytes) else orjson.dumps(document)
    return browser.client.post(
        "/dashboard/data/upload",
        data={"csrf_token": browser.token, "file": (io.BytesIO(text), name)},
    )


def test_an_export_is_made_listed_fetched_and_deleted(keeping):
    keeping.post("/data/export", headers=HTMX)
    (file,) = keeping.services.data.files.list()
    assert file.filename in keeping.get("/data").text
    answer = keeping.get(f"/data/download?filename={file.filename}")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert orjson.loads(answer.data)["version"]
    keeping.post("/data/delete", {"filename": file.filename})
    assert keeping.services.data.files.list() == []


def test_a_file_is_brought_compared_and_imported(keeping):
    answer = bring(keeping, FILE)
    assert answer.headers["Location"] == "/dashboard/data/compare?filename=mine.json"
    page = keeping.get("/data/compare?filename=mine.json").text
    assert "This would change" in page
    assert "c7" in page
    assert keeping.services.banned.list(1, 10)[1] == 0
    page = keeping.post("/data/import", {"filename": "mine.json"}).text
    assert "The file is imported" in page
    assert keeping.services.banned.list(1, 10)[1] == 1
    assert "Nothing would change" in keeping.get("/data/compare?filename=mine.json").text


def test_differences_show_both_states_and_no_secrets(keeping):
    keeping.services.banned.create(
        {
            "who": "c7",
            "as": "clientid",
            "by": "y",
            "reason": "quiet",
            "at": 1,
            "until": 4_000_000_000,
        }
    )
    bring(keeping, FILE)
    page = keeping.get("/data/compare?filename=mine.json").text
    assert '<del class="was">quiet</del> <ins class="is-now">loud</ins>' in page


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"\xff\xfe", "no UTF-8 text"),
        (b"[1]", "no JSON object"),
        (b"{", "no JSON"),
    ],
)
def test_what_is_no_export_file_is_refused_in_words(keeping, text, said):
    answer = bring(keeping, text)
    assert answer.status_code == 400
    assert said in answer.text


def test_a_file_of_another_generation_says_which_ones_are_read(keeping):
    bring(keeping, {"version": "9.9"})
    answer = keeping.get("/data/compare?filename=mine.json")
    assert answer.status_code == 400
    assert "4.0 to 4.4" in answer.text


def test_no_file_is_a_file_to_choose(keeping):
    assert "Choose a file first" in keeping.post("/data/upload").text


@pytest.mark.parametrize("role", ["operator", "viewer"])
def test_nobody_else_comes_near_exports(browser, role):
    browser.log_in(role)
    assert browser.get("/data").status_code == 403
    assert browser.get("/data/download?filename=x").status_code == 403
