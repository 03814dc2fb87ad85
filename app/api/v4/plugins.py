"""Plugins in the words of the fourth generation (4.3 and later; `version` is kept for programs written for 4.0 to 4.2).

What a plugin refuses is told without a code (EMQX 4.4, `emqx_mgmt_api_plugins`).
"""

from __future__ import annotations

from collections.abc import Callable

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v4.dialect import OK, success
from app.errors import ServiceError
from app.services import Services
from app.services.plugins import PluginRecord
from app.version import VERSION


def plugin_row(plugin: PluginRecord) -> dict[str, object]:
    """Return one plugin as the API shows it (seed 004, GET /api/v4/plugins)."""
    return {
        "name": plugin.name,
        "version": VERSION,
        "description": plugin.description,
        "active": plugin.active,
        "type": plugin.type,
    }


def codeless(change: Callable[..., None], *args: object) -> Answer:
    """Make a change and say so, or repeat a refusal without its code."""
    try:
        change(*args)
    except ServiceError as error:
        raise ServiceError(error.code, error.message, bare=True) from None
    return OK


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
    return codeless(services.plugins.load, plugin, node)


def unload_plugin(services: Services, _call: Call, plugin: str, node: str | None = None) -> Answer:
    """Stop a plugin on a node, or on all of them."""
    return codeless(services.plugins.unload, plugin, node)


def reload_plugin(services: Services, _call: Call, plugin: str, node: str | None = None) -> Answer:
    """Have a plugin read its parameters again, on a node or on all of them; a stopped one is run."""
    return codeless(services.plugins.reload, plugin, node)


def get_plugin_metrics(services: Services, _call: Call, plugin: str) -> Answer:
    """Show what a plugin has counted, by EMQX's names: an addition."""
    return success(services.plugins.metrics(plugin))


def get_recon(services: Services, _call: Call) -> Answer:
    """Show tasks, garbage collector, threads and hooks of the node's process: an addition."""
    return success(services.plugins.recon())


ENDPOINTS = (
    Endpoint(
        "v4:GET /plugins",
        "list_all_plugins",
        "GET",
        "/plugins/",
        list_all_plugins,
        "List all plugins in the cluster",
    ),
    Endpoint(
        "v4:GET /nodes/{node}/plugins",
        "list_node_plugins",
        "GET",
        "/nodes/:node/plugins/",
        list_node_plugins,
        "List all plugins on a node",
    ),
    Endpoint(
        "v4:PUT /nodes/{node}/plugins/{plugin}/load",
        "load_node_plugin",
        "PUT",
        "/nodes/:node/plugins/:plugin/load",
        load_plugin,
        "Load a plugin",
    ),
    Endpoint(
        "v4:PUT /nodes/{node}/plugins/{plugin}/unload",
        "unload_node_plugin",
        "PUT",
        "/nodes/:node/plugins/:plugin/unload",
        unload_plugin,
        "Unload a plugin",
    ),
    Endpoint(
        "v4:PUT /nodes/{node}/plugins/{plugin}/reload",
        "reload_node_plugin",
        "PUT",
        "/nodes/:node/plugins/:plugin/reload",
        reload_plugin,
        "Reload a plugin",
    ),
    Endpoint(
        "v4:PUT /plugins/{plugin}/unload",
        "unload_plugin",
        "PUT",
        "/plugins/:plugin/unload",
        unload_plugin,
        "Unload a plugin in the cluster",
    ),
    Endpoint(
        "v4:PUT /plugins/{plugin}/reload",
        "reload_plugin",
        "PUT",
        "/plugins/:plugin/reload",
        reload_plugin,
        "Reload a plugin in the cluster",
    ),
    Endpoint(
        "v4:GET /plugins/{plugin}/metrics",
        "get_plugin_metrics",
        "GET",
        "/plugins/:plugin/metrics",
        get_plugin_metrics,
        "Show what a plugin has counted",
    ),
    Endpoint(
        "v4:GET /recon",
        "get_recon",
        "GET",
        "/recon",
        get_recon,
        "Show what the process of this node does right now",
        plugin="emqx_recon",
    ),
)
