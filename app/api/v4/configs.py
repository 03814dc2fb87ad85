"""Settings in the words of the fourth generation: an addition, EMQX 4 dropped what EMQ X 3 had."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v4.dialect import OK, success
from app.errors import ResultCode, ServiceError
from app.services import Services
from app.services.configs import ConfigRecord


def config_row(config: ConfigRecord) -> dict[str, object]:
    """Return one setting as the API shows it."""
    return {
        "key": config.key,
        "value": config.value,
        "default": config.default,
        "source": config.source,
        "hot": config.hot,
        "datatype": config.kind,
        "app": config.app,
        "descr": config.doc,
    }


def list_configs(services: Services, _call: Call) -> Answer:
    """List every setting that is in force, and where it comes from."""
    return success([config_row(config) for config in services.configs.list()])


def lookup_config(services: Services, _call: Call, key: str) -> Answer:
    """Show one setting."""
    return success(config_row(services.configs.get(key)))


def update_configs(services: Services, call: Call) -> Answer:
    """Change hot settings, all of them or none: an object of keys and values."""
    if not isinstance(call.body, dict) or not call.body:
        raise ServiceError(
            ResultCode.BAD_PARAMETER, "the body must be an object of keys and values"
        )
    services.configs.update(call.body)
    return OK


def update_config(services: Services, call: Call, key: str) -> Answer:
    """Change one hot setting: `{"value": ...}`."""
    if "value" not in call.params:
        raise ServiceError(ResultCode.MISSING_PARAMETER, "missing mandatory params: ['value']")
    services.configs.update({key: call.params["value"]})
    return OK


def reset_config(services: Services, _call: Call, key: str) -> Answer:
    """Take a change back, so that the file or the default counts again."""
    services.configs.reset(key)
    return OK


ENDPOINTS = (
    Endpoint("v4:GET /configs", "list_configs", "GET", "/configs/", list_configs, "List settings"),
    Endpoint(
        "v4:GET /configs/{key}",
        "lookup_config",
        "GET",
        "/configs/:key",
        lookup_config,
        "Lookup a setting",
    ),
    Endpoint(
        "v4:PUT /configs", "update_configs", "PUT", "/configs/", update_configs, "Change settings"
    ),
    Endpoint(
        "v4:PUT /configs/{key}",
        "update_config",
        "PUT",
        "/configs/:key",
        update_config,
        "Change a setting",
    ),
    Endpoint(
        "v4:DELETE /configs/{key}",
        "reset_config",
        "DELETE",
        "/configs/:key",
        reset_config,
        "Take a change of a setting back",
    ),
)
