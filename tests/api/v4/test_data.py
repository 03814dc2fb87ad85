"""Data export and import through the API."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest

from app.config import ManagementSettings

BAN = {"who": {"clientid": "bad"}, "by": "u", "reason": "r", "at": 1, "until": 9_999_999_999}
DOCUMENT = {"version": "4.4", "date": "2021-04-12 10:40:58", "blacklist": [BAN]}
TEXT = orjson.dumps(DOCUMENT).decode()


@pytest.fixture
def uploaded(api: Any) -> str:
    assert api.post("/data/file", {"filename": "up.json", "file": TEXT})["code"] == 0
    return "up.json"


def test_an_export_is_a_file_of_this_node(api: Any) -> None:
    made = api.post("/data/export")["data"]
    assert re.fullmatch(r"emqx-export(-\d+){6}\.json", made["filename"])
    assert re.fullmatch(r"\d{4}-\d{1,2}-\d{1,2} \d{1,2}:\d{1,2}:\d{1,2}", made["created_at"])
    assert api.get("/data/export") == {"data": [made], "code": 0}
    file = api.get("/data/file/" + made["filename"])
    assert file.keys() == {"filename", "file"}
    assert len(file["file"].encode()) == made["size"]
    assert orjson.loads(file["file"])["apps"][0]["secret"] == "public"


def test_what_was_exported_imports(api: Any) -> None:
    made = api.post("/data/export")["data"]
    api.delete("/apps/admin2")
    assert api.post("/data/import", {"filename": made["filename"]}) == {"code": 0}


def test_an_imported_ban_holds_at_once(api: Any, uploaded: str) -> None:
    assert api.post("/data/import", {"filename": uploaded}) == {"code": 0}
    ((act, record),) = api.node.commands
    assert (act, record.kind, record.who) == ("ban", "clientid", "bad")
    assert api.get("/banned")["meta"]["count"] == 1


def test_an_imported_application_is_accepted_at_once_and_its_old_secret_no_more(api: Any) -> None:
    app = {"id": "admin", "secret": "changed", "name": "n", "status": True}
    assert api.post("/data/import", {"version": "4.4", "apps": [app]}) == {"code": 0}
    assert api.ask("GET", "/api/v4/brokers").status_code == 401
    assert api.get("/data/export", auth=("admin", "changed"))["code"] == 0


def test_a_path_that_emqx_showed_means_its_file(api: Any, uploaded: str) -> None:
    body = {"filename": f"/opt/emqx/data/backup/{uploaded}", "node": "godwit@127.0.0.1"}
    assert api.post("/data/import", body) == {"code": 0}


def test_the_document_itself_is_kept_and_imported(api: Any) -> None:
    assert api.post("/data/import", DOCUMENT) == {"code": 0}
    (file,) = api.get("/data/export")["data"]
    assert orjson.loads(api.get("/data/file/" + file["filename"])["file"]) == DOCUMENT


def test_a_dry_run_tells_the_difference_and_does_nothing(api: Any) -> None:
    told = api.post("/data/import?dry_run=true", DOCUMENT)
    assert told["data"]["dry_run"] is True
    assert told["data"]["blacklist"] == {
        "added": 1,
        "changed": 0,
        "same": 0,
        "conflicts": 0,
        "rows": [{"name": "clientid bad", "change": "added", "members": {}}],
    }
    assert api.get("/banned")["meta"]["count"] == 0
    assert api.get("/data/export")["data"] == []


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"filename": "none.json"}, {"message": "not_found"}),
        ({"filename": "../../etc/passwd"}, {"message": "not_found"}),
        ({"filename": "\0"}, {"message": "not_found"}),
        ({"filename": "up.json", "node": "other@1.2.3.4"}, {"message": "no_existent_node"}),
        ({"filename": 7}, {"message": "bad_filename"}),
        ({"version": "3.4"}, {"code": "unsupported_version", "message": '"3.4"'}),
        (
            {"version": "4.2", "auth_mnesia": [{"login": "x"}]},
            {"code": "unsupported_version", "message": '"4.2"'},
        ),
        (
            {"version": "4.4", "apps": 1},
            {"message": "import_failed", "reason": "apps is no array"},
        ),
        ([], {"message": "bad_json", "reason": "the body is no JSON object"}),
    ],
)
@pytest.mark.usefixtures("uploaded")
def test_an_import_that_cannot_be(api: Any, body: Any, answer: dict[str, Any]) -> None:
    assert api.post("/data/import", body) == answer
    assert api.get("/banned")["meta"]["count"] == 0


@pytest.mark.parametrize("env", [{"auth.mnesia.as": "clientid"}, '{"auth.mnesia.as":"clientid"}'])
def test_what_old_files_lack_is_given_beside_them(api: Any, env: object) -> None:
    old = {"version": "4.1", "auth_mnesia": [{"login": "l", "password": "c2FsdHB3"}]}
    api.post("/data/file", {"filename": "old.json", "file": orjson.dumps(old).decode()})
    refused = api.post("/data/import", {"filename": "old.json"})
    assert refused["message"] == "import_failed"
    assert api.post("/data/import", {"filename": "old.json", "env": env}) == {"code": 0}


@pytest.mark.parametrize(
    "name",
    [
        "x.txt", ".json", "a/b.json", "../x.json", "..\\x.json", "a\0.json", "a\n.json",
        ".hidden.json", "x" * 251 + ".json", "/etc/x.json",
    ],
)  # fmt: skip
def test_names_that_are_none_are_refused(api: Any, name: str) -> None:
    assert api.post("/data/file", {"filename": name, "file": TEXT}) == {"message": "bad_filename"}
    assert api.get("/data/export")["data"] == []


def test_an_upload_needs_its_content_and_may_go_without_a_name(api: Any) -> None:
    assert api.post("/data/file", {"filename": "a.json"}) == {"message": "missing_required_params"}
    answer = api.post("/data/file", {"file": "\ufeff" + TEXT})
    assert answer == {"data": {"node": "godwit@127.0.0.1"}, "code": 0}
    (file,) = api.get("/data/export")["data"]
    assert api.get("/data/file/" + file["filename"])["file"] == TEXT


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "1", '{"a":NaN}', '{"a":"\\ud800"}', '{"a":"\\u0000"}', '{"a\\u0000":1}',
        "[" * 2_000 + "]" * 2_000, '{"a":' * 100 + "1" + "}" * 100, '{"a":[' + "[]," * 2_000_001,
    ],
)  # fmt: skip
def test_texts_that_are_no_document_are_refused_with_the_reason(api: Any, text: str) -> None:
    answer = api.post("/data/file", {"filename": "a.json", "file": text})
    assert answer["message"] == "bad_json"
    assert answer["reason"].startswith("the file")
    assert api.get("/data/export")["data"] == []


def test_an_upload_of_the_same_name_replaces(api: Any, uploaded: str) -> None:
    api.post("/data/file", {"filename": uploaded, "file": "{}"})
    assert api.get("/data/file/up.json") == {"filename": "up.json", "file": "{}"}
    assert len(api.get("/data/export")["data"]) == 1


def test_a_file_is_deleted_once(api: Any, uploaded: str) -> None:
    assert api.delete("/data/file/" + uploaded) == {"code": 0}
    assert api.delete("/data/file/" + uploaded) == {"message": "not_found"}
    assert api.get("/data/file/" + uploaded) == {"message": "not_found"}


@pytest.mark.parametrize("name", ["..%2F..%2Fetc%2Fpasswd", "%00", "x" * 5_000, "%ED%A0%80"])
def test_strange_names_are_not_found(api: Any, name: str) -> None:
    assert api.get("/data/file/" + name) == {"message": "not_found"}
    assert api.delete("/data/file/" + name) == {"message": "not_found"}


def test_a_body_of_a_gigabyte_is_refused_before_it_is_read(api: Any) -> None:
    answer = api.ask(
        "POST", "/api/v4/data/import", environ_overrides={"CONTENT_LENGTH": str(1 << 30)}
    )
    assert answer.status_code == 413


@pytest.mark.parametrize("query", ["", "?dry_run=true"])
def test_a_body_of_another_encoding_is_refused_before_anything_is_lost(
    api: Any, query: str
) -> None:
    ban = {**BAN, "reason": "zu laut für uns"}
    text = orjson.dumps({"version": "4.4", "blacklist": [ban]}).decode()
    answer = api.post("/data/import" + query, data=text.encode("latin-1"))
    assert answer["message"] == "bad_json"
    upload = orjson.dumps({"file": text}).decode().encode("latin-1")
    assert "UTF-8" in api.post("/data/file", data=upload)["reason"]
    assert api.get("/data/export")["data"] == []


@pytest.mark.parametrize("value", ["yes", 1, []])
def test_a_dry_run_is_true_or_false(api: Any, value: object) -> None:
    assert api.post("/data/import", {"filename": "x", "dry_run": value})["code"] == 108


@pytest.mark.parametrize("management", [ManagementSettings(strict_status=True)])
def test_a_strict_caller_hears_by_the_status_that_a_file_was_refused(api: Any) -> None:
    for document in ({"version": "9.9"}, {"version": "4.4", "users": 7}):
        answer = api.ask("POST", "/api/v4/data/import", json=document)
        assert answer.status_code == 400
        assert "message" in answer.json
