"""Trying dead letters once more. A letter stays where it is until its target has taken it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.clock import Clock
from app.rules.actions.running import Replayed, RunningAction
from app.rules.outbox.file import DeadLetter, Outbox, Owner
from app.rules.outbox.letters import NotReadable, read
from app.rules.rule import RunningRule


def replay(
    rules: Mapping[str, RunningRule],
    outbox: Outbox | None,
    letters: Sequence[DeadLetter],
    clock: Clock,
) -> int:
    """Try dead letters once more; to be called on the loop.

    Args:
        rules: Those that there are, by id.
        outbox: Where the letters are.
        letters: In the order in which they are tried.
        clock: Tells when one is given up again.

    Returns:
        How many of them, from the first one on, were taken up; the next one found no action, or no room.
    """
    if outbox is None:
        return 0
    for count, letter in enumerate(letters):
        if letter.number in outbox.replaying:
            continue
        action = _action(rules, letter.owner)
        if action is None:
            return count
        try:
            item = read(letter.letter)
        except NotReadable as error:
            outbox.give_up_again(letter.number, f"it cannot be read: {error}", clock.wall_ms())
            continue
        outbox.replaying.add(letter.number)
        if not action.replay(item, _done(outbox, letter.number, clock)):
            outbox.replaying.discard(letter.number)
            return count
    return len(letters)


def _done(outbox: Outbox, number: int, clock: Clock) -> Replayed:
    def done(reason: str | None) -> None:
        outbox.replaying.discard(number)
        if reason:
            outbox.give_up_again(number, reason, clock.wall_ms())
        elif reason is not None:
            outbox.delete_dead(number)

    return done


def _action(rules: Mapping[str, RunningRule], owner: Owner) -> RunningAction | None:
    rule = rules.get(owner.rule)
    found = (one for top in rule.actions for one in top.walk()) if rule is not None else ()
    return next((one for one in found if one.id == owner.action), None)
