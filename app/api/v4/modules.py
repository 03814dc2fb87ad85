"""Modules in the words of the fourth generation; refusals carry no code (EMQX 4.4, `emqx_mod_api`).

EMQX crashes where a module other than the internal ACL is to be reloaded in the whole cluster; here it reloads.
"""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.v4.dialect import success
from app.api.v4.plugins import codeless
from app.services import Services
from app.services.modules import ModuleRecord


def module_row(module: ModuleRecord) -> dict[str, object]:
    """Return one module as the API shows it (seed 004, GET /api/v4/modules)."""
    return {"name": module.name, "description": module.description, "active": module.active}


def list_modules(services: Services, _call: Call) -> Answer:
    """List the modules of every node."""
    return success(
        [
            {"node": node, "modules": [module_row(one) for one in modules]}
            for node, modules in services.modules.list_by_node()
        ]
    )


def list_node_modules(services: Services, _call: Call, node: str) -> Answer:
    """List the modules of a node."""
    return success([module_row(one) for one in services.modules.list(node)])


def load_module(services: Services, _call: Call, module: str, node: str | None = None) -> Answer:
    """Switch a module on."""
    return codeless(services.modules.load, module, node)


def unload_module(services: Services, _call: Call, module: str, node: str | None = None) -> Answer:
    """Switch a module off."""
    return codeless(services.modules.unload, module, node)


def reload_module(services: Services, _call: Call, module: str, node: str | None = None) -> Answer:
    """Have a module read its files and parameters again."""
    return codeless(services.modules.reload, module, node)


ENDPOINTS = (
    Endpoint(
        "v4:GET /modules",
        "list_all_modules",
        "GET",
        "/modules/",
        list_modules,
        "List all modules in the cluster",
    ),
    Endpoint(
        "v4:GET /nodes/{node}/modules",
        "list_node_modules",
        "GET",
        "/nodes/:node/modules/",
        list_node_modules,
        "List all modules on a node",
    ),
    Endpoint(
        "v4:PUT /nodes/{node}/modules/{module}/load",
        "load_node_module",
        "PUT",
        "/nodes/:node/modules/:module/load",
        load_module,
        "Load a module",
    ),
    Endpoint(
        "v4:PUT /nodes/{node}/modules/{module}/unload",
        "unload_node_module",
        "PUT",
        "/nodes/:node/modules/:module/unload",
        unload_module,
        "Unload a module",
    ),
    Endpoint(
        "v4:PUT /nodes/{node}/modules/{module}/reload",
        "reload_node_module",
        "PUT",
        "/nodes/:node/modules/:module/reload",
        reload_module,
        "Reload a module",
    ),
    Endpoint(
        "v4:PUT /modules/{module}/load",
        "load_module",
        "PUT",
        "/modules/:module/load",
        load_module,
        "load a module in the cluster",
    ),
    Endpoint(
        "v4:PUT /modules/{module}/unload",
        "unload_module",
        "PUT",
        "/modules/:module/unload",
        unload_module,
        "Unload a module in the cluster",
    ),
    Endpoint(
        "v4:PUT /modules/{module}/reload",
        "reload_module",
        "PUT",
        "/modules/:module/reload",
        reload_module,
        "Reload a module in the cluster",
    ),
)
