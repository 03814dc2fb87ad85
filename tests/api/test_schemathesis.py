"""Every call is made as the documents show it, and as they allow it: no answer is a fault, none is undocumented."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.generation import GenerationMode

from app.config import ManagementSettings
from tests.api.described import CHECKS, as_shown, document, operations_by_tag, tightened

DOCUMENT = tightened(document())
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
EXAMPLES = 6
EXAMPLES_THAT_HASH_PASSWORDS = 2
MODULES = ("emqx_mod_topic_metrics", "emqx_mod_slow_subs", "emqx_mod_trace")
DASHBOARD = "http://localhost:18083"


OPERATIONS = operations_by_tag(SCHEMA)


@pytest.fixture
def management() -> ManagementSettings:
    """No limit of failed logins: the clock of the tests stands still, and it would never end."""
    return ManagementSettings(max_login_failures=None)


@pytest.fixture
def described(api):
    """The API with everything switched on; the log's level is put back."""
    level = logging.getLogger().level
    assert api.put("/nodes/godwit@127.0.0.1/plugins/emqx_auth_mnesia/load") == {"code": 0}
    for module in MODULES:
        assert api.put(f"/modules/{module}/load") == {"code": 0}
    yield api
    logging.getLogger().setLevel(level)


def make(api, case) -> Any:
    """Make a call and look at its answer."""
    on_dashboard = "dashboard's port" in case.operation.definition.raw.get("description", "")
    base_url = DASHBOARD if on_dashboard else "http://localhost"
    here = {"REMOTE_ADDR": "127.0.0.1"}
    response = case.call(
        app=api.app, base_url=base_url, auth=("admin", "public"), environ_base=here
    )
    assert response.status_code != 401, "who is not let in finds nothing"
    case.validate_response(response, checks=CHECKS)
    return response


@pytest.mark.parametrize("tag", sorted(OPERATIONS))
def test_calls_as_the_documents_show_them_allow_them_and_do_not_allow_them(described, tag):
    for operation in OPERATIONS[tag]:
        make(described, as_shown(operation))
    for operation in OPERATIONS[tag]:
        vary(described, operation, GenerationMode.POSITIVE)
        if may_be_wrong(operation):
            vary(described, operation, GenerationMode.NEGATIVE)


def vary(api, operation, mode) -> None:
    """Make a call in several ways, the same ones in every run."""
    slow = any(word in operation.path for word in ("auth", "users", "change_pwd", "apps"))

    @settings(
        max_examples=EXAMPLES_THAT_HASH_PASSWORDS if slow else EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode))
    def each(case):
        make(api, case)

    each()


def may_be_wrong(operation) -> bool:
    """Whether there is anything about a call that can be other than described."""
    raw = operation.definition.raw
    # Any text in a path is a text.
    return any(one["in"] == "query" for one in raw["parameters"]) or "requestBody" in raw
