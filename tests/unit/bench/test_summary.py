"""What the summary of the benchmarks claims, and what it must not claim."""

from __future__ import annotations

import pytest

from bench.measure import Figures, derived
from bench.report import Cell, Measured
from bench.rows import Kind, Load, Row, Target
from bench.servers import AMQTT, GODWIT, MOSQUITTO, MOSQUITTO_NODELAY
from bench.summary import HEAD, Compared, compared, reaches, summary_line

ROW = Row("pair", "two in love", Load(1, 1), Target(rate=2, cpu=1.5))
FLEET = Row("fleet", "at a fixed rate", Load(1, 1, rate=1_000), Target(rate=0.99))
MEMORY = Row("idle", "waiting", Load(0, 0, idle=10), Target(bytes_each=3_000), Kind.MEMORY)
FREE = Row("free", "for its own sake", Load(1, 1))


def figures(msgs_per_s: float, cpu_s: float = 1.0, **more: float) -> Figures:
    """Return figures of one second in which nothing went wrong."""
    none = dict.fromkeys(("lost", "duplicated", "reordered", "refused", "closed"), 0.0)
    raw = {
        "msgs_per_s": msgs_per_s,
        "measured_messages": msgs_per_s,
        "watched_cpu_s": cpu_s,
        "own_cpu_share": 0.25,
        "clients": 10.0,
        "connect_s": 1.0,
        "connect_cpu_s": 0.5,
        "connect_own_cpu_s": 0.1,
        "rss_before_kb": 0.0,
        "watched_rss_kb": 20.0,
        **none,
        **more,
    }
    return raw | derived(raw)


def measured(row: Row, **by_server: Figures) -> Measured:
    names = {"ours": GODWIT, "plain": MOSQUITTO, "nodelay": MOSQUITTO_NODELAY, "amqtt": AMQTT}
    return Measured(row, [Cell(names[key], "", found) for key, found in by_server.items()])


def fields(line: str) -> dict[str, str]:
    """Return the texts of a line; of columns of one name the last one's."""
    titles = [title.strip() for title in HEAD.splitlines()[0].strip("|").split("|")]
    texts = [text.strip() for text in line.strip("|").split("|")]
    return dict(zip(titles, texts, strict=True))


@pytest.mark.parametrize(
    ("plain", "nodelay", "said"),
    [
        (100, 100, "yes"),
        (100, 300, "no: not against nodelay"),
        (300, 100, "no: only against nodelay"),
        (300, 300, "no"),
    ],
)
def test_a_target_counts_as_reached_only_against_both_settings(
    plain: float, nodelay: float, said: str
) -> None:
    line = summary_line(
        measured(ROW, ours=figures(250), plain=figures(plain), nodelay=figures(nodelay))
    )
    assert fields(line)["reached against both"] == said


def test_what_was_compared_with_one_setting_only_is_not_called_reached() -> None:
    line = summary_line(measured(ROW, ours=figures(900), plain=figures(100)))
    assert fields(line)["reached against both"] == "not compared with both"


def test_a_lost_message_of_ours_spoils_the_row() -> None:
    good = figures(100)
    line = fields(
        summary_line(measured(ROW, ours=figures(900, lost=3.0), plain=good, nodelay=good))
    )
    assert line["reached against both"] == "no: faults"
    assert line["faults"] == "3 lost"


def test_a_failed_run_of_ours_spoils_the_row_though_the_others_were_good() -> None:
    good = figures(100)
    cells = measured(ROW, ours=figures(900), plain=good, nodelay=good).cells
    line = fields(summary_line(Measured(ROW, cells, {GODWIT: "godwit failed in run 2 of 3."})))
    assert line["reached against both"] == "no: faults"
    assert line["faults"] == "a failed run"


def test_less_cpu_than_mosquitto_is_above_one() -> None:
    found = compared(Kind.MESSAGES, figures(100, cpu_s=0.5), figures(100, cpu_s=1.0))
    assert found == Compared(rate=1.0, cpu=2.0, bytes_each=0)


def test_connects_are_compared_by_their_own_rate_and_cost() -> None:
    ours, theirs = figures(0, connect_s=2.0), figures(0, connect_cpu_s=0.25)
    assert compared(Kind.CONNECTS, ours, theirs) == Compared(rate=0.5, cpu=0.5, bytes_each=0)


@pytest.mark.parametrize(("kb", "reached"), [(20.0, True), (40.0, False)])
def test_memory_is_held_to_bytes_for_each_connection(kb: float, reached: bool) -> None:
    found = compared(Kind.MEMORY, figures(0, watched_rss_kb=kb), figures(0))
    assert found.bytes_each == kb * 102.4
    assert reaches(MEMORY, found) is reached


def test_a_row_without_target_claims_nothing() -> None:
    good = figures(100)
    line = summary_line(measured(FREE, ours=good, plain=good, nodelay=good))
    assert fields(line)["reached against both"] == "no target"


def test_a_row_without_our_figures_says_so() -> None:
    assert fields(summary_line(measured(ROW, plain=figures(100))))["reached against both"] == (
        "not measured"
    )


def test_the_load_generator_is_shown_where_it_was_busiest() -> None:
    busy = figures(100, own_cpu_share=0.97)
    line = summary_line(measured(ROW, ours=figures(100), plain=busy))
    assert fields(line)["highest load CPU"] == "97%"


@pytest.mark.parametrize(
    ("row", "delivered", "said"), [(ROW, 10, "25.00"), (FLEET, 10, "it cannot keep up")]
)
def test_amqtt_has_a_ratio_where_it_can_run_the_row(row: Row, delivered: float, said: str) -> None:
    line = summary_line(measured(row, ours=figures(250), amqtt=figures(delivered)))
    assert line.rstrip("| ").endswith(said)


def test_variants_of_our_server_are_compared_with_each_other_and_not_called_unmeasured() -> None:
    row = Row("hashes", "of ours", Load(0, 0, idle=1), variants=("godwit, a", "godwit, b"))
    assert fields(summary_line(Measured(row, [])))["reached against both"].startswith("ours beside")
