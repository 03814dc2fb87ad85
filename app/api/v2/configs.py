"""Settings in the words of the second generation."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.setting_rows import our_key, setting_rows
from app.api.v2.dialect import OK, parameters, success
from app.errors import ResultCode, ServiceError
from app.services import Services


def list_configs(services: Services, _call: Call) -> Answer:
    """List the settings of every node, by the node's name; they are the same on all."""
    rows = setting_rows(services.configs)
    return success({node.node: rows for node in services.nodes.list()})


def list_node_configs(services: Services, _call: Call, node_name: str) -> Answer:
    """List the settings of one node."""
    services.nodes.get(node_name)
    return success(setting_rows(services.configs))


def update_config(services: Services, call: Call, app_name: str) -> Answer:
    """Change a setting while the nodes run; the key alone says which, whatever application it is put under."""
    del app_name
    parameters(call.params, {"key": str, "value": str})
    key = our_key(str(call.params["key"]), services.configs)
    try:
        services.configs.update({key: call.params["value"]})
    except ServiceError as error:
        raise ServiceError(ResultCode.UNKNOWN, error.message) from error
    return OK


def update_node_config(services: Services, call: Call, node_name: str, app_name: str) -> Answer:
    """Change a setting while a node runs."""
    services.nodes.get(node_name)
    return update_config(services, call, app_name)


ENDPOINTS = (
    Endpoint(
        "v2:GET /configs",
        "list_configs",
        "GET",
        "configs",
        list_configs,
        "The configuration of the cluster",
    ),
    Endpoint(
        "v2:GET /nodes/{node_name}/configs",
        "list_node_configs",
        "GET",
        "nodes/:node_name/configs",
        list_node_configs,
        "The configuration of a node",
    ),
    Endpoint(
        "v2:PUT /configs/{app_name}",
        "update_config",
        "PUT",
        "configs/:app_name",
        update_config,
        "Update the configuration of an application in the cluster",
    ),
    Endpoint(
        "v2:PUT /nodes/{node_name}/configs/{app_name}",
        "update_node_config",
        "PUT",
        "nodes/:node_name/configs/:app_name",
        update_node_config,
        "Update the configuration of an application on a node",
    ),
)
