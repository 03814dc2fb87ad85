"""Applications in the words of the fourth generation.

EMQX serves these five calls on its dashboard's port only; here an application may make them too, since an operator
without the dashboard must be able to change the default secret.
"""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.formats import UNDEFINED
from app.api.v4.dialect import OK, success
from app.services import Services
from app.services.apps import AppRecord


def app_row(app: AppRecord) -> dict[str, object]:
    """Return one application as the list shows it, without its secret (EMQX 4.4, GET /api/v4/apps).

    `permission` is our addition, and shown where it is not the usual one.
    """
    row = {
        "app_id": app.app_id,
        "name": _or_undefined(app.name),
        "desc": _or_undefined(app.desc),
        "status": _or_undefined(app.status),
        "expired": _or_undefined(app.expired),
    }
    return row if app.permission == "full" else {**row, "permission": app.permission}


def add_app(services: Services, call: Call) -> Answer:
    """Create an application; the answer tells its secret."""
    return success({"secret": services.apps.create(call.params)})


def del_app(services: Services, _call: Call, appid: str) -> Answer:
    """Delete an application, if there is one."""
    services.apps.delete(appid)
    return OK


def list_apps(services: Services, _call: Call) -> Answer:
    """List the applications, without their secrets."""
    return success([app_row(app) for app in services.apps.list()])


def lookup_app(services: Services, _call: Call, appid: str) -> Answer:
    """Show one application with its secret, or an empty object."""
    app = services.apps.get(appid)
    return success({**app_row(app), "secret": app.secret} if app else {})


def update_app(services: Services, call: Call, appid: str) -> Answer:
    """Change an application; what is left out becomes undefined."""
    services.apps.update(appid, call.params)
    return OK


def _or_undefined(value: object) -> object:
    return UNDEFINED if value is None else value


ENDPOINTS = (
    Endpoint("v4:POST /apps", "add_app", "POST", "/apps/", add_app, "Add Application"),
    Endpoint(
        "v4:DELETE /apps/{appid}",
        "del_app",
        "DELETE",
        "/apps/:appid",
        del_app,
        "Delete Application",
    ),
    Endpoint("v4:GET /apps", "list_apps", "GET", "/apps/", list_apps, "List Applications"),
    Endpoint(
        "v4:GET /apps/{appid}",
        "lookup_app",
        "GET",
        "/apps/:appid",
        lookup_app,
        "Lookup Application",
    ),
    Endpoint(
        "v4:PUT /apps/{appid}",
        "update_app",
        "PUT",
        "/apps/:appid",
        update_app,
        "Update Application",
    ),
)
