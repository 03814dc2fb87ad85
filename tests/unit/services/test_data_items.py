"""Whatever stands in a file: it becomes rows, or is refused with the place."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.services.data_conversions import converted
from app.services.data_import import UnsupportedVersion, check_version
from app.services.data_items import READERS, ImportRefused, Reading, wanted_rows
from app.services.data_sections import SECTIONS

WORDS = (
    "id", "type", "config", "rawsql", "actions", "args", "$resource", "fallbacks", "who", "clientid",
    "peerhost", "username", "login", "password", "secret", "status", "expired", "topic", "action",
    "access", "allow", "type_value", "tags", "name", "until", "at", "method", "headers", "web_hook",
    "data_to_webserver", "pubsub", "deny", "c2FsdGFiYw==", "undefined", "10.0.0.1",
)  # fmt: skip
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(), st.sampled_from(WORDS), st.text(max_size=3)
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(WORDS), inner, max_size=6)
    ),
    max_leaves=12,
)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        name: st.one_of(
            VALUES, st.lists(st.dictionaries(st.sampled_from(WORDS), VALUES), max_size=2)
        )
        for name in (*READERS, "godwit")
    },
)


@given(DOCUMENTS)
def test_every_document_becomes_rows_or_is_refused(document: dict[str, Any]) -> None:
    rows = []
    with contextlib.suppress(ImportRefused):
        rows = list(wanted_rows(converted(document), Reading(1, "clientid")))
    assert all(row.section in SECTIONS and row.shown for row in rows)


@given(VALUES)
def test_every_version_is_taken_or_refused(version: object) -> None:
    with contextlib.suppress(ImportRefused, UnsupportedVersion):
        check_version({"version": version})
