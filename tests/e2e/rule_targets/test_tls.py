"""TLS to a database, with certificates that are brought along: what is demanded of its certificate is kept to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.rules.errors import TryAgain
from tests.e2e.rule_targets.conftest import KINDS, SERVES, Work, config_of, play
from tests.harness.certificates import Authority

pytestmark = [pytest.mark.server("mariadb"), pytest.mark.server("postgresql")]


@pytest.mark.parametrize("kind", ["mariadb", "postgresql"])
def test_a_certificate_counts_where_it_is_to_be_verified(kind: str, tmp_path: Path) -> None:
    ours, others = Authority(tmp_path / "ours"), Authority(tmp_path / "others")

    def brought(authority: Authority) -> dict[str, str]:
        return {"filename": "ca.pem", "file": Path(authority.certfile).read_text()}

    async def goes(work: Work) -> None:
        await work.give({"n": 1})

    async def does_not(work: Work) -> None:
        with pytest.raises(TryAgain):
            await work.give({"n": 1})

    scenes: list[tuple[dict[str, Any], Any]] = [
        ({}, does_not),
        ({"ssl": True}, goes),
        ({"ssl": True, "verify": True, "cacertfile": brought(ours)}, goes),
        ({"ssl": True, "verify": True, "cacertfile": brought(others)}, does_not),
    ]
    with SERVES[kind](ours.issue("server")) as server:
        for config, scene in scenes:
            resource = (f"backend_{KINDS[kind]}", config_of(server, **config))
            action = (f"data_to_{KINDS[kind]}", {"sql": "select 1 where ${n} = '2'"})
            play(scene, resource, action)
