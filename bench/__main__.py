"""`python -m bench [--rows NAME…] [--runs N] [--seconds S] [--set KEY=VALUE…]`: measure, print, write."""

from __future__ import annotations

import argparse
import resource
import shutil
import sys
from fnmatch import fnmatch

from bench.build import built
from bench.measure import Conditions, Figures, MeasuringError, measure, typical
from bench.report import Cell, table, write_results
from bench.rows import ROWS, ApiLoad, Row
from bench.servers import GODWIT, MOSQUITTO, SERVERS


def main() -> None:
    """Measure the rows that were asked for."""
    options = _options()
    _raise_file_limit()
    for program in ("load", "api_load"):
        built(program)
    servers = tuple(options.servers) or SERVERS
    if shutil.which("mosquitto") is None and servers != (GODWIT,):
        print("mosquitto is not installed: our figures stand alone", file=sys.stderr)
        servers = (GODWIT,)
    conditions = Conditions(
        options.seconds, options.server_cores, options.load_core, dict(options.set)
    )
    tables = {}
    for row in _chosen(options.rows):
        tables[row.name] = table(row, _measure_row(row, servers, options.runs, conditions))
        print(tables[row.name], flush=True)
        if not options.dry:
            command = " ".join(["python -m bench", *sys.argv[1:]])
            write_results({row.name: tables[row.name]}, command, conditions)


def _measure_row(
    row: Row, servers: tuple[str, ...], runs: int, conditions: Conditions
) -> list[Cell]:
    """Measure all lines of a row in turn, and that several times, so that drift hits them alike."""
    plain = servers if not row.api else tuple(s for s in servers if s in (GODWIT, MOSQUITTO))
    lines: list[tuple[str, ApiLoad | None]] = [(server, None) for server in plain]
    if GODWIT in servers:
        lines += [(GODWIT, api) for api in row.api]
    found: dict[tuple[str, ApiLoad | None], list[Figures]] = {line: [] for line in lines}
    for run in range(1, runs + 1):
        for server, api in lines:
            try:
                figures = measure(server, row.load, api, conditions)
            except MeasuringError as error:
                _progress(f"{row.name} {run}/{runs} {server}: FAILED: {error}")
                continue
            found[server, api].append(figures)
            beside = f" beside {api.name}" if api else ""
            _progress(
                f"{row.name} {run}/{runs} {server}{beside}: {figures['msgs_per_s']:,.0f} msgs/s, "
                f"p99 {figures['p99_us'] / 1000:.2f} ms, {figures['lost']:.0f} lost"
            )
    return [
        Cell(server, api.name if api else "", typical(measured))
        for (server, api), measured in found.items()
        if measured
    ]


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
    add("--rows", nargs="+", default=[], metavar="NAME", help="rows to measure; * is a wildcard")
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
