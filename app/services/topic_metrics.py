"""Topics whose messages are counted on their own: the database knows which, the loop counts."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence

from sqlalchemy import delete, select

from app.broker.topic_metrics import TopicMetrics, TopicRates
from app.clock import Clock
from app.errors import ResultCode, ServiceError
from app.models import Database, TopicMetric
from app.mqtt.topic import InvalidTopic, validate_topic_name
from app.schemas.fields import is_storable
from app.services import audit
from app.services.observation import Door, require

Counts = Mapping[str, int | float]


class TopicMetricsService:
    """Registers topics and shows what was counted. Request threads share it.

    Every method but `stored` raises `ServiceError` while the module is not loaded.
    """

    def __init__(
        self, database: Database, door: Door, clock: Clock, engine: TopicMetrics | None = None
    ) -> None:
        """Take what it works with.

        Args:
            database: Where registrations are.
            door: The way to the loop.
            clock: Wall time, for the order of registrations.
            engine: What counts; one that is not running yet by default.
        """
        self.engine = engine or TopicMetrics()
        self._database = database
        self._door = door
        self._clock = clock
        # Otherwise a registration and a removal of one topic could end differently here and on the loop.
        self._change = threading.Lock()

    def list(self) -> Mapping[str, Counts]:
        """Return what was counted, by topic, in the order of registration."""
        require(self.engine)
        return self._door.call(self.engine.rows)

    def get(self, topic: str) -> Counts:
        """Return what was counted on one topic; nothing where it is not registered.

        Raises:
            ServiceError: It is no topic name.
        """
        require(self.engine)
        _check(topic)
        return self._door.call(self.engine.row, topic) or {}

    def past_rates(self, topic: str) -> TopicRates:
        """Return the rates of a topic over the last half hour.

        Raises:
            ServiceError: It is not registered.
        """
        require(self.engine)
        found = self._door.call(self.engine.past_rates, topic)
        if found is None:
            raise ServiceError(ResultCode.NOT_FOUND)
        return found

    def register(self, params: Mapping[str, object]) -> None:
        """Count a topic from now on; one too many is passed over without a word, as EMQX does.

        Args:
            params: `topic`.

        Raises:
            ServiceError: The topic is missing, or is no topic name.
        """
        require(self.engine)
        topic = params.get("topic")
        if topic is None:
            raise ServiceError(ResultCode.MISSING_PARAMETER, "missing_required_params", bare=True)
        name = _check(topic)
        with self._change:
            if not self._door.call(self.engine.register, name):
                return
            try:
                self._store(name)
            except BaseException:
                self._door.call(self.engine.unregister, name)
                raise

    def unregister(self, topic: str) -> None:
        """Count a topic no more; one that was not counted is no error.

        Raises:
            ServiceError: It is no topic name.
        """
        require(self.engine)
        _check(topic)
        with self._change:
            with self._database.session() as session:
                row = session.get(TopicMetric, _digest(topic))
                if row is not None:
                    session.delete(row)
                    audit.record(session, "topic_metrics.delete", topic)
            self._door.call(self.engine.unregister, topic)

    def unregister_all(self) -> None:
        """Count no topic any more."""
        require(self.engine)
        with self._change:
            with self._database.session() as session:
                if session.scalar(select(TopicMetric.topic_sha256).limit(1)) is not None:
                    session.execute(delete(TopicMetric))
                    audit.record(session, "topic_metrics.delete_all", "")
            self._door.call(self.engine.unregister_all)

    def stored(self) -> Sequence[str]:
        """Return the registered topics, for a module that is loaded."""
        order = (TopicMetric.created_at, TopicMetric.topic_sha256)
        with self._database.reading() as session:
            return session.scalars(select(TopicMetric.topic).order_by(*order)).all()

    def _store(self, topic: str) -> None:
        with self._database.session() as session:
            digest = _digest(topic)
            if session.get(TopicMetric, digest) is None:
                row = TopicMetric(
                    topic_sha256=digest, topic=topic, created_at=self._clock.wall_ms()
                )
                session.add(row)
                audit.record(session, "topic_metrics.create", topic)


def _check(topic: object) -> str:
    if isinstance(topic, str) and is_storable(topic):
        try:
            validate_topic_name(topic)
        except InvalidTopic:
            pass
        else:
            return topic
    raise ServiceError(ResultCode.BAD_TOPIC, "invalid_topic_name", bare=True)


def _digest(topic: str) -> str:
    return hashlib.sha256(topic.encode()).hexdigest()
