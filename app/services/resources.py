"""Resources: what rules talk to. The database is the truth, the engine on the loop works with a copy.

A change is tried on the loop first and committed then, so that what cannot work is not kept. Whether a target can be
reached is no reason to refuse anything: it is looked for in the background.

Source: EMQX 4.4 `emqx_rule_engine_api`.
"""

from __future__ import annotations

import concurrent.futures
import logging
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import Clock
from app.errors import ResultCode, ServiceError
from app.models import Database, Resource
from app.rules.engine import RuleEngine
from app.rules.errors import BadArguments, ResourceDown
from app.rules.resources.base import ResourceSpec, ResourceType
from app.rules.running_resources import PROBE_TIMEOUT_S
from app.schemas.fields import is_storable
from app.schemas.rule import ResourceSchema, ResourceUpdateSchema
from app.secret_box import SecretBox, SecretBoxError
from app.services import audit
from app.services.followed_change import followed_change
from app.services.masking import unmasked
from app.services.observation import Door

log = logging.getLogger(__name__)

CONFIG_MAX_LENGTH = 4_000_000
"""As JSON."""


@dataclass(frozen=True, slots=True)
class ResourceRecord:
    """One resource as it may leave this room."""

    id: str
    type: str
    config: Mapping[str, Any] = field(repr=False)
    description: str
    created_at: int | None

    @property
    def spec(self) -> ResourceSpec:
        """Return what the engine works with."""
        return ResourceSpec(self.id, self.type, self.config)


def bad_arguments(error: object) -> ServiceError:
    """Return the refusal of what cannot be, in EMQX's form."""
    return ServiceError(ResultCode.BAD_REQUEST, f"Bad Arguments: {error}")


