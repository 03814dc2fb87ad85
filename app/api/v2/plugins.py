"""Plugins and their parameters in the words of the second generation."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v2.dialect import OK, parameter, success
from app.errors import ResultCode, ServiceError
from app.services import Services
from app.services.extensions import ParameterRecord
from app.services.plugins import PluginRecord
from app.version import VERSION


def plugin_row(plugin: PluginRecord) -> dict[str, object]:
    """Return one plugin as the API shows it (seed 003, GET /api/v2/nodes/{node_name}/plugins)."""
    return {
        "name": plugin.name,
        "version": VERSION,
        "description": plugin.description,
        "active": plugin.active,
    }


def parameter_row(one: ParameterRecord) -> dict[str, object]:
    """Return one parameter as the API shows it (seed 003, GET .../plugin_configs/{plugin_name})."""
    return {"key": one.key, "value": one.value, "desc": one.desc, "required": one.required}


def list_node_plugins(services: Services, _call: Call, node_name: str) -> Answer:
    """List the plugins of a node."""
    return success([plugin_row(one) for one in services.plugins.list(node_name)])


def switch_plugin(services: Services, call: Call, node_name: str, name: str) -> Answer:
    """Run a plugin, or stop it."""
    plugins = services.plugins
    change = plugins.load if parameter(call.params, "active", bool) else plugins.unload
    try:
        change(name, node_name)
    except ServiceError as error:
        if error.code in (ResultCode.PLUGIN_ALREADY_LOADED, ResultCode.PLUGIN_NOT_LOADED):
            raise
        raise ServiceError(ResultCode.UNKNOWN) from error
    return OK


def get_plugin_configs(services: Services, _call: Call, node_name: str, plugin_name: str) -> Answer:
    """Show the parameters of a plugin."""
    return success([parameter_row(one) for one in services.plugins.config(plugin_name, node_name)])


def update_plugin_configs(
    services: Services, call: Call, node_name: str, plugin_name: str
) -> Answer:
    """Change parameters of a plugin; a running one works with them at once."""
    services.plugins.set_config(plugin_name, call.params, node_name)
    return OK


ENDPOINTS = (
    Endpoint(
        "v2:GET /nodes/{node_name}/plugins",
        "list_node_plugins",
        "GET",
        "nodes/:node_name/plugins",
        list_node_plugins,
        "A list of plugins on a node",
    ),
    Endpoint(
        "v2:PUT /nodes/{node_name}/plugins/{name}",
        "switch_plugin",
        "PUT",
        "nodes/:node_name/plugins/:name",
        switch_plugin,
        "Start or stop a plugin on a node",
    ),
    Endpoint(
        "v2:GET /nodes/{node_name}/plugin_configs/{plugin_name}",
        "get_plugin_configs",
        "GET",
        "nodes/:node_name/plugin_configs/:plugin_name",
        get_plugin_configs,
        "Get the configuration of a plugin on a node",
    ),
    Endpoint(
        "v2:PUT /nodes/{node_name}/plugin_configs/{plugin_name}",
        "update_plugin_configs",
        "PUT",
        "nodes/:node_name/plugin_configs/:plugin_name",
        update_plugin_configs,
        "Update the configuration of a plugin on a node",
    ),
)
