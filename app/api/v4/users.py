"""Dashboard users in the words of the fourth generation; on the dashboard's port only, as in EMQX."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint, Principal
from app.api.security import checked
from app.api.v4.dialect import OK, success
from app.errors import ResultCode
from app.schemas.user import refused
from app.services import Services

_DASHBOARD = frozenset({Principal.USER})
_ADMINISTRATION = frozenset({Principal.USER, Principal.CLI})


def auth(services: Services, call: Call) -> Answer:
    """Tell whether a name and a password belong together."""

    def check(from_loopback: bool) -> str:
        return services.users.login(call.params, from_loopback=from_loopback).username

    checked(services, call.params.get("username"), call.params.get("password"), check)
    return OK


def list_users(services: Services, _call: Call) -> Answer:
    """List the users, without anything about their passwords."""
    return success(
        [
            {"username": user.username, "tags": user.tags, "role": user.role}
            for user in services.users.list()
        ]
    )


def create_user(services: Services, call: Call) -> Answer:
    """Create a user."""
    services.users.create(call.params)
    return OK


def update_user(services: Services, call: Call, name: str) -> Answer:
    """Change a user's tags, and his role."""
    services.users.update(name, call.params)
    return OK


def delete_user(services: Services, _call: Call, name: str) -> Answer:
    """Delete a user."""
    services.users.delete(name)
    return OK


def set_password(services: Services, call: Call, name: str) -> Answer:
    """Give a user another password without the old one: an addition, for who administers users."""
    password = call.params.get("password")
    if not isinstance(password, str) or not password:
        raise refused("Password undefined", ResultCode.EMPTY_USERNAME_OR_PASSWORD)
    services.users.set_password(name, password)
    return OK


def change_pwd(services: Services, call: Call, username: str) -> Answer:
    """Change a password by whoever knows the old one."""

    def check(from_loopback: bool) -> str:
        services.users.change_password(username, call.params, from_loopback=from_loopback)
        return username

    checked(services, username, call.params.get("old_pwd"), check)
    return OK


ENDPOINTS = (
    Endpoint(
        "v4:POST /auth",
        "auth_user",
        "POST",
        "/auth",
        auth,
        "Authenticate an user",
        audience=_DASHBOARD,
        listed=False,
    ),
    Endpoint(
        "v4:POST /users",
        "create_user",
        "POST",
        "/users/",
        create_user,
        "Create an user",
        audience=_ADMINISTRATION,
        listed=False,
    ),
    Endpoint(
        "v4:GET /users",
        "list_users",
        "GET",
        "/users/",
        list_users,
        "List users",
        audience=_ADMINISTRATION,
        listed=False,
    ),
    Endpoint(
        "v4:PUT /users/{name}",
        "update_user",
        "PUT",
        "/users/:name",
        update_user,
        "Update an user",
        audience=_ADMINISTRATION,
        listed=False,
    ),
    Endpoint(
        "v4:DELETE /users/{name}",
        "delete_user",
        "DELETE",
        "/users/:name",
        delete_user,
        "Delete an user",
        audience=_ADMINISTRATION,
        listed=False,
    ),
    Endpoint(
        "v4:PUT /users/{name}/password",
        "set_password",
        "PUT",
        "/users/:name/password",
        set_password,
        "Reset the password of an user",
        audience=_ADMINISTRATION,
        listed=False,
    ),
    Endpoint(
        "v4:PUT /change_pwd/{username}",
        "change_pwd",
        "PUT",
        "/change_pwd/:username",
        change_pwd,
        "Change password for an user",
        audience=_DASHBOARD,
        listed=False,
    ),
)
