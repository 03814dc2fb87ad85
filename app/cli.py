"""The command line: `godwit …` or `python -m app.cli …`; `flask godwit …` loads the application first.

Commands import what they need when they run, since `make run` waits for `prepare`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

if TYPE_CHECKING:
    from app.config import Settings
    from app.services.backup import BackupService

EMQX_DATA = "emqx-data"
IMPORT_KINDS = (
    EMQX_DATA,
    "emqx-conf",
    "acl-conf",
    "mosquitto-conf",
    "mosquitto-passwords",
    "mosquitto-acl",
    "mosquitto-dynsec",
    "hbmqtt",
)
"""Of these all but the first are in `app.importers.kinds`, which is only loaded when one is read."""


class Godwit(click.Group):
    """All commands; those that talk to a running node are loaded when one of them is meant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted([*super().list_commands(ctx), "ctl"])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name."""
        if cmd_name == "ctl":
            from app.ctl.main import ctl

            return ctl
        return super().get_command(ctx, cmd_name)


@click.group(cls=Godwit)
def godwit() -> None:
    """Look after a Godwit node."""


@godwit.command()
@click.option("--sockets-held", is_flag=True, help="Leave out addresses: systemd listens there.")
def prepare(*, sockets_held: bool) -> None:
    """Check that a node can start here, and bring its database up to date."""
    from app.config import SettingsError, load_settings
    from app.start_checks import check_start, listening_keys, migrate_database
    from app.startup import StartError, private_files, refuse

    try:
        settings = load_settings(os.environ)
        with private_files():
            check_start(settings, listening_keys(settings) if sockets_held else ())
            migrate_database(settings)
    except (SettingsError, StartError) as error:
        refuse(error)


@godwit.command("config-docs")
def config_docs() -> None:
    """Print docs/configuration.md, made from the settings table."""
    from app.config.page import configuration_page

    click.echo(configuration_page(), nl=False)


_PROGRESS_LINES = click.option(
    "--progress-lines", is_flag=True, help="Print lines of rows done and rows in all, for programs."
)


@godwit.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--passphrase-file", type=click.File(), help="First line: what encrypts the backup.")
@click.option("--same-key", is_flag=True, help="Leave secrets under this instance's own key.")
@_PROGRESS_LINES
def backup(
    file: Path, *, passphrase_file: TextIO | None, same_key: bool, progress_lines: bool
) -> None:
    """Save database, sessions and messages to FILE, which any of our databases can be restored from."""
    if (passphrase_file is None) is not same_key:
        raise click.UsageError(
            "Choose what protects the secrets: --passphrase-file FILE for a backup that any "
            "instance can restore, or --same-key for one that needs this instance's key."
        )
    passphrase = _passphrase(passphrase_file)
    with (
        _backups(needs_standstill=False) as service,
        _progress(service.count(), "Saving", as_lines=progress_lines) as progress,
    ):
        saved = service.save(file, passphrase, progress)
    click.echo(f"Saved {saved.rows} rows to {file}.")
    if passphrase is None:
        click.echo("Keep the instance's key apart from it: without that key its secrets are lost.")


@godwit.command("check-backup")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--passphrase-file", type=click.File(), help="First line: what it was made with.")
@_PROGRESS_LINES
def check_backup(file: Path, *, passphrase_file: TextIO | None, progress_lines: bool) -> None:
    """Read FILE to its end and say whether this instance could be restored from it."""
    passphrase = _passphrase(passphrase_file)
    with (
        _backups(needs_standstill=False) as service,
        _progress(service.inspect(file).rows, "Reading", as_lines=progress_lines) as progress,
    ):
        found = service.check(file, passphrase, progress)
    click.echo(f"{file} is whole: {found.rows} rows, saved by Godwit {found.version}.")


@godwit.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--passphrase-file", type=click.File(), help="First line: what it was made with.")
@click.option("--yes", is_flag=True, help="Do not ask before everything is replaced.")
def restore(file: Path, *, passphrase_file: TextIO | None, yes: bool) -> None:
    """Replace everything by what FILE holds; the node must not run."""
    passphrase = _passphrase(passphrase_file)
    with _backups(needs_standstill=True) as service:
        found = service.inspect(file)
        if not yes:
            click.echo(f"{file} has {found.rows} rows, saved by Godwit {found.version}.")
            click.confirm("Replace everything that this instance has now?", abort=True)
        # Every row is read twice: once to see that the file is whole.
        with click.progressbar(length=2 * found.rows, label="Restoring") as bar:
            service.restore(file, passphrase, bar.update)
    click.echo(f"Restored {found.rows} rows from {file}.")


def _passphrase(file: TextIO | None) -> str | None:
    from app.services.backup_file import BackupError, check_passphrase

    if file is None:
        return None
    passphrase = file.readline().rstrip("\r\n")
    try:
        check_passphrase(passphrase)
    except BackupError as error:
        raise click.ClickException(str(error)) from None
    return passphrase


@contextmanager
def _progress(total: int, label: str, *, as_lines: bool) -> Iterator[Callable[[int], object]]:
    """Give what is told how many more rows are done, and shows it."""
    if not as_lines:
        with click.progressbar(length=total, label=label) as bar:
            yield bar.update
        return
    done = shown = 0

    def told(more: int) -> None:
        nonlocal done, shown
        done += more
        # A line for each row would take longer than the row.
        if done == total or (done - shown) * 100 >= total:
            shown = done
            click.echo(f"{done} {total}")

    click.echo(f"0 {total}")
    yield told


@contextmanager
def _backups(*, needs_standstill: bool) -> Iterator[BackupService]:
    """Give the service over this instance's database."""
    from app.services.backup import BackupService

    with (
        _offline(needs_standstill=needs_standstill, needs_tables=True) as settings,
        BackupService.opened(settings) as service,
    ):
        yield service


