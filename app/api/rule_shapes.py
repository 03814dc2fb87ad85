"""What the calls about rules, actions and resources take and answer, by the names of their handlers."""

from __future__ import annotations

from dataclasses import replace

from app.api.describing import ANYTHING, NODE, ByName, Description, Either, Parameter, Word, row
from app.api.minirest_shapes import DONE, OK, data, done, paged, shown
from app.schemas.rule import ON_FAILURE

_TEXTS = row("Texts", en="WebHook", zh="WebHook")
_PARAMS = ByName("url", ANYTHING)
_ACTION_COUNTS = row(
    "ActionCounts",
    node=NODE,
    taken=1,
    success=1,
    failed=0,
    retried=0,
    dropped=0,
    queued=0,
    recovered=0,
    dead_letters=0,
)
_ACTION = row(
    "RuleAction",
    id="republish_1582434715354188116",
    name="republish",
    params=ByName("target_topic", ANYTHING),
    metrics=[_ACTION_COUNTS],
    fallbacks=[ANYTHING],
)
_RULE_COUNTS = row(
    "RuleCounts",
    node=NODE,
    matched=1,
    passed=1,
    failed=0,
    exception=0,
    no_result=0,
    speed=0.1,
    speed_max=0.5,
    speed_last5m=0.2,
)
RULE = row(
    "Rule",
    **{
        "id": "rule:7fdb2c9e",
        "for": ["t/a"],
        "rawsql": 'SELECT * FROM "t/a"',
        "actions": [_ACTION],
        "on_action_failed": Word(ON_FAILURE),
        "metrics": [_RULE_COUNTS],
        "enabled": True,
        "created_at": 1_582_434_715_354,
        "description": "test-rule",
    },
)
_WANTED_ACTION = row(
    "WantedAction",
    "id",
    "params",
    "fallbacks",
    id="republish_1",
    name="inspect",
    params=ByName("a", ANYTHING),
    fallbacks=[ANYTHING],
).hiding("id", "fallbacks")
_CHANGES = {
    "rawsql": 'SELECT * FROM "t/a"',
    "actions": [_WANTED_ACTION],
    "enabled": True,
    "on_action_failed": Word(ON_FAILURE),
    "description": "test-rule",
}
_NEW_RULE = row(
    "NewRule", "id", "enabled", "on_action_failed", "description", id="rule:7fdb2c9e", **_CHANGES
)
_RULE_CHANGES = row("RuleChanges", *_CHANGES, **_CHANGES)
_ACTION_TYPE = row(
    "ActionType",
    **{
        "name": "inspect",
        "category": "debug",
        "app": "emqx_rule_engine",
        "for": "$any",
        "types": ["web_hook"],
        "params": _PARAMS,
        "title": _TEXTS,
        "description": _TEXTS,
    },
)
_RESOURCE_TYPE = row(
    "ResourceType",
    name="web_hook",
    provider="emqx_web_hook",
    title=_TEXTS,
    description=_TEXTS,
    params=_PARAMS,
)
_RESOURCE = {
    "id": "resource:b12d3e44",
    "type": "web_hook",
    "config": ByName("url", ANYTHING),
    "description": "web hook",
}
_LISTED = row("ListedResource", **_RESOURCE, status=True)
_SHOWN = row("ShownResource", **_RESOURCE, status=[row("", node=NODE, is_alive=True)])
_NEW_RESOURCE = row("NewResource", "id", "description", **_RESOURCE)
_TEST = (Parameter("test", True),)
_EVENT = row(
    "RuleEvent",
    event="$events/client_connected",
    title=_TEXTS,
    description=_TEXTS,
    test_columns=ByName("clientid", ANYTHING),
    columns=["clientid"],
    sql_example='SELECT * FROM "$events/client_connected"',
)

_DEAD_LETTER = {
    "id": 7,
    "rule": "rule:7fdb2c9e",
    "action": "data_to_webserver_1582434715354188116",
    "made_at": 1_582_434_715_354,
    "given_up_at": 1_582_434_718_420,
    "reason": "the server answered 404",
    "size": 512,
}
_TRIED = row(
    "TriedEvent", "topic", "result", "no_result", "error",
    event="message.publish", timestamp=1_582_434_715_354, topic="t/a", result=ANYTHING,
    no_result="nothing is selected", error="timeout",
).hiding("no_result", "error")  # fmt: skip

_PAGE = paged(
    RULE,
    Parameter("enable_paging", True),
    Parameter("enabled", True),
    Parameter("for", "t/a"),
    Parameter("_like_id", "rule"),
    Parameter("_like_for", "t"),
    Parameter("_match_for", "t/#"),
    Parameter("_like_description", "test"),
)

DESCRIPTIONS = {
    "create_rule": Description(data(Either((RULE, ANYTHING))), _TEST, _NEW_RULE),
    "update_rule": Description(data(RULE), body=_RULE_CHANGES),
    # Without paging the list comes alone.
    "list_rules": replace(_PAGE, answer=Either((_PAGE.answer, data([RULE])))),
    "list_all_rules": shown([RULE]),
    "show_rule": shown(RULE),
    "delete_rule": DONE,
    "reset_metrics": DONE,
    "list_actions": shown([_ACTION_TYPE]),
    "show_action": shown(_ACTION_TYPE),
    "create_resource": Description(
        Either((data(row("Resource", **_RESOURCE)), OK)), _TEST, _NEW_RESOURCE
    ),
    "list_resources": shown([_LISTED]),
    "list_resources_by_type": shown([_LISTED]),
    "show_resource": shown(_SHOWN),
    "show_resource_status": shown(row("", is_alive=True)),
    "start_resource": DONE,
    "update_resource": done(
        row("ResourceChanges", "config", "description",
            config=ByName("url", ANYTHING), description="web hook")
    ),
    "delete_resource": DONE,
    "list_resource_types": shown([_RESOURCE_TYPE]),
    "show_resource_type": shown(_RESOURCE_TYPE),
    "list_events": shown([_EVENT]),
    "show_outbox": shown(
        row("Outbox", waiting=1, dead_letters=1, dead_letters_dropped=0, not_written=0)
    ),
    "list_dead_letters": paged(
        row("DeadLetter", **_DEAD_LETTER), Parameter("rule", "rule:7fdb2c9e")
    ),
    "show_dead_letter": shown(
        row("ShownDeadLetter", **_DEAD_LETTER,
            output=ByName("x", ANYTHING), event=ByName("topic", ANYTHING))
    ),
    "replay_dead_letter": DONE,
    "delete_dead_letter": DONE,
    "replay_dead_letters_of": shown(row("", replayed=1, left=0)),
    "delete_dead_letters_of": shown(row("", deleted=1)),
    "switch_recorder": done(row("RecorderSwitch", enable=True)),
    "show_recorder": shown([ByName("topic", ANYTHING)]),
    "try_recorder": Description(
        data([_TRIED]), body=row("RecorderTrial", "rawsql", rawsql='SELECT * FROM "t/a"')
    ),
}  # fmt: skip
