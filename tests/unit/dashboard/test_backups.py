"""The page of backups: what is kept, what is being done, and how to go back."""

from __future__ import annotations

import pytest

from app.services.backups import MAKE, Job
from tests.harness.node import eventually
from tests.unit.services.test_backups import write

HTMX = {"HX-Request": "true"}


@pytest.fixture
def keeping(browser):
    browser.log_in("administrator")
    write(browser.services.backups.folder, "a.backup", b"salt" * 4, 5)
    write(browser.services.backups.folder, "b.backup", None, 9)
    browser.get("/backups")
    return browser


def test_backups_are_listed_and_handed_out(keeping):
    page = keeping.get("/backups").text
    assert "1 to 2 of 2" in page
    assert "restore" in page
    assert "b.backup</pre>" in page
    assert "PASSPHRASE</pre>" in keeping.get("/backups?restore=a.backup").text
    answer = keeping.get("/backups/download?name=b.backup")
    assert answer.headers["Content-Disposition"] == "attachment; filename=b.backup"
    assert answer.data[:2] == b"\x1f\x8b"
    answer.close()


def test_while_one_is_made_the_page_shows_how_far_it_is(keeping):
    keeping.services.backups._job = Job(MAKE, "c.backup", 30, 120)
    page = keeping.get("/backups").text
    assert 'data-poll="1"' in page
    assert "c.backup: 30 of 120 rows" in page
    keeping.services.backups._job = Job(MAKE, "c.backup", 120, 120, is_over=True)
    assert 'data-poll="1"' not in keeping.get("/backups").text


def test_what_fails_is_said(keeping):
    answer = keeping.post("/backups/make", {"protection": "same-key"}, headers=HTMX)
    assert "backups-now" in answer.headers["HX-Trigger"]
    job = keeping.services.backups.job
    eventually(lambda: job.is_over, "the process ends", 20)
    assert "nobody makes backups here" in keeping.get("/backups").text


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"protection": "passphrase", "passphrase": "short"}, "at least 12 characters"),
        ({"protection": "same-key", "passphrase": "a-long-passphrase"}, "leave it empty"),
    ],
)
def test_a_backup_needs_a_decision_about_secrets(keeping, form, said):
    assert said in keeping.post("/backups/make", form).text
    assert keeping.services.backups.job is None


def test_one_is_checked_and_deleted(keeping):
    keeping.post("/backups/check", {"name": "b.backup"}, headers=HTMX)
    assert keeping.services.backups.job.name == "b.backup"
    keeping.post("/backups/delete", {"name": "b.backup"}, headers=HTMX)
    assert [one.name for one in keeping.services.backups.list()] == ["a.backup"]
