"""Settings in the words of the third generation."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.setting_rows import our_key, setting_rows
from app.api.v3.dialect import OK, success
from app.errors import ResultCode, ServiceError
from app.services import Services


def get_all_configs(services: Services, _call: Call) -> Answer:
    """List the settings of every node, by the node's name; they are the same on all."""
    rows = setting_rows(services.configs)
    return success({node.node: rows for node in services.nodes.list()})


def get_node_configs(services: Services, _call: Call, node: str) -> Answer:
    """List the settings of one node."""
    services.nodes.get(node)
    return success(setting_rows(services.configs))


def update_config(services: Services, call: Call, app: str) -> Answer:
    """Change a setting while the nodes run; the key alone says which, whatever application it is put under."""
    del app
    if not {"key", "value"} <= call.params.keys():
        raise ServiceError(ResultCode.MISSING_PARAMETER)
    key = call.params["key"]
    if not isinstance(key, str):
        raise ServiceError(ResultCode.BAD_PARAMETER)
    services.configs.update({our_key(key, services.configs): call.params["value"]})
    return OK


def update_node_config(services: Services, call: Call, node: str, app: str) -> Answer:
    """Change a setting while a node runs."""
    services.nodes.get(node)
    return update_config(services, call, app)


ENDPOINTS = (
    Endpoint(
        "v3:GET /configs",
        "get_all_configs",
        "GET",
        "/configs/",
        get_all_configs,
        "Get all configs",
    ),
    Endpoint(
        "v3:GET /nodes/{node}/configs",
        "get_all_configs",
        "GET",
        "/nodes/:node/configs/",
        get_node_configs,
        "Get all configs of a node",
    ),
    Endpoint(
        "v3:PUT /configs/{app}",
        "update_config",
        "PUT",
        "/configs/:app",
        update_config,
        "Update config of an application in the cluster",
    ),
    Endpoint(
        "v3:PUT /nodes/{node}/configs/{app}",
        "update_node_config",
        "PUT",
        "/nodes/:node/configs/:app",
        update_node_config,
        "Update config of an application on a node",
    ),
)
