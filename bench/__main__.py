"""`python -m bench [--rows NAME…] [--runs N] [--seconds S] [--set KEY=VALUE…]`: measure, print, write."""

from __future__ import annotations

import argparse
import importlib
import resource
import shutil
import sys
from collections.abc import Iterator
from fnmatch import fnmatch

from app.compiled_form import FORM, MODULES
from bench.baseline import installed_amqtt
from bench.build import built
from bench.measure import Conditions, Figures, MeasuringError, measure, typical
from bench.report import Cell, Measured, details
from bench.results import write_results
from bench.rows import MOSQUITTO, ROWS, ApiLoad, Kind, Row
from bench.servers import AMQTT, GODWIT, MOSQUITTO_NODELAY, SERVERS
from bench.summary import HEAD, summary_line


def main() -> None:
    """Measure the rows that were asked for."""
    options = _options()
    _raise_file_limit()
    for program in ("load", "api_load"):
        built(program)
    servers = tuple(_available(tuple(options.servers) or SERVERS))
    conditions = Conditions(
        options.seconds, options.server_cores, options.load_core, dict(options.set)
    )
    lines = []
    for row in _chosen(options.rows):
        measured = _measure_row(row, servers, options.runs, conditions)
        lines.append(summary_line(measured))
        print(details(measured), flush=True)
        if not options.dry:
            write_results(measured, _note(options.runs, conditions))
    print("\n".join([HEAD, *lines]))


def _available(wanted: tuple[str, ...]) -> Iterator[str]:
    """Yield the servers that can be started here, and say which cannot."""
    missing = set()
    if shutil.which("mosquitto") is None:
        missing |= {MOSQUITTO, MOSQUITTO_NODELAY}
    if AMQTT in wanted and installed_amqtt() is None:
        missing.add(AMQTT)
    for server in wanted:
        if server in missing:
            _progress(f"{server} is not measured: it is not installed, and cannot be from here.")
        else:
            yield server


def _measure_row(row: Row, servers: tuple[str, ...], runs: int, conditions: Conditions) -> Measured:
    """Measure all lines of a row in turn, and that several times, so that drift hits them alike."""
    plain = row.variants or servers
    if row.api:
        plain = tuple(s for s in servers if s in (GODWIT, MOSQUITTO))
    lines: list[tuple[str, ApiLoad | None]] = [(server, None) for server in plain]
    if GODWIT in plain:
        lines += [(GODWIT, api) for api in row.api]
    found: dict[tuple[str, ApiLoad | None], list[Figures]] = {line: [] for line in lines}
    failures: dict[str, str] = {}
    for run in range(1, runs + 1):
        for server, api in lines:
            # What fails for lack of ability, after a long wait, would fail as slowly again.
            if server in failures and not found[server, api]:
                continue
            try:
                figures = measure(server, row.load, api, conditions)
            except MeasuringError as error:
                failures[server] = f"{server} failed in run {run} of {runs}: {error}."
                _progress(f"{row.name}: {failures[server]}")
                continue
            found[server, api].append(figures)
            _progress(_said(row, f"{run}/{runs}", f"{server} {api.name if api else ''}", figures))
    cells = [
        Cell(server, api.name if api else "", typical(measured))
        for (server, api), measured in found.items()
        if measured
    ]
    return Measured(row, cells, failures)


def _said(row: Row, run: str, server: str, figures: Figures) -> str:
    result = {
        Kind.MESSAGES: f"{figures['msgs_per_s']:,.0f} msgs/s, p99 {figures['p99_us'] / 1000:.2f} ms, "
        f"{figures['lost']:.0f} lost",
        Kind.CONNECTS: f"{figures['connects_per_s']:,.0f} connects/s",
        Kind.MEMORY: f"{figures['bytes_each']:,.0f} bytes each",
    }[row.kind]
    return f"{row.name} {run} {server}: {result}"


def _note(runs: int, conditions: Conditions) -> str:
    command = " ".join(["python -m bench", *sys.argv[1:]])
    note = (
        f"`{command}`: median of {runs}, {conditions.seconds:g} s a run, server on core "
        f"{conditions.server_cores}, load on core {conditions.load_core}."
    )
    if conditions.overrides:
        changed = ", ".join(f"`{key}={value}`" for key, value in conditions.overrides.items())
        note += f" Changed settings: {changed}."
    importlib.import_module(MODULES[0])
    return f"{note} {FORM.sentence()}."


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _chosen(patterns: list[str]) -> list[Row]:
    rows = [row for row in ROWS if not patterns or any(fnmatch(row.name, p) for p in patterns)]
    if not rows:
        raise SystemExit(f"There is no such row; there are {', '.join(row.name for row in ROWS)}.")
    return rows


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    add = parser.add_argument
    add(
        "--rows",
        "--only",
        nargs="+",
        default=[],
        metavar="NAME",
        help="rows to measure; * is a wildcard",
    )
    add("--servers", nargs="+", default=[], choices=SERVERS, help="servers to measure")
    add("--runs", type=int, default=3, help="runs of each line (3)")
    add("--seconds", type=float, default=3.0, help="measured time of a run (3)")
    add("--server-cores", default="0", help="cores for the server (0); such as 0,1")
    add("--load-core", default="1", help="cores for the load generators (1)")
    add("--set", action="append", type=_setting, default=[], metavar="KEY=VALUE")
    add("--dry", action="store_true", help="do not write RESULTS.md")
    return parser.parse_args()


def _setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"write {text} as KEY=VALUE")
    return key, value


def _raise_file_limit() -> None:
    """Let the servers, which inherit it, hold thousands of connections."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main()
