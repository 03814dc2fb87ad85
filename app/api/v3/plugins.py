"""Plugins and their parameters in the words of the third generation."""

from __future__ import annotations

from collections.abc import Callable

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v3.dialect import OK, success
from app.errors import ResultCode, ServiceError
from app.services import Services
from app.services.extensions import ParameterRecord
from app.services.plugins import PluginRecord
from app.version import VERSION


def plugin_row(plugin: PluginRecord) -> dict[str, object]:
    """Return one plugin as the API shows it (seed 002, GET /api/v3/plugins)."""
    return {
        "name": plugin.name,
        "version": VERSION,
        "description": plugin.description,
        "active": plugin.active,
    }


def parameter_row(one: ParameterRecord) -> dict[str, object]:
    """Return one parameter as the API shows it (EMQ X 3.2, GET .../plugin_configs/{plugin})."""
    return {"key": one.key, "value": one.value, "desc": one.desc, "required": one.required}


def list_all_plugins(services: Services, _call: Call) -> Answer:
    """List the plugins of every node."""
    return success(
        [
            {"node": node, "plugins": [plugin_row(one) for one in plugins]}
            for node, plugins in services.plugins.list_by_node()
        ]
    )


def list_node_plugins(services: Services, _call: Call, node: str) -> Answer:
    """List the plugins of a node."""
    return success([plugin_row(one) for one in services.plugins.list(node)])


def load_plugin(services: Services, _call: Call, node: str, plugin: str) -> Answer:
    """Run a plugin on a node."""
    return _done(ResultCode.UNKNOWN, services.plugins.load, plugin, node)


def unload_node_plugin(services: Services, _call: Call, node: str, plugin: str) -> Answer:
    """Stop a plugin on a node."""
    return _done(ResultCode.UNKNOWN, services.plugins.unload, plugin, node)


def reload_node_plugin(services: Services, _call: Call, node: str, plugin: str) -> Answer:
    """Have a plugin on a node read its parameters again; a stopped one is run."""
    return _done(ResultCode.UNKNOWN, services.plugins.reload, plugin, node)


def unload_plugin(services: Services, _call: Call, plugin: str) -> Answer:
    """Stop a plugin in the cluster."""
    return _done(ResultCode.BADRPC, services.plugins.unload, plugin)


def reload_plugin(services: Services, _call: Call, plugin: str) -> Answer:
    """Have a plugin in the cluster read its parameters again; a stopped one is run."""
    return _done(ResultCode.BADRPC, services.plugins.reload, plugin)


def get_plugin_configs(services: Services, _call: Call, node: str, plugin: str) -> Answer:
    """Show the parameters of a plugin."""
    return success([parameter_row(one) for one in services.plugins.config(plugin, node)])


def update_plugin_configs(services: Services, call: Call, node: str, plugin: str) -> Answer:
    """Change parameters of a plugin; a running one works with them at once."""
    services.plugins.set_config(plugin, call.params, node)
    return OK


def _done(code: ResultCode, change: Callable[..., None], *args: str) -> Answer:
    """Make a change; EMQ X 3 has one code for all that may be wrong, and says it in words (seed 002, line 1708)."""
    try:
        change(*args)
    except ServiceError as error:
        raise ServiceError(code, error.message) from error
    return OK


ENDPOINTS = (
    Endpoint(
        "v3:GET /plugins",
        "list_all_plugins",
        "GET",
        "/plugins/",
        list_all_plugins,
        "List all plugins in the cluster",
    ),
    Endpoint(
        "v3:GET /nodes/{node}/plugins",
        "list_node_plugins",
        "GET",
        "/nodes/:node/plugins/",
        list_node_plugins,
        "List all plugins on a node",
    ),
    Endpoint(
        "v3:PUT /nodes/{node}/plugins/{plugin}/load",
        "load_plugin",
        "PUT",
        "/nodes/:node/plugins/:plugin/load",
        load_plugin,
        "Load a plugin",
    ),
    Endpoint(
        "v3:PUT /nodes/{node}/plugins/{plugin}/unload",
        "unload_plugin",
        "PUT",
        "/nodes/:node/plugins/:plugin/unload",
        unload_node_plugin,
        "Unload a plugin",
    ),
    Endpoint(
        "v3:PUT /nodes/{node}/plugins/{plugin}/reload",
        "reload_plugin",
        "PUT",
        "/nodes/:node/plugins/:plugin/reload",
        reload_node_plugin,
        "Reload a plugin",
    ),
    Endpoint(
        "v3:PUT /plugins/{plugin}/unload",
        "unload_all_plugin",
        "PUT",
        "/plugins/:plugin/unload",
        unload_plugin,
        "Unload a plugin in the cluster",
    ),
    Endpoint(
        "v3:PUT /plugins/{plugin}/reload",
        "reload_all_plugin",
        "PUT",
        "/plugins/:plugin/reload",
        reload_plugin,
        "Reload a plugin in the cluster",
    ),
    Endpoint(
        "v3:GET /nodes/{node}/plugin_configs/{plugin}",
        "get_plugin_configs",
        "GET",
        "/nodes/:node/plugin_configs/:plugin",
        get_plugin_configs,
        "Get configurations of a plugin on the node",
    ),
    Endpoint(
        "v3:PUT /nodes/{node}/plugin_configs/{plugin}",
        "update_plugin_configs",
        "PUT",
        "/nodes/:node/plugin_configs/:plugin",
        update_plugin_configs,
        "Update configurations of a plugin on the node",
    ),
)
