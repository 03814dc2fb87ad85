"""Dashboard users in the words of the third generation.

EMQ X serves these calls on its dashboard's port only; here an application that may do everything may make them too.
"""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.security import checked
from app.api.v3.dialect import OK, success
from app.services import Services


def auth_user(services: Services, call: Call) -> Answer:
    """Tell whether a name and a password belong together."""

    def check(from_loopback: bool) -> str:
        return services.users.login(call.params, from_loopback=from_loopback).username

    checked(services, call.params.get("username"), call.params.get("password"), check)
    return OK


def list_users(services: Services, _call: Call) -> Answer:
    """List the users, without anything about their passwords."""
    return success(
        [{"username": user.username, "tags": user.tags} for user in services.users.list()]
    )


def create_user(services: Services, call: Call) -> Answer:
    """Create a user; EMQ X 3 takes any password."""
    services.users.create(call.params, any_password=True)
    return OK


def update_user(services: Services, call: Call, name: str) -> Answer:
    """Change a user's tags."""
    services.users.update(name, call.params)
    return OK


def delete_user(services: Services, _call: Call, name: str) -> Answer:
    """Delete a user."""
    services.users.delete(name)
    return OK


def change_pwd(services: Services, call: Call, username: str) -> Answer:
    """Change a password by whoever knows the old one."""

    def check(from_loopback: bool) -> str:
        services.users.change_password(
            username, call.params, from_loopback=from_loopback, any_password=True
        )
        return username

    checked(services, username, call.params.get("old_pwd"), check)
    return OK


ENDPOINTS = (
    Endpoint(
        "v3:POST /auth",
        "auth_user",
        "POST",
        "/auth",
        auth_user,
        "Authenticate an user",
    ),
    Endpoint(
        "v3:PUT /change_pwd/{username}",
        "change_pwd",
        "PUT",
        "/change_pwd/:username",
        change_pwd,
        "Change password for an user",
    ),
    Endpoint(
        "v3:POST /users",
        "create_user",
        "POST",
        "/users/",
        create_user,
        "Create an user",
    ),
    Endpoint(
        "v3:DELETE /users/{name}",
        "delete_user",
        "DELETE",
        "/users/:name",
        delete_user,
        "Delete an user",
    ),
    Endpoint(
        "v3:GET /users",
        "list_users",
        "GET",
        "/users/",
        list_users,
        "List users",
    ),
    Endpoint(
        "v3:PUT /users/{name}",
        "update_user",
        "PUT",
        "/users/:name",
        update_user,
        "Update an user",
    ),
)
