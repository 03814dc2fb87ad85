"""Writing what the tables hold as an export of EMQX 4.4, which EMQX and Godwit import.

What EMQX's format has no place for stands beside it, where EMQX does not look: users whose password only Argon2 can
check, logins with Mosquitto's hashes, and a few members of applications, rules and logins. It keeps no file:
`data_files` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import Clock, local_datetime
from app.models import Database
from app.schemas.fields import UNDEFINED
from app.secret_box import SecretBox
from app.services.data_files import DataFileRecord, DataFilesService
from app.services.data_items import EMQX_HASH, OWN
from app.services.data_sections import CREDENTIALS, SECTIONS, USERS

VERSION = "4.4"
"""The release whose form this is."""
FOREVER = "infinity"
_ROWS_AT_A_TIME = 1_000


class ExportService:
    """Exports the tables. Request threads share it."""

    def __init__(
        self, database: Database, box: SecretBox, clock: Clock, files: DataFilesService
    ) -> None:
        """Take what it works with."""
        self._database = database
        self._box = box
        self._clock = clock
        self._files = files

    def run(self) -> DataFileRecord:
        """Export everything into a new file.

        Raises:
            SecretBoxError: A secret was sealed with another key.
        """
        text = orjson.dumps(self.document()).decode()
        return self._files.store(text, "data.export")

    def document(self) -> dict[str, object]:
        """Return what an export holds now, as of one moment.

        Raises:
            SecretBoxError: A secret was sealed with another key.
        """
        document: dict[str, object] = {
            "version": VERSION,
            "date": local_datetime(self._clock.wall_ms()),
        }
        own: dict[str, object] = {}
        with self._database.reading() as session:
            for section in SECTIONS:
                rows = _rows(session, section.model, section.key)
                if section is USERS:
                    own["users"] = [_own_user(row) for row in rows]
                    rows = [row for row in rows if row.password_hash.startswith(EMQX_HASH)]
                elif section is CREDENTIALS:
                    foreign = [row for row in rows if row.password_hash.startswith("$")]
                    own["auth_mnesia"] = [_own_credential(row) for row in foreign]
                    rows = [row for row in rows if not row.password_hash.startswith("$")]
                document[section.name] = [_WRITERS[section.name](row, self._box) for row in rows]
        return {**document, OWN: own}


def _rows(session: Session, model: type[Any], key: tuple[str, ...]) -> list[Any]:
    order = [getattr(model, name) for name in key]
    return list(
        session.scalars(select(model).order_by(*order).execution_options(yield_per=_ROWS_AT_A_TIME))
    )


def _resource(row: Any, box: SecretBox) -> dict[str, object]:
    return {
        "id": row.id,
        "type": row.type,
        # Erlang cannot tell an empty object from an empty list, and writes the list.
        "config": orjson.loads(box.open(row.config_encrypted)) or [],
        "created_at": row.created_at,
        "description": row.description,
    }


def _rule(row: Any, _box: SecretBox) -> dict[str, object]:
    item = {
        "id": row.id,
        "rawsql": row.rawsql,
        "enabled": row.enabled,
        "description": row.description,
        "actions": row.actions,
    }
    return item if row.on_action_failed == "continue" else {**item, "on_action_failed": "stop"}


def _ban(row: Any, _box: SecretBox) -> dict[str, object]:
    # EMQX's importer takes an address as character codes only.
    who = [ord(character) for character in row.who] if row.kind == "peerhost" else row.who
    item = {
        "who": {row.kind: who},
        "by": row.by,
        "reason": row.reason,
        "at": row.at,
        # EMQX compares this with numbers, and Erlang holds every text to be above them.
        "until": FOREVER if row.until is None else row.until,
    }
    # EMQX 4 has no such text, and its importer passes over what it does not know.
    return item if row.desc is None else {**item, "desc": row.desc}


def _app(row: Any, box: SecretBox) -> dict[str, object]:
    item = {
        "id": row.app_id,
        "secret": box.open(row.secret_encrypted),
        "name": UNDEFINED if row.name is None else row.name,
        "desc": UNDEFINED if row.desc is None else row.desc,
        "status": UNDEFINED if row.status is None else row.status,
        "expired": UNDEFINED if row.expired is None else row.expired,
    }
    return item if row.permission == "full" else {**item, "permission": row.permission}


def _user(row: Any, _box: SecretBox) -> dict[str, object]:
    return {
        "username": row.username,
        "password": row.password_hash.removeprefix(EMQX_HASH),
        "tags": row.tags,
    }


def _own_user(row: Any) -> dict[str, object]:
    return {
        "username": row.username,
        "password_hash": row.password_hash,
        "tags": row.tags,
        "role": row.role,
        "must_change_password": row.must_change_password,
    }


def _credential(row: Any, _box: SecretBox) -> dict[str, object]:
    item = {
        "login": row.login,
        "type": row.kind,
        "password": row.password_hash,
        "created_at": row.created_at,
    }
    return {**item, "is_superuser": True} if row.is_superuser else item


def _own_credential(row: Any) -> dict[str, object]:
    return {
        "login": row.login,
        "type": row.kind,
        "password_hash": row.password_hash,
        "is_superuser": row.is_superuser,
        "created_at": row.created_at,
    }


def _acl(row: Any, _box: SecretBox) -> dict[str, object]:
    return {
        "type": row.kind,
        **({} if row.kind == "all" else {"type_value": row.login}),
        "topic": row.topic,
        "action": row.action,
        "access": row.access,
        "created_at": row.created_at,
    }


def _schema(row: Any, _box: SecretBox) -> dict[str, object]:
    definition: dict[str, object] = row.definition
    return definition


_WRITERS: Mapping[str, Callable[[Any, SecretBox], dict[str, object]]] = MappingProxyType(
    {
        "resources": _resource,
        "rules": _rule,
        "blacklist": _ban,
        "apps": _app,
        "users": _user,
        "auth_mnesia": _credential,
        "acl_mnesia": _acl,
        "schemas": _schema,
    }
)
