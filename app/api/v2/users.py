"""Dashboard users in the words of the second generation, whose callers they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from app.api.endpoint import Answer, Call, Endpoint
from app.api.security import checked
from app.api.v2.dialect import OK, parameter, parameters, success
from app.errors import ResultCode, ServiceError
from app.services import Services
from app.services.users import UserRecord

SENTENCES: Mapping[ResultCode, str] = {
    ResultCode.BAD_USERNAME_OR_PASSWORD: "Password error",
    ResultCode.EMPTY_USERNAME_OR_PASSWORD: "Username or Password is empty",
    ResultCode.USER_NOT_FOUND: "User not found",
    ResultCode.ADMIN_UNDELETABLE: "admin cannot be deleted",
    ResultCode.USER_EXISTS: "User already exist",
    ResultCode.BAD_OLD_PASSWORD: "OldPassword error",
}
"""EMQ 2.3.11's; that a name is unknown is not told to those who have not logged in."""


def user_row(user: UserRecord) -> dict[str, object]:
    """Return one user as the API shows it (seed 003, GET /api/v2/users)."""
    return {"username": user.username, "tags": user.tags}


def list_users(services: Services, _call: Call) -> Answer:
    """List the users, without anything about their passwords."""
    return success([user_row(user) for user in services.users.list()])


def lookup_user(services: Services, _call: Call, username: str) -> Answer:
    """Show one user, or nothing."""
    user = services.users.get(username)
    return success(user_row(user) if user else [])


def create_user(services: Services, call: Call) -> Answer:
    """Create a user."""
    parameters(call.params, {"username": str, "password": str, "tags": str})
    with _told_as_emq_does():
        services.users.create(call.params, any_password=True)
    return OK


def update_user(services: Services, call: Call, username: str) -> Answer:
    """Change a user's tags."""
    tags = parameter(call.params, "tags", str)
    with _told_as_emq_does():
        services.users.update(username, {"tags": tags})
    return OK


def delete_user(services: Services, _call: Call, username: str) -> Answer:
    """Delete a user."""
    with _told_as_emq_does():
        services.users.delete(username)
    return OK


def auth(services: Services, call: Call) -> Answer:
    """Tell whether a name and a password belong together; anybody may ask."""
    parameters(call.params, {"username": str, "password": str})
    username, password = call.params["username"], call.params["password"]
    if not username or not password:
        code = ResultCode.EMPTY_USERNAME_OR_PASSWORD
        raise ServiceError(code, SENTENCES[code])

    def check(from_loopback: bool) -> str:
        return services.users.login(call.params, from_loopback=from_loopback).username

    with _told_as_emq_does():
        checked(services, username, password, check)
    return OK


def change_pwd(services: Services, call: Call, username: str) -> Answer:
    """Change a password by whoever knows the old one."""
    parameters(call.params, {"old_pwd": str, "new_pwd": str})
    if services.users.get(username) is None:
        code = ResultCode.USER_NOT_FOUND
        raise ServiceError(code, SENTENCES[code])

    def check(from_loopback: bool) -> str:
        services.users.change_password(
            username, call.params, from_loopback=from_loopback, any_password=True
        )
        return username

    with _told_as_emq_does(ResultCode.BAD_OLD_PASSWORD):
        checked(services, username, call.params["old_pwd"], check)
    return OK


@contextmanager
def _told_as_emq_does(
    wrong_password: ResultCode = ResultCode.BAD_USERNAME_OR_PASSWORD,
) -> Iterator[None]:
    try:
        yield
    except ServiceError as error:
        is_password = error.code is ResultCode.BAD_USERNAME_OR_PASSWORD
        code = wrong_password if is_password else error.code
        raise ServiceError(code, SENTENCES.get(code, error.message)) from error


ENDPOINTS = (
    Endpoint(
        "v2:GET /users",
        "list_users",
        "GET",
        "users",
        list_users,
        "A list of users",
    ),
    Endpoint(
        "v2:POST /users",
        "create_user",
        "POST",
        "users",
        create_user,
        "Create a user",
    ),
    Endpoint(
        "v2:GET /users/{username}",
        "lookup_user",
        "GET",
        "users/:username",
        lookup_user,
        "Lookup a user",
    ),
    Endpoint(
        "v2:PUT /users/{username}",
        "update_user",
        "PUT",
        "users/:username",
        update_user,
        "Update a user",
    ),
    Endpoint(
        "v2:DELETE /users/{username}",
        "delete_user",
        "DELETE",
        "users/:username",
        delete_user,
        "Delete a user",
    ),
    Endpoint(
        "v2:POST /auth",
        "auth",
        "POST",
        "auth",
        auth,
        "Check a name and a password",
    ),
    Endpoint(
        "v2:PUT /change_pwd/{username}",
        "change_pwd",
        "PUT",
        "change_pwd/:username",
        change_pwd,
        "Change a password",
    ),
)
