"""TLS to the database: what is demanded of its certificate is kept to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.auth_sql.conftest import SERVES, Admission, make_tables
from tests.e2e.auth_sql.test_answers import NO_SERVER, OK, PUBLIC, play
from tests.harness.certificates import Authority

pytestmark = [pytest.mark.server("mariadb"), pytest.mark.server("postgresql")]


@pytest.mark.parametrize("kind", ["mariadb", "postgresql"])
def test_a_certificate_counts_where_it_is_to_be_verified(kind: str, tmp_path: Path) -> None:
    ours, others = Authority(tmp_path / "ours"), Authority(tmp_path / "others")
    expected = {
        (): NO_SERVER,
        (("ssl__enable", "on"),): OK,
        (
            ("ssl__enable", "on"),
            ("ssl__verify", "verify_peer"),
            ("ssl__cacertfile", str(ours.certfile)),
        ): OK,
        (
            ("ssl__enable", "on"),
            ("ssl__verify", "verify_peer"),
            ("ssl__cacertfile", str(others.certfile)),
        ): NO_SERVER,
    }

    async def scene(admission: Admission) -> None:
        admission.has_user("u1", PUBLIC)
        for given, reason in expected.items():
            admission.host.unload(admission.plugin)
            admission.load(**dict(given))
            assert (await admission.enters("u1")).reason is reason, given

    with SERVES[kind](ours.issue("server")) as server:
        make_tables(server)
        play(scene, Admission(server))
