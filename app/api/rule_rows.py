"""Rules, actions and resources in the words that the third and the fourth generation share (EMQX 4.4, rule engine)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from app.api.endpoint import Answer, Call, Endpoint, Handler
from app.api.minirest import OK, success
from app.api.rule_shapes import DESCRIPTIONS
from app.errors import ResultCode, ServiceError
from app.rules.actions.base import ActionSpec
from app.rules.metrics import ActionMetrics
from app.services import Services
from app.services.masking import masked
from app.services.query import Filter, read_filters, to_boolean, to_text
from app.services.resources import ResourceRecord
from app.services.rules import RuleQuery, RuleRecord, RulesService

PLUGIN = "emqx_rule_engine"
_PARAMETER = re.compile(r":(\w+)")

FILTERS = (
    Filter("enabled", "enabled", to_boolean),
    Filter("for", "topic", to_text),
    Filter("_like_id", "like_id", to_text),
    Filter("_like_for", "like_topic", to_text, unless="for"),
    Filter("_match_for", "match_topic", to_text, unless="for"),
    Filter("_like_description", "like_description", to_text),
)


# -- rules -----------------------------------------------------------------------------------------


def rule_row(rules: RulesService, rule: RuleRecord) -> dict[str, object]:
    """Return a rule as the API shows it."""
    counted, by_action = rules.figures(rule.id)
    return {
        "id": rule.id,
        "for": list(rule.topics),
        "rawsql": rule.rawsql,
        "actions": [_action_row(rules.node, one, by_action) for one in rule.actions],
        "on_action_failed": rule.on_action_failed,
        "metrics": [counted.row(rules.node)],
        "enabled": rule.is_running,
        "created_at": rule.created_at,
        "description": rule.description,
    }


def _action_row(
    node: str, action: ActionSpec, counted: Mapping[str, ActionMetrics]
) -> dict[str, object]:
    metrics = counted.get(action.id) or ActionMetrics()
    return {
        "id": action.id,
        "name": action.name,
        "params": dict(action.params),
        "metrics": [metrics.row(node)],
        "fallbacks": [_action_row(node, one, counted) for one in action.fallbacks],
    }


def rule_query(call: Call) -> RuleQuery:
    """Return the filters of a call.

    Raises:
        ServiceError: A value cannot be read.
    """
    return RuleQuery(**read_filters(FILTERS, call.params))  # type: ignore[arg-type]


def create_rule(services: Services, call: Call) -> Answer:
    """Make a rule; with `test`, run its statement once and keep nothing."""
    if _is_test(call):
        return Answer(b'{"data":%b,"code":0}' % services.rules.test(call.params))
    return success(rule_row(services.rules, services.rules.create(call.params)))


def show_rule(services: Services, _call: Call, rule_id: str) -> Answer:
    """Show a rule and what it has counted."""
    return success(rule_row(services.rules, services.rules.get(rule_id)))


def update_rule(services: Services, call: Call, rule_id: str) -> Answer:
    """Change a rule; what is not named stays."""
    return success(rule_row(services.rules, services.rules.update(rule_id, call.params)))


def delete_rule(services: Services, _call: Call, rule_id: str) -> Answer:
    """Remove a rule; one that is not there is no error."""
    services.rules.delete(rule_id)
    return OK


def reset_metrics(services: Services, _call: Call, rule_id: str) -> Answer:
    """Have a rule count from zero again."""
    services.rules.reset_metrics(rule_id)
    return OK


# -- actions ---------------------------------------------------------------------------------------


def list_actions(services: Services, _call: Call) -> Answer:
    """List the kinds of actions, or those for one kind of event or of resource."""
    return success([one.row() for one in services.rules.actions()])


def show_action(services: Services, _call: Call, action_name: str) -> Answer:
    """Show one kind of action."""
    return success(services.rules.action(action_name).row())


# -- resources -------------------------------------------------------------------------------------


def resource_row(resource: ResourceRecord) -> dict[str, object]:
    """Return a resource as the API shows it, without its status."""
    return {
        "id": resource.id,
        "type": resource.type,
        "config": masked(resource.config),
        "description": resource.description,
    }


def _listed(services: Services, type_name: str | None = None) -> Answer:
    resources = services.resources
    return success(
        [
            {**resource_row(one), "status": resources.is_alive(one.id)}
            for one in resources.list(type_name)
        ]
    )


def create_resource(services: Services, call: Call) -> Answer:
    """Make a resource; with `test`, try its configuration out and keep nothing."""
    if _is_test(call):
        services.resources.test(call.params)
        return OK
    return success(resource_row(services.resources.create(call.params)))


def list_resources(services: Services, _call: Call) -> Answer:
    """List the resources, each with whether its target is there."""
    return _listed(services)


def list_resources_by_type(services: Services, _call: Call, resource_type_name: str) -> Answer:
    """List the resources of one kind."""
    services.resources.type(resource_type_name)
    return _listed(services, resource_type_name)


def show_resource(services: Services, _call: Call, resource_id: str) -> Answer:
    """Show a resource and its status on every node."""
    resource = services.resources.get(resource_id)
    alive = services.resources.is_alive(resource_id)
    status = [{"node": services.rules.node, "is_alive": alive}]
    return success({**resource_row(resource), "status": status})


def show_resource_status(services: Services, _call: Call, resource_id: str) -> Answer:
    """Tell whether the target of a resource is there."""
    return success({"is_alive": services.resources.status(resource_id)})


def start_resource(services: Services, _call: Call, resource_id: str) -> Answer:
    """Connect anew."""
    services.resources.reconnect(resource_id)
    return OK


def update_resource(services: Services, call: Call, resource_id: str) -> Answer:
    """Change a resource that no enabled rule needs."""
    services.resources.update(resource_id, call.params)
    return OK


def delete_resource(services: Services, _call: Call, resource_id: str) -> Answer:
    """Remove a resource that no enabled rule needs."""
    services.resources.delete(resource_id)
    return OK


def list_resource_types(services: Services, _call: Call) -> Answer:
    """List the kinds of resources."""
    return success([one.row() for one in services.resources.types()])


def show_resource_type(services: Services, _call: Call, resource_type_name: str) -> Answer:
    """Show one kind of resource."""
    return success(services.resources.type(resource_type_name).row())


def _is_test(call: Call) -> bool:
    wanted = call.params.get("test", False)
    if wanted not in (True, False, "true", "false"):
        raise ServiceError(ResultCode.BAD_PARAMETER, "value of 'test' must be true or false")
    return wanted in (True, "true")


def endpoints(
    generation: str, calls: Iterable[tuple[str, str, Handler, str]]
) -> tuple[Endpoint, ...]:
    """Return the endpoints of one generation; all of them are there while the engine is loaded.

    Args:
        generation: `v3` or `v4`.
        calls: Method, path, handler and description of each.
    """
    return tuple(
        Endpoint(
            f"{generation}:{method} {_braced(path)}",
            handler.__name__,
            method,
            path,
            handler,
            descr,
            plugin=PLUGIN,
            description=DESCRIPTIONS[handler.__name__],
        )
        for method, path, handler, descr in calls
    )


def _braced(path: str) -> str:
    """Return a path as the contract writes it: `/rules/{rule_id}`."""
    return _PARAMETER.sub(r"{\1}", path)
