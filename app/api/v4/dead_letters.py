"""Dead letters and recorders of rules, in the words of the fourth generation: additions, EMQX 4 has neither."""

from __future__ import annotations

from dataclasses import asdict

import orjson

from app.api import rule_rows
from app.api.endpoint import Answer, Call
from app.api.minirest import OK
from app.api.v4.dialect import page, success
from app.errors import ResultCode, ServiceError
from app.node.proxy import RowsPage
from app.rules.outbox.file import DeadLetter
from app.rules.terms.values import to_json
from app.services import Services
from app.services.query import to_integer, to_text


def _row(letter: DeadLetter) -> dict[str, object]:
    return {
        "id": letter.number,
        "rule": letter.owner.rule,
        "action": letter.owner.action,
        "made_at": letter.made_at_ms,
        "given_up_at": letter.given_up_at_ms,
        "reason": letter.reason,
        "size": len(letter.letter),
    }


def _number(text: str) -> int:
    try:
        return to_integer(text)
    except (ServiceError, ValueError):
        raise ServiceError(ResultCode.NOT_FOUND) from None


def show_outbox(services: Services, _call: Call) -> Answer:
    """Show how many results wait on disk, and what became of those that were given up."""
    return success(asdict(services.rules.dead_letters.figures()))


def list_dead_letters(services: Services, call: Call) -> Answer:
    """List what was given up, the latest first; `rule` names whose."""
    asked = call.page()
    rule = call.params.get("rule")
    found = services.rules.dead_letters.list(
        None if rule is None else to_text(rule),
        asked.start,
        asked.limit,
    )
    rows = b",".join(orjson.dumps(_row(one)) for one in found.letters)
    return page(RowsPage(rows, found.total, hasnext=found.has_next), asked)


def show_dead_letter(services: Services, _call: Call, letter_id: str) -> Answer:
    """Show one, with the result that was given up and the event that it is of."""
    letter, output, event = services.rules.dead_letters.contents(_number(letter_id))
    head = orjson.dumps(_row(letter))[:-1]
    contents = f',"output":{to_json(output)},"event":{to_json(event)}}}'
    return Answer(b'{"data":%b,"code":0}' % (head + contents.encode("utf-8", "replace")))


def replay_dead_letter(services: Services, _call: Call, letter_id: str) -> Answer:
    """Try one once more; it is gone when its target has taken it."""
    services.rules.dead_letters.replay(_number(letter_id))
    return OK


def delete_dead_letter(services: Services, _call: Call, letter_id: str) -> Answer:
    """Let go of one."""
    services.rules.dead_letters.delete(_number(letter_id))
    return OK


def replay_dead_letters_of(services: Services, _call: Call, rule_id: str) -> Answer:
    """Try all of a rule once more, in their order, for as long as there is room."""
    done = services.rules.dead_letters.replay_all(rule_id)
    return success({"replayed": done.taken, "left": done.left})


def delete_dead_letters_of(services: Services, _call: Call, rule_id: str) -> Answer:
    """Let go of all of a rule."""
    return success({"deleted": services.rules.dead_letters.delete_all(rule_id)})


def switch_recorder(services: Services, call: Call, rule_id: str) -> Answer:
    """Have a rule keep the latest messages and events that it is about, or forget them."""
    wanted = call.params.get("enable")
    if wanted not in (True, False, "true", "false"):
        raise ServiceError(ResultCode.BAD_PARAMETER, "value of 'enable' must be true or false")
    services.rules.recorder.switch(rule_id, is_on=wanted in (True, "true"))
    return OK


def show_recorder(services: Services, _call: Call, rule_id: str) -> Answer:
    """Show what a rule has recorded, the oldest first."""
    return Answer(b'{"data":%b,"code":0}' % services.rules.recorder.show(rule_id))


def try_recorder(services: Services, call: Call, rule_id: str) -> Answer:
    """Run a statement, or the rule's own, over what the rule has recorded."""
    rawsql = call.params.get("rawsql")
    if rawsql is not None and not (isinstance(rawsql, str) and rawsql):
        raise ServiceError(ResultCode.BAD_PARAMETER, "value of 'rawsql' must be a statement")
    return Answer(b'{"data":%b,"code":0}' % services.rules.recorder.try_out(rule_id, rawsql))


ENDPOINTS = rule_rows.endpoints(
    "v4",
    (
        ("GET", "/rule_outbox", show_outbox, "How the outbox of the rules fares"),
        (
            "GET",
            "/rule_dead_letters",
            list_dead_letters,
            "A list of the results that were given up",
        ),
        ("GET", "/rule_dead_letters/:letter_id", show_dead_letter, "Show a dead letter"),
        ("DELETE", "/rule_dead_letters/:letter_id", delete_dead_letter, "Delete a dead letter"),
        (
            "POST",
            "/rule_dead_letters/:letter_id/replay",
            replay_dead_letter,
            "Try a dead letter once more",
        ),
        (
            "POST",
            "/rules/:rule_id/dead_letters/replay",
            replay_dead_letters_of,
            "Try the dead letters of a rule once more",
        ),
        (
            "DELETE",
            "/rules/:rule_id/dead_letters",
            delete_dead_letters_of,
            "Delete the dead letters of a rule",
        ),
        ("PUT", "/rules/:rule_id/recorder", switch_recorder, "Switch the recorder of a rule"),
        ("GET", "/rules/:rule_id/recorder", show_recorder, "Show what a rule has recorded"),
        (
            "POST",
            "/rules/:rule_id/recorder/test",
            try_recorder,
            "Run a statement over what a rule has recorded",
        ),
    ),
)
