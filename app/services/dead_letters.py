"""Dead letters: results of rules that were given up, to be looked at, tried once more, and let go of.

The outbox keeps them; this room decides nothing about what becomes one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from app.errors import ResultCode, ServiceError
from app.models import Database
from app.rules.engine import RuleEngine
from app.rules.outbox.file import DeadLetter, Outbox
from app.rules.outbox.letters import NotReadable, read
from app.services import audit
from app.services.observation import Door

ANSWER_TIMEOUT_S = 10.0
REPLAYED_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class DeadLettersPage:
    """Dead letters, the newest first."""

    letters: Sequence[DeadLetter]
    total: int
    has_next: bool


@dataclass(frozen=True, slots=True)
class OutboxFigures:
    """How the outbox of the node fares."""

    waiting: int
    """Results on disk, of all actions."""
    dead_letters: int
    dead_letters_dropped: int
    """Dead letters that made room for newer ones since the node started."""
    not_written: int
    """Results that the disk did not take since then; they went on in memory."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of many."""

    taken: int
    """Those that are being tried once more; they are gone when their target has taken them."""
    left: int
    """Those for which there was no room, or no action."""


class DeadLettersService:
    """Shows, replays and removes dead letters. Request threads share it."""

    def __init__(self, engine: RuleEngine, outbox: Outbox, database: Database, door: Door) -> None:
        """Take what it works with.

        Args:
            engine: Tries them once more.
            outbox: Where they are.
            database: Where it is noted who did what.
            door: The way to the engine.
        """
        self._engine = engine
        self._outbox = outbox
        self._database = database
        self._door = door

    def figures(self) -> OutboxFigures:
        """Return how the outbox fares."""
        outbox = self._outbox
        return OutboxFigures(
            outbox.count_waiting(),
            outbox.dead_letters,
            outbox.dead_letters_dropped,
            outbox.failures,
        )

    def list(self, rule_id: str | None, offset: int, limit: int) -> DeadLettersPage:
        """Return dead letters of a rule, or of all."""
        found = self._outbox.read_dead(rule_id, offset, limit + 1)
        total = self._outbox.dead_letters if rule_id is None else self._outbox.count_dead(rule_id)
        return DeadLettersPage(found[:limit], total, len(found) > limit)

    def get(self, number: int) -> DeadLetter:
        """Return one.

        Raises:
            ServiceError: NOT_FOUND.
        """
        found = self._outbox.find_dead(number)
        if found is None:
            raise ServiceError(ResultCode.NOT_FOUND)
        return found

    def contents(self, number: int) -> tuple[DeadLetter, dict[str, Any], dict[str, Any]]:
        """Return one with the result that was given up, and the event that the result is of.

        Raises:
            ServiceError: NOT_FOUND, or it cannot be read.
        """
        letter = self.get(number)
        try:
            item = read(letter.letter)
        except NotReadable as error:
            raise ServiceError(ResultCode.BAD_REQUEST, f"It cannot be read: {error}") from None
        return letter, dict(item.output), dict(item.event)

    def replay(self, number: int) -> None:
        """Try one once more; it is gone when its target has taken it.

        Raises:
            ServiceError: There is none, its action is gone, or has no room.
        """
        letter = self.get(number)
        if not self._door.call(self._engine.replay, [letter]):
            raise ServiceError(
                ResultCode.BAD_REQUEST, "Its action is there no more, or its queue is full"
            )
        self._note("dead_letter.replay", str(number))

    def replay_all(self, rule_id: str) -> Replayed:
        """Try all of a rule once more, in their order, for as long as there is room."""
        taken, last = 0, 0
        while letters := self._outbox.next_dead(rule_id, last, REPLAYED_AT_ONCE):
            count = self._door.call(self._engine.replay, letters)
            taken += count
            last = letters[-1].number
            if count < len(letters):
                break
        else:
            self._note("dead_letter.replay", rule_id)
            return Replayed(taken, 0)
        self._note("dead_letter.replay", rule_id)
        left = len(letters) - count + len(self._outbox.next_dead(rule_id, last, -1))
        return Replayed(taken, left)

    def delete(self, number: int) -> None:
        """Let go of one.

        Raises:
            ServiceError: NOT_FOUND.
        """
        if not self._answer(lambda told: self._outbox.delete_dead(number, told)):
            raise ServiceError(ResultCode.NOT_FOUND)
        self._note("dead_letter.delete", str(number))

    def delete_all(self, rule_id: str) -> int:
        """Let go of all of a rule; return how many there were."""
        count = self._answer(lambda told: self._outbox.delete_dead_of(rule_id, told))
        self._note("dead_letter.delete", rule_id)
        return count

    def _answer(self, ask: Callable[[Callable[[Any], None]], None]) -> int:
        answer: Future[Any] = Future()
        ask(answer.set_result)
        try:
            result = answer.result(ANSWER_TIMEOUT_S)
        except TimeoutError:
            raise ServiceError(ResultCode.BADRPC, "The outbox did not answer in time") from None
        if isinstance(result, sqlite3.Error):
            raise ServiceError(ResultCode.BADRPC, f"The outbox cannot be written: {result}")
        return int(result)

    def _note(self, action: str, target: str) -> None:
        with self._database.session() as session:
            audit.record(session, action, target)
