"""The counters of one plugin."""

from __future__ import annotations

from app.auth.metrics import AuthCounters
from app.broker.reasons import listening


def test_counters_have_the_names_of_emqx() -> None:
    counters = AuthCounters(auth_success=1, auth_ignore=2, auth_failure=3, acl_allow=4, acl_deny=5)
    assert counters.snapshot() == {
        "auth.success": 1,
        "auth.ignore": 2,
        "auth.failure": 3,
        "acl.allow": 4,
        "acl.deny": 5,
        "acl.ignore": 0,
    }


def test_what_is_asked_for_its_reasons_only_is_not_counted() -> None:
    counters = AuthCounters()
    with listening():
        counters.auth_success += 1
    counters.acl_allow += 1
    assert (counters.auth_success, counters.acl_allow) == (0, 1)