@contextmanager
def _offline(*, needs_standstill: bool, needs_tables: bool) -> Iterator[Settings]:
    """Give the settings of an instance; turn what is refused within the block into one sentence.

    Args:
        needs_standstill: Whether the node must be stopped, and stays so; its database is brought up to date then.
        needs_tables: Whether the database must be up to date where nothing is to be changed.
    """
    from app.actor import Actor, acting, login_name
    from app.config import SettingsError, load_settings
    from app.errors import ServiceError
    from app.importers.plan import ImportRefusedError
    from app.secret_box import SecretBoxError
    from app.services.backup_file import BackupError
    from app.services.offline import OfflineError
    from app.start_checks import check_database, check_instance_dir, migrate_database
    from app.startup import LOCK_FILE, InstanceLock, StartError, private_files

    refusals = (SettingsError, StartError, SecretBoxError, BackupError, OfflineError, OSError)
    with ExitStack() as stack:
        try:
            settings = load_settings(os.environ)
            stack.enter_context(private_files())
            check_instance_dir(settings.instance_dir)
            if needs_standstill:
                lock = InstanceLock(settings.instance_dir / LOCK_FILE)
                lock.acquire()
                stack.callback(lock.release)
                migrate_database(settings)
            elif needs_tables:
                check_database(settings)
            stack.enter_context(acting(Actor("cli", login_name())))
            yield settings
        except BrokenPipeError:
            # Whoever read the report has seen enough; click ends quietly.
            raise
        except (*refusals, ImportRefusedError) as error:
            raise click.ClickException(str(error)) from None
        except ServiceError as error:
            raise click.ClickException(getattr(error, "reason", error.message)) from None


@godwit.command("import")
@click.argument("kind", type=click.Choice(IMPORT_KINDS))
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--logins-are",
    type=click.Choice(["clientid", "username"]),
    help="What the logins of an emqx-data file from before 4.3 are.",
)
@click.option("--yes", is_flag=True, help="Write what is taken; the node must not run.")
def import_(kind: str, file: Path, *, logins_are: str | None, yes: bool) -> None:
    """Report what can be taken from another broker's FILE; change nothing without --yes."""
    with _offline(needs_standstill=yes, needs_tables=kind == EMQX_DATA) as settings:
        if kind == EMQX_DATA:
            _import_data(settings, file, logins_are, yes=yes)
        else:
            _import_plan(settings, kind, file, yes=yes)
    click.echo("Imported." if yes else "Nothing was changed; add --yes to write what is taken.")


def _import_plan(settings: Settings, kind: str, file: Path, *, yes: bool) -> None:
    from app.importers import applying
    from app.importers.kinds import READERS
    from app.importers.settings_file import keys_in
    from app.services.offline import offline_imports

    plan = READERS[kind](file)
    for line in plan.report():
        click.echo(line)
    present = keys_in(settings.instance_dir)
    kept = [key for key in plan.settings if key in present]
    if kept:
        click.echo(f"Kept as godwit.toml has them: {', '.join(kept)}")
    applying.check(plan, settings.instance_dir, str(file))
    if yes:
        with offline_imports(settings) as imports:
            applying.apply(plan, imports, settings.instance_dir, str(file))


def _import_data(settings: Settings, file: Path, logins_are: str | None, *, yes: bool) -> None:
    from app.services.offline import offline_imports

    with offline_imports(settings) as imports:
        difference = imports.import_file(file, logins_are, dry_run=not yes)
    for name, one in difference.items():
        counts = f"{one.added} added, {one.changed} changed, {one.same} the same"
        click.echo(f"{name}: {counts}, {one.conflicts} said twice")
        for row in one.rows:
            click.echo(f"  {row.kind}: {row.name} {', '.join(row.members)}".rstrip())


@godwit.command("import-hbmqtt")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--write", is_flag=True, help="Write what is taken into godwit.toml.")
def import_hbmqtt(file: Path, *, write: bool) -> None:
    """Report what can be taken from an hbmqtt or amqtt YAML file; change nothing without --write."""
    from app.config import SettingsError, load_settings
    from app.importers.hbmqtt import plan_import
    from app.importers.plan import ImportRefusedError
    from app.importers.settings_file import keys_in, merge

    try:
        instance_dir = load_settings(os.environ).instance_dir
        plan = plan_import(file)
        present = keys_in(instance_dir)
        for line in plan.report():
            click.echo(line)
        kept = [key for key in plan.settings if key in present]
        if kept:
            click.echo(f"Kept as godwit.toml has them: {', '.join(kept)}")
        added = merge(instance_dir, plan.settings, str(file), write=write)
    except (SettingsError, ImportRefusedError) as error:
        raise click.ClickException(str(error)) from None
    if write:
        click.echo(f"Wrote {len(added)} settings to {instance_dir / 'godwit.toml'}.")
    else:
        click.echo("Nothing was changed; add --write to write what is taken.")


if __name__ == "__main__":
    godwit(prog_name="python -m app.cli")
