"""The steps of the schema, up and down, on every database."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from app.config import Settings
from app.models import Base, Database, DatabaseError, is_at_head, migrate
from app.models.migration import MIGRATIONS_DIR, alembic_config

STEPS = [step.revision for step in ScriptDirectory(str(MIGRATIONS_DIR)).walk_revisions()][::-1]
NAMED = {
    "apps": {"pk_apps"},
    "banned": {"pk_banned", "ck_banned_kind", "ix_banned_until"},
    "installation_facts": {"pk_installation_facts"},
    "users": {"pk_users", "ck_users_role"},
    "audit_log": {"pk_audit_log", "ix_audit_log_at"},
    "config_overrides": {"pk_config_overrides"},
    "extension_states": {"pk_extension_states", "ck_extension_states_kind"},
    "data_files": {"pk_data_files", "ix_data_files_created_at"},
    "mqtt_credentials": {"pk_mqtt_credentials", "ck_mqtt_credentials_kind"},
    "sasl_credentials": {"pk_sasl_credentials"},
    "acl_rules": {
        "pk_acl_rules",
        "ck_acl_rules_kind",
        "ck_acl_rules_action",
        "ck_acl_rules_access",
        "ix_acl_rules_kind_login_action_topic_sha256",
    },
    "rules": {"pk_rules"},
    "resources": {"pk_resources"},
    "schemas": {"pk_schemas"},
    "topic_metrics": {"pk_topic_metrics"},
    "traces": {"pk_traces", "ck_traces_type"},
    "dashboard_logins": {
        "pk_dashboard_logins",
        "ix_dashboard_logins_username",
        "ix_dashboard_logins_expires_at",
    },
}


def tables(database: Database) -> set[str]:
    with database.connection() as connection:
        return set(inspect(connection).get_table_names()) - {"alembic_version"}


def test_an_empty_database_is_brought_to_the_newest_step(empty_settings: Settings) -> None:
    assert not is_at_head(empty_settings)
    migrate(empty_settings)
    assert is_at_head(empty_settings)


def test_a_second_start_changes_nothing(empty_settings: Settings) -> None:
    migrate(empty_settings)
    migrate(empty_settings)
    assert is_at_head(empty_settings)


def test_autogenerate_finds_nothing_to_do(migrated_settings: Settings) -> None:
    with closing(Database(migrated_settings)) as database, database.connection() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_every_step_can_be_taken_back_and_taken_again(empty_settings: Settings) -> None:
    with closing(Database(empty_settings)) as database:
        seen = [tables(database)]
        for step in STEPS:
            with database.connection() as connection:
                command.upgrade(alembic_config(connection), step)
            seen.append(tables(database))
        for number in range(len(STEPS), 0, -1):
            assert tables(database) == seen[number]
            with database.connection() as connection:
                command.downgrade(alembic_config(connection), "-1")
        assert tables(database) == seen[0] == set()
    migrate(empty_settings)
    assert is_at_head(empty_settings)


def test_every_constraint_has_the_name_that_we_gave_it(migrated_settings: Settings) -> None:
    with closing(Database(migrated_settings)) as database, database.connection() as connection:
        inspector = inspect(connection)
        for table, names in NAMED.items():
            found = {check["name"] for check in inspector.get_check_constraints(table)}
            found |= {index["name"] for index in inspector.get_indexes(table)}
            found.add(inspector.get_pk_constraint(table)["name"])
            if database.url.get_backend_name() == "mysql":
                # MariaDB calls every primary key PRIMARY, whatever it was told.
                found |= {f"pk_{table}"}
            assert names <= found


def test_a_database_of_a_newer_version_is_refused_in_one_sentence(
    empty_settings: Settings,
) -> None:
    migrate(empty_settings)
    with closing(Database(empty_settings)) as database, database.session() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for use in (migrate, is_at_head):
        with pytest.raises(DatabaseError, match=r"schema 9999, which is newer than this version"):
            use(empty_settings)


def test_nodes_that_start_together_take_turns(empty_settings: Settings) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from app.config import DatabaseSettings, Settings\n"
        "from app.models import migrate\n"
        "migrate(Settings(Path(), database=DatabaseSettings(url=sys.argv[1])))"
    )
    command = [sys.executable, "-c", program, empty_settings.database_url]
    nodes = [subprocess.Popen(command, cwd=MIGRATIONS_DIR.parent) for _ in range(3)]
    assert [node.wait(30) for node in nodes] == [0, 0, 0]
    assert is_at_head(empty_settings)
