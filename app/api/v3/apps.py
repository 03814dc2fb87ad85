"""Applications in the words of the third generation.

EMQ X serves these five calls on its dashboard's port only; here an application may make them too.
"""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.formats import UNDEFINED
from app.api.v3.dialect import OK, success
from app.errors import ResultCode, ServiceError
from app.services import Services
from app.services.apps import AppRecord


def app_row(app: AppRecord) -> dict[str, object]:
    """Return one application as the list shows it, without its secret (EMQ X 3.2, GET /api/v3/apps)."""
    values = {
        "app_id": app.app_id,
        "name": app.name,
        "desc": app.desc,
        "status": app.status,
        "expired": app.expired,
    }
    return {key: UNDEFINED if value is None else value for key, value in values.items()}


def add_app(services: Services, call: Call) -> Answer:
    """Create an application; the answer tells its secret."""
    try:
        return success({"secret": services.apps.create(call.params)})
    except ServiceError as error:
        if error.code is not ResultCode.USER_EXISTS:
            raise
        # So it is spelt in EMQ X 3, and clients may look for it.
        raise ServiceError(error.code, "alread_existed", bare=True) from error


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


ENDPOINTS = (
    Endpoint(
        "v3:POST /apps",
        "add_app",
        "POST",
        "/apps/",
        add_app,
        "Add Application",
    ),
    Endpoint(
        "v3:DELETE /apps/{appid}",
        "del_app",
        "DELETE",
        "/apps/:appid",
        del_app,
        "Delete Application",
    ),
    Endpoint(
        "v3:GET /apps",
        "list_apps",
        "GET",
        "/apps/",
        list_apps,
        "List Applications",
    ),
    Endpoint(
        "v3:GET /apps/{appid}",
        "lookup_app",
        "GET",
        "/apps/:appid",
        lookup_app,
        "Lookup Application",
    ),
    Endpoint(
        "v3:PUT /apps/{appid}",
        "update_app",
        "PUT",
        "/apps/:appid",
        update_app,
        "Update Application",
    ),
)
