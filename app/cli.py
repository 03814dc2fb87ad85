"""The command line: `flask godwit …`, or `python -m app.cli …` without loading the application.

Commands import what they need when they run, since `make run` waits for `prepare`.
"""

from __future__ import annotations

import os
from pathlib import Path

import click


@click.group()
def godwit() -> None:
    """Look after a Godwit node."""


@godwit.command()
def prepare() -> None:
    """Check that a node can start here, and bring its database up to date."""
    from app.config import SettingsError, load_settings
    from app.start_checks import check_start, migrate_database
    from app.startup import StartError, refuse

    try:
        settings = load_settings(os.environ)
        check_start(settings)
        migrate_database(settings)
    except (SettingsError, StartError) as error:
        refuse(error)


@godwit.command("config-docs")
def config_docs() -> None:
    """Print docs/configuration.md, made from the settings table."""
    from app.config.page import configuration_page

    click.echo(configuration_page(), nl=False)


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
