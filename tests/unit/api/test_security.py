"""Who may call what: the table of areas, and what each right allows."""

from __future__ import annotations

import pytest

from app.api.endpoint import Principal
from app.api.security import Area, area_of, permits


@pytest.mark.parametrize(
    ("path", "area"),
    [
        ("/api/v4", Area.OPERATION),
        ("/api/v4/clients", Area.OPERATION),
        ("/api/v4/apps", Area.ADMINISTRATION),
        ("/api/v4/apps/admin", Area.ADMINISTRATION),
        ("//api//v4//apps//admin", Area.ADMINISTRATION),
        ("/api/v3/users/", Area.ADMINISTRATION),
        ("/api/v4/data/export", Area.ADMINISTRATION),
        ("/api/v4/audit", Area.ADMINISTRATION),
        ("/api/v4/mqtt/publish", Area.PUBLISHING),
        ("/api/v2/mqtt/publish_batch", Area.PUBLISHING),
        ("/api/v4/mqtt/subscribe", Area.OPERATION),
        ("/api/v4/auth", Area.LOGIN),
        ("/api/v4/auth/x", Area.OPERATION),
        ("/api/v4/auth_username", Area.OPERATION),
        ("/api/v4/change_pwd/admin", Area.OWN_PASSWORD),
        ("/api/v4/emqx_prometheus", Area.MONITORING),
        ("/metrics", Area.MONITORING),
        ("/api/v4/metrics", Area.OPERATION),
    ],
)
def test_a_path_tells_what_a_call_is_about(path, area):
    assert area_of(path) is area


EVERYTHING = {(area, method) for area in Area for method in ("GET", "POST", "PUT", "DELETE")}
READ = {(Area.OPERATION, "GET"), (Area.PUBLISHING, "GET"), (Area.LOGIN, "GET")}
MONITOR = {call for call in EVERYTHING if call[0] is Area.MONITORING}
OWN = {call for call in EVERYTHING if call[0] is Area.OWN_PASSWORD}
OPERATE = EVERYTHING - {call for call in EVERYTHING if call[0] is Area.ADMINISTRATION}


@pytest.mark.parametrize(
    ("principal", "right", "allowed"),
    [
        (Principal.APP, "full", EVERYTHING),
        (Principal.APP, "read_only", READ | MONITOR),
        (
            Principal.APP,
            "publish_only",
            {call for call in EVERYTHING if call[0] is Area.PUBLISHING} | MONITOR,
        ),
        (Principal.USER, "administrator", EVERYTHING),
        (Principal.USER, "operator", OPERATE),
        (Principal.USER, "viewer", READ | MONITOR | OWN),
        (Principal.USER, "something new", READ | MONITOR | OWN),
    ],
)
def test_a_right_allows_so_much_and_no_more(principal, right, allowed):
    found = {call for call in EVERYTHING if permits(principal, right, *call)}
    assert found == allowed
