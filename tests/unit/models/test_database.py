"""The database's set-up and its refusals; on SQLite, since the servers have suites of their own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from app.config import DatabaseSettings, Settings
from app.models import Database, DatabaseError, InstallationFact, migrate
from app.models.database import database_url

PASSWORD = "pa55w0rd"


def settings_for(folder: Path, url: str = "") -> Settings:
    return Settings(folder, database=DatabaseSettings(url=url))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    migrate(settings_for(tmp_path))
    database = Database(settings_for(tmp_path))
    yield database
    database.close()


def facts(database: Database) -> list[str]:
    with database.reading() as session:
        return sorted(session.scalars(text("SELECT name FROM installation_facts")))


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("postgresql://u:p@h/d", "postgresql+psycopg"),
        ("postgres://u:p@h/d", "postgresql+psycopg"),
        ("postgresql+psycopg2://u:p@h/d", "postgresql+psycopg"),
        ("mysql://u:p@h/d", "mysql+pymysql"),
        ("mariadb://u:p@h/d", "mysql+pymysql"),
        ("mysql+mysqldb://u:p@h/d", "mysql+pymysql"),
        ("sqlite:////var/lib/godwit.db", "sqlite"),
    ],
)
def test_every_dialect_gets_the_driver_that_we_ship(given: str, driver: str) -> None:
    assert database_url(settings_for(Path(), given)).drivername == driver


def test_the_default_is_a_file_in_the_instance_folder(tmp_path: Path) -> None:
    assert database_url(settings_for(tmp_path)).database == str(tmp_path / "godwit.db")


@pytest.mark.parametrize(
    "url", ["nonsense", f"oracle://u:{PASSWORD}@h/d", "sqlite://", "sqlite:///:memory:"]
)
def test_a_url_that_cannot_be_used_is_refused_in_one_sentence(url: str) -> None:
    with pytest.raises(DatabaseError, match=r"^The setting database\.url .*\.$") as caught:
        Database(settings_for(Path(), url))
    assert PASSWORD not in str(caught.value)


def test_a_password_is_never_shown() -> None:
    database = Database(settings_for(Path(), f"postgresql://u:{PASSWORD}@h/d"))
    assert PASSWORD not in repr(database)
    assert PASSWORD not in repr(database.engine)


@pytest.mark.parametrize("dialect", ["postgresql", "mysql"])
def test_a_server_out_of_reach_is_told_in_one_sentence(dialect: str) -> None:
    # Port 1 of loopback: nobody listens there, and asking costs no time.
    settings = settings_for(Path(), f"{dialect}://user:{PASSWORD}@127.0.0.1:1/godwit")
    with pytest.raises(DatabaseError, match=r"see that the server runs") as caught:
        migrate(settings)
    assert PASSWORD not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 5_000)],
)
def test_connections_to_sqlite_are_safe(database: Database, pragma: str, value: object) -> None:
    for use in (database.session, database.reading):
        with use() as session:
            assert session.scalar(text(f"PRAGMA {pragma}")) == value


def test_the_files_are_their_owner_s_alone(database: Database, tmp_path: Path) -> None:
    with database.session() as session:
        session.execute(text("DELETE FROM installation_facts"))
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("godwit.db*")}
    assert modes
    assert set(modes.values()) == {0o600}


def test_a_transaction_that_raises_leaves_nothing(database: Database) -> None:
    def fail_half_way() -> None:
        with database.session() as session:
            session.add(InstallationFact(name="half", value="done"))
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert facts(database) == []


def test_a_reader_does_not_wait_for_a_writer_and_sees_no_half_of_its_work(
    database: Database,
) -> None:
    with database.session() as session:
        session.add(InstallationFact(name="new", value=""))
        session.flush()
        assert facts(database) == []
    assert facts(database) == ["new"]


def test_writers_that_look_before_they_write_take_turns(database: Database) -> None:
    with database.session() as session:
        session.add(InstallationFact(name="counter", value="0"))

    def count() -> None:
        for _ in range(10):
            with database.session() as session:
                fact = session.get_one(InstallationFact, "counter")
                fact.value = str(int(fact.value) + 1)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as session:
        assert session.get_one(InstallationFact, "counter").value == "40"