class ResourcesService:
    """Makes, shows, changes and removes resources. Request threads share it."""

    def __init__(
        self, database: Database, box: SecretBox, clock: Clock, door: Door, engine: RuleEngine
    ) -> None:
        """Take what it works with.

        Args:
            database: Where resources are.
            box: What their configurations are sealed with.
            clock: Tells when one was made.
            door: The way to the engine.
            engine: What works with them.
        """
        self._database = database
        self._box = box
        self._clock = clock
        self._door = door
        self._engine = engine
        self._schema = ResourceSchema()
        self._update_schema = ResourceUpdateSchema()
        self.change = threading.RLock()
        """Held while a resource or a rule changes: a rule needs resources, a resource in use stays."""
        self.users_of: Callable[[str], Sequence[str]] = lambda _resource_id: ()
        """Tells which enabled rules need a resource; set by who knows the rules."""
        self._records: dict[str, ResourceRecord] = {}

    # -- reading ---------------------------------------------------------------------------------

    def types(self) -> Sequence[ResourceType]:
        """Return the kinds of resources that there are."""
        return self._engine.registry.resource_types()

    def type(self, name: str) -> ResourceType:
        """Return a kind of resource.

        Raises:
            ServiceError: NOT_FOUND.
        """
        found = self._engine.registry.resource_type(name)
        if found is None:
            raise ServiceError(ResultCode.NOT_FOUND)
        return found

    def list(self, type_name: str | None = None) -> Sequence[ResourceRecord]:
        """Return the resources, or those of one kind, in the order in which they were made."""
        found = sorted(self._records.values(), key=lambda one: (one.created_at or 0, one.id))
        return [one for one in found if type_name in (None, one.type)]

    def get(self, resource_id: str) -> ResourceRecord:
        """Return a resource.

        Raises:
            ServiceError: NOT_FOUND.
        """
        found = self._records.get(resource_id)
        if found is None:
            raise ServiceError(ResultCode.NOT_FOUND)
        return found

    def exists(self, resource_id: str) -> bool:
        """Tell whether there is a resource."""
        return resource_id in self._records

    def is_alive(self, resource_id: str) -> bool:
        """Tell whether a resource's target was there when last looked for."""
        return self._engine.resources.is_alive(resource_id)

    def status(self, resource_id: str) -> bool:
        """Tell the same of one that must be there.

        Raises:
            ServiceError: BAD_REQUEST; there is none.
        """
        self._known(resource_id)
        return self.is_alive(resource_id)

    def type_of(self, resource_id: str) -> str:
        """Return which kind a resource is of.

        Raises:
            ServiceError: BAD_REQUEST; there is none.
        """
        return self._known(resource_id).type

    def _known(self, resource_id: str) -> ResourceRecord:
        found = self._records.get(resource_id)
        if found is None:
            raise ServiceError(ResultCode.BAD_REQUEST, f"Resource {resource_id} Not Found")
        return found

    # -- changing --------------------------------------------------------------------------------

    def create(self, params: Mapping[str, object]) -> ResourceRecord:
        """Make a resource; its target need not be there.

        Args:
            params: `type`, `config`, and if wanted `id` and `description`.

        Raises:
            ServiceError: It cannot be.
        """
        wanted = self._read(params)
        with self.change:
            if wanted.id in self._records:
                raise ServiceError(ResultCode.BAD_REQUEST, "Already Exists")
            with self._changing(wanted) as session:
                session.add(
                    Resource(
                        id=wanted.id,
                        type=wanted.type,
                        config_encrypted=self._sealed(wanted.config),
                        description=wanted.description,
                        created_at=wanted.created_at,
                    )
                )
                audit.record(session, "resource.create", wanted.id, after=_audited(wanted))
        return wanted

    def update(self, resource_id: str, params: Mapping[str, object]) -> None:
        """Change a resource that no enabled rule needs.

        Args:
            resource_id: Which one.
            params: `config` and `description`, or one of them.

        Raises:
            ServiceError: There is none, it is in use, or what is wanted cannot be.
        """
        values = self._update_schema.read(params)
        with self.change:
            before = self._records.get(resource_id)
            if before is None:
                raise ServiceError(ResultCode.BAD_REQUEST, f"Resource not found:{resource_id}")
            self._refuse_if_used(resource_id)
            wanted = before
            if "config" in values:
                given = unmasked(values["config"] or {}, before.config)
                config = self._checked(before.type, given)
                wanted = replace(wanted, config=config)
            if "description" in values:
                wanted = replace(wanted, description=values["description"])
            with self._changing(wanted) as session:
                row = _row(session, resource_id)
                row.config_encrypted = self._sealed(wanted.config)
                row.description = wanted.description
                audit.record(
                    session,
                    "resource.update",
                    resource_id,
                    before=_audited(before),
                    after=_audited(wanted),
                )

    def delete(self, resource_id: str) -> None:
        """Remove a resource that no enabled rule needs; one that is not there is no error.

        Raises:
            ServiceError: It is in use.
        """
        with self.change:
            before = self._records.get(resource_id)
            if before is None:
                return
            self._refuse_if_used(resource_id)
            with self._database.session() as session:
                session.delete(_row(session, resource_id))
                audit.record(session, "resource.delete", resource_id, before=_audited(before))
            del self._records[resource_id]
            self._door.call(self._engine.resources.remove, resource_id)

    def reconnect(self, resource_id: str) -> None:
        """Connect anew, now.

        Raises:
            ServiceError: There is none, or its target cannot be reached.
        """
        with self.change:
            record = self._known(resource_id)
            self._apply(record)
        try:
            self._probe(record.spec)
        except (ResourceDown, BadArguments):
            raise ServiceError(ResultCode.INTERNAL_ERROR, "Init resource failure!") from None

    def test(self, params: Mapping[str, object]) -> None:
        """Try a configuration out without keeping it.

        Raises:
            ServiceError: It cannot be, or its target cannot be reached.
        """
        wanted = self._read(params)
        try:
            self._probe(wanted.spec)
        except ResourceDown as error:
            raise bad_arguments(f"{{resource_down,{error}}}") from None
        except BadArguments as error:
            raise bad_arguments(error) from None

    # -- for the engine ----------------------------------------------------------------------------

    def stored(self) -> Sequence[ResourceSpec]:
        """Read all resources anew, for an engine that starts. One that cannot be decrypted is logged and left out."""
        with self.change:
            with self._database.reading() as session:
                rows = session.scalars(select(Resource)).all()
                read = [self._record(row) for row in rows]
            self._records = {one.id: one for one in read if one is not None}
            self._make_ready(self._records.values())
            return [one.spec for one in self._records.values()]

    def apply_stored(self, keys: Iterable[tuple[str, ...]]) -> None:
        """Take on resources that others wrote into the database.

        Args:
            keys: Their ids.

        Raises:
            ServiceError: The node did not answer in time.
        """
        if not self._engine.is_running:
            return
        with self.change:
            for (resource_id,) in keys:
                with self._database.reading() as session:
                    row = session.get(Resource, resource_id)
                    record = self._record(row) if row is not None else None
                if record is None:
                    continue
                self._records[resource_id] = record
                self._make_ready([record])
                try:
                    self._door.call(self._engine.resources.put, record.spec)
                except BadArguments as error:
                    log.warning("The resource %s cannot work: %s", resource_id, error)

    # -- the insides -----------------------------------------------------------------------------

    def _read(self, params: Mapping[str, object]) -> ResourceRecord:
        if params.get("id") == "":
            raise bad_arguments("{empty_string_not_allowed,id}")
        values = self._schema.read(params)
        given = values["config"] or {}
        before = self._records.get(values.get("id", ""))
        if before is not None and before.type == values["type"]:
            # Whoever tries a resource out as he was shown it means what is behind the mask.
            given = unmasked(given, before.config)
        config = self._checked(values["type"], given)
        return ResourceRecord(
            values.get("id") or f"resource:{secrets.token_hex(4)}",
            values["type"],
            config,
            values.get("description", ""),
            self._clock.wall_ms(),
        )

    def _checked(self, type_name: str, config: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a configuration as it is kept, which is as it was given."""
        kind = self._engine.registry.resource_type(type_name)
        if kind is None:
            raise ServiceError(ResultCode.BAD_REQUEST, f"Resource Type {type_name} Not Found")
        text = orjson.dumps(config).decode()
        if len(text) > CONFIG_MAX_LENGTH or not is_storable(text):
            raise bad_arguments("{config_too_large}")
        kind.make_ready()
        try:
            kind.checked(config)
        except BadArguments as error:
            raise bad_arguments(error) from None
        return config

    def _probe(self, spec: ResourceSpec) -> None:
        kind = self._engine.registry.resource_type(spec.type)
        if kind is None:
            raise ResourceDown(f"{spec.type} is not loaded")
        checked = ResourceSpec(spec.id, spec.type, kind.checked(spec.config))
        answer = self._door.call(self._engine.resources.begin_probe, checked)
        try:
            answer.result(2 * PROBE_TIMEOUT_S)
        except concurrent.futures.TimeoutError:
            raise ResourceDown("no answer in time") from None

    def _changing(self, wanted: ResourceRecord) -> AbstractContextManager[Session]:
        return followed_change(
            self._database,
            self._records,
            wanted,
            self._apply,
            lambda one: self._door.call(self._engine.resources.remove, one),
        )

    def _apply(self, record: ResourceRecord) -> None:
        try:
            self._door.call(self._engine.resources.put, record.spec)
        except BadArguments as error:
            raise bad_arguments(error) from None

    def _refuse_if_used(self, resource_id: str) -> None:
        users = self.users_of(resource_id)
        if users:
            shown = ",".join(f'<<"{one}">>' for one in users)
            raise ServiceError(
                ResultCode.BAD_REQUEST,
                f"Found rules [{shown}] depends on this resource, disable them first",
            )

    def _sealed(self, config: Mapping[str, Any]) -> str:
        return self._box.seal(orjson.dumps(config, option=orjson.OPT_SORT_KEYS).decode())

    def _make_ready(self, records: Iterable[ResourceRecord]) -> None:
        for name in {one.type for one in records}:
            kind = self._engine.registry.resource_type(name)
            if kind is not None:
                kind.make_ready()

    def _record(self, row: Resource) -> ResourceRecord | None:
        try:
            config = orjson.loads(self._box.open(row.config_encrypted))
        except (SecretBoxError, orjson.JSONDecodeError) as error:
            log.warning("The resource %s cannot be read: %s", row.id, error)
            return None
        return ResourceRecord(row.id, row.type, config, row.description, row.created_at)


def _row(session: Session, resource_id: str) -> Resource:
    row = session.get(Resource, resource_id)
    if row is None:
        raise ServiceError(ResultCode.BAD_REQUEST, f"Resource {resource_id} Not Found")
    return row


def _audited(record: ResourceRecord) -> dict[str, object]:
    return {
        "type": record.type,
        "config": dict(record.config),
        "description": record.description,
    }
