"""SCRAM users in the words of the fourth generation (EMQX 4.4, `emqx_sasl_api`).

Neither passwords nor keys are shown. EMQX answers 500 where a member is missing; here it says so.
"""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v4.dialect import OK, success
from app.errors import ResultCode, ServiceError
from app.services import Services

PLUGIN = "emqx_sasl"


def get(services: Services, call: Call) -> Answer:
    """Answer one user, the names of one mechanism's, or all names."""
    mechanism = call.params.get("mechanism")
    if mechanism is None:
        found = services.sasl.usernames()
        return success([{name: users} for name, users in found.items()])
    if "username" not in call.params:
        if not isinstance(mechanism, str):
            raise ServiceError(ResultCode.BAD_PARAMETER, "unsupported_mechanism", bare=True)
        return success(services.sasl.usernames(mechanism))
    user = services.sasl.get(call.params)
    row: dict[str, object] = {"username": user.username, "iteration_count": user.iteration_count}
    if user.salt is not None:
        row["salt"] = user.salt
    if user.is_superuser:
        row["is_superuser"] = True
    return success(row)


def add(services: Services, call: Call) -> Answer:
    """Create a user."""
    services.sasl.create(call.params)
    return OK


def update(services: Services, call: Call) -> Answer:
    """Give a user another password."""
    services.sasl.update(call.params)
    return OK


def delete(services: Services, call: Call) -> Answer:
    """Remove a user."""
    services.sasl.delete(call.params)
    return OK


ENDPOINTS = tuple(
    Endpoint(
        f"v4:{method} /sasl",
        handler.__name__,
        method,
        "/sasl",
        handler,
        f"{handler.__name__.title()} authentication information",
        plugin=PLUGIN,
    )
    for method, handler in (("POST", add), ("DELETE", delete), ("PUT", update), ("GET", get))
)
