"""Facts of the report of a calibration: its files, their bytes, and that it can be made of whatever came out."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest

from simcore.calibrate import report
from simcore.calibrate.evidence import gather
from simcore.calibrate.folder import load
from simcore.calibrate.plan import Asked
from simcore.calibrate.plots import PLOTS, chosen_pairs, draw
from simcore.calibrate.report import build, cautions, short_labels
from simcore.calibrate.report_tables import RULE_WORDS, best_table, nearest_table, shown_value
from simcore.calibrate.run import calibrate
from simcore.calibrate.verdict import RULES, Terms
from simcore.config import load_config
from simcore.errors import CalibrateError
from simcore.report import canvas
from simcore.report.wording import ABSENT
from simcore.tape.read import Tape
from simcore.tape.write import TapeWriter
from tests.blackbox.command import SAMPLE
from tests.calibrate.flows import exponential, maker, write_days
from tests.calibrate.judged import GRID, case_of, hill, noise

GRID_KEYS = {"spread.half_spread_ticks": [20, 40, 80], "spread.vol_window_ticks": [300, 600]}


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    """Return four days of flow."""
    return write_days(tmp_path_factory.mktemp("days"), exponential, 1, 4)


def searched(days, out, grid=None, **more):
    """Return the folder of a calibration of these days."""
    options = {"objective": "net", "splits": "walk-forward:train=2,test=1", **more}
    return calibrate(Asked(grid or GRID_KEYS, days, maker(160), **options), out, jobs=1).folder


@pytest.fixture(scope="module")
def folder(days, tmp_path_factory):
    """Return a calibration with its report."""
    out = searched(days, tmp_path_factory.mktemp("report") / "out", constraints=("fills>=1",))
    build(out)
    return out


def test_all_files_are_there(folder):
    """Two pages, the verdict, and a picture for each name."""
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    assert {"report.html", "report.md", "verdict.json", *(f"plots/{name}.png" for name in PLOTS)} <= names
    assert not [name for name in names if name.endswith(".part")]


def test_the_same_bytes_each_time(folder):
    """Built again, nothing changes."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    build(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_the_page_begins_with_the_verdict_and_is_whole(folder):
    """It opens offline: all pictures are inside; each rule is named."""
    page = (folder / "report.html").read_text()
    verdict = json.loads((folder / "verdict.json").read_text())
    heading = re.search(r"<h1>(.*?)</h1>", page)[1]
    assert heading == (f"Adopt trial {verdict['winner']}" if verdict["adopt"] else "Keep your current parameters")
    assert page.count("data:image/png;base64,") == len(PLOTS)
    assert not re.search(r'(src|href)="http', page)
    assert "width=device-width" in page
    assert "prefers-color-scheme: dark" in page
    for rule in verdict["rules"]:
        assert RULE_WORDS[rule["rule"]] in page


def test_the_verdict_file_says_what_the_page_says(folder):
    """In figures, none of them missing or infinite."""
    text = (folder / "verdict.json").read_text()
    assert "NaN" not in text
    assert "Infinity" not in text
    verdict = json.loads(text)
    markdown = (folder / "report.md").read_text()
    assert verdict["sentence"] in markdown
    assert len(verdict["rules"]) == len(RULES)
    assert verdict["trials"] == {**verdict["trials"], "here": 7, "whole": 7, "ever": 7}
    assert [fold["test"] for fold in verdict["folds"]] == [[2], [3]]
    assert verdict["held_out"]["intervals"] == 600
    assert verdict["cross_validation"]["combinations"] == 12_870
    assert verdict["days"]["labels"] == ["flow-1", "flow-2", "flow-3", "flow-4"]
    assert verdict["limits"]["deflated_min"] == 0.95


def test_another_calibration_of_the_same_days_counts(days, tmp_path):
    """Trials of both are counted, and so the deflated Sharpe ratio falls."""
    first = build(searched(days, tmp_path / "first"))
    second = build(searched(days, tmp_path / "second", {"spread.half_spread_ticks": [30, 50, 60, 70]}))
    assert first.evidence.case.ever == 7
    assert second.evidence.case.ever == 7 + 4
    assert second.evidence.deflation > first.evidence.deflation


def test_without_splits_the_page_says_what_is_missing(days, tmp_path):
    """It is built, and nothing is adopted."""
    verdict = build(searched(days, tmp_path / "out", splits=None))
    assert not verdict.adopt
    text = (tmp_path / "out" / "report.md").read_text()
    assert text.startswith("# Keep your current parameters\n")
    assert "No days were held out" in text
    assert {rule.rule for rule in verdict.reasons if rule.text == "Not known without held-out days."} == {"better", "objective", "steady", "track", "constraints"}


def test_what_cannot_be_chosen_or_held_out_is_said(days, tmp_path):
    """A world that is kinder is no better maker; a day within another is not held out."""
    assert not cautions(load(searched(days[:2], tmp_path / "plain", splits=None)))
    tape = Tape.open(days[0])
    part = tmp_path / "part.parquet"
    with TapeWriter(part, tape.meta) as writer:
        writer.append(tape.head(tape.rows // 2))
    out = searched([days[0], part], tmp_path / "out", {"fees.maker_bps": [0, 1], "latency.place.ms": [1, 2]}, splits=None)
    overlap, world = build(out).notes[-2:]
    assert "overlap in time" in overlap
    assert world.startswith("fees.maker_bps, latency.place.ms are assumptions")
    assert overlap in (out / "report.md").read_text()


def test_periods_of_a_day_name_their_tape_once(tmp_path):
    base = load_config(None, ["strategy.name=demo_maker", "run.to=2024-01-01T03:00:00Z"])
    found = calibrate(Asked({"spread.half_spread_bps": [0.5, 1]}, (SAMPLE,), base, splits="walk-forward:train=2h,test=1h"), tmp_path / "out")
    build(found.folder)
    assert (found.folder / "report.md").read_text().count(found.days[0].content_hash) == 1


def test_one_day_without_splits(days, tmp_path):
    """The least that can be asked."""
    verdict = build(searched(days[:1], tmp_path / "out", {"spread.half_spread_ticks": [40]}, splits=None))
    assert not verdict.adopt
    assert verdict.winner == 1


def test_constraints_that_nobody_keeps(days, tmp_path):
    """The calibration ends with an error; its report names the nearest misses."""
    with pytest.raises(CalibrateError, match="CAL-016"):
        searched(days, tmp_path / "out", constraints=("fills>=1e9",))
    verdict = build(tmp_path / "out")
    assert (verdict.adopt, verdict.winner) == (False, None)
    text = (tmp_path / "out" / "report.md").read_text()
    assert "of 6 trials break a constraint on the train days" in text
    assert "Asked for: fills>=1e+09." in text


def test_limits_of_sums_are_in_proportion_on_test_days(days, tmp_path):
    """700 fills in two train days are 350 in one test day; a share of fills is the same share on any."""
    folder = searched(days, tmp_path / "out", constraints=("fills>=700", "taker_share<=0"))
    case, fills = report.case_of(load(folder)), load(folder).figures((3,))["fills"]
    assert ((case.excess((3,)) == 0.0) == (fills >= 350)).all()
    assert 0 < np.count_nonzero(fills >= 350) < len(fills)
    assert ((case.excess((1, 2)) == 0.0) == (load(folder).figures((1, 2))["fills"] >= 700)).all()


@pytest.mark.parametrize("objective", ["sharpe", "max_drawdown", "net_bps"])
def test_other_objectives(days, tmp_path, objective):
    """A ratio, one of which less is better, and one in bps: the winner is in the better half."""
    verdict = build(searched(days, tmp_path / "out", objective=objective))
    gains = verdict.evidence.train_gains
    assert gains[verdict.winner] >= np.median(gains)
    assert (gains[verdict.winner] < 0) == (objective == "max_drawdown")
    assert json.loads((tmp_path / "out" / "verdict.json").read_text())["objective"] == objective


def test_drawn_points_and_labels(days, tmp_path):
    """A random search over a range and a queue model: neighbours are the nearest, slices are in bins."""
    grid = {"spread.half_spread_ticks": {"from": 10, "to": 160, "log": True}, "venue.queue_model": ["power3", "risk_averse"]}
    verdict = build(searched(days, tmp_path / "out", grid, search="random", trials=30))
    assert verdict.evidence.space.kind == "nearest"
    assert 15 < verdict.evidence.case.params["spread.half_spread_ticks"][verdict.winner] < 90
    assert "…" in verdict.evidence.slices[0].labels[0]


@pytest.mark.parametrize("values", [[0, 1.5], [None, 0, 1.5]])
def test_a_key_that_is_null_unless_it_is_set(values, days, tmp_path):
    """The current parameters have no number there, and stand beside the others, or among them as a label."""
    out = searched(days, tmp_path / "out", {"fees.maker_bps": values, "spread.half_spread_ticks": [40, 80]})
    verdict = build(out)
    assert verdict.evidence.case.params.iloc[0, 0] is None
    (axis,) = (axis for axis in verdict.evidence.space.axes if axis.name == "fees.maker_bps")
    assert axis.numbers == ((0.0, 1.5) if None not in values else ())
    assert f"| 0 (current) | {ABSENT} |" in (out / "report.md").read_text()


def test_a_folder_without_a_calibration_is_refused(tmp_path):
    """With a code."""
    with pytest.raises(CalibrateError, match="CAL-019"):
        build(tmp_path)


# --- tables and pictures of arrays ------------------------------------------------------------------------------------


def test_the_best_trials_come_first_and_the_old_weights_last():
    """By the mean with their neighbours; winner, peak and current parameters are named."""
    evidence = gather(case_of([day + hill() for day in noise(1)]))
    table = best_table(evidence, Terms("net", "USD", 1, "USD"))
    assert "winner" in table.rows[0][0]
    assert table.rows[-1][0] == "0 (current)"
    assert len(table.rows) == 11
    assert all(len(row) == len(table.head) == len(table.numeric) for row in table.rows)
    wider = best_table(evidence, Terms("net"), {"net": np.zeros(13), "fills": np.array([math.nan, *range(12)])})
    assert wider.head[-2:] == ("fills", "constraints")
    assert wider.rows[-1][-2] == "—"


def test_near_misses_are_sorted_by_how_far_beyond_they_are():
    """Trials that keep all are not among them."""
    def excess(_days):
        return [0.0, *(0.1 * (k % 5) for k in range(len(GRID)))]

    evidence = gather(case_of(noise(1), excess=lambda chosen: np.array(excess(chosen))))
    table = nearest_table(evidence, Terms())
    beyond = [row[-1] for row in table.rows]
    assert beyond == ["10.0 %", "10.0 %", "10.0 %", "20.0 %", "20.0 %"]
    assert table.note.startswith("9 of 12 trials")


@pytest.mark.parametrize("name", PLOTS)
@pytest.mark.parametrize("kind", ["usual", "nothing held out", "nobody", "still", "short"])
def test_each_picture_can_be_drawn_of_anything(name, kind):
    """Without held-out days, without a winner, of curves that do not move, of too few intervals: a PNG, and no warning."""
    days = noise(1, intervals=1 if kind == "short" else 8)
    more = {"folds": ()} if kind == "nothing held out" else {"excess": lambda _: hill() + 1.0} if kind == "nobody" else {}
    if kind == "still":
        days = [0.0 * day for day in days]
    evidence = gather(case_of(days, **more))
    assert canvas.png_bytes(draw(name, evidence, Terms("net", "USD", 1, "USD"))).startswith(b"\x89PNG")


def test_the_pairs_that_matter_are_drawn():
    """At most six; none of one parameter alone."""
    evidence = gather(case_of([day + hill() for day in noise(1)]))
    assert [(one.name, two.name) for one, two in chosen_pairs(evidence)] == [("a", "b")]


def test_labels_of_days_are_short_where_they_stay_clear():
    """What all have in common goes; bare small numbers stay as they were."""
    assert short_labels(["btc-20240101-l2", "btc-20240102-l2"]) == ("20240101", "20240102")
    assert short_labels(["btc-l2+0h", "btc-l2+12h"]) == ("0h", "12h")
    assert short_labels(["day-1", "day-2"]) == ("day-1", "day-2")
    assert short_labels(["same", "same-2"]) == ("same", "same-2")
    assert short_labels(["one"]) == ("one",)


def test_values_of_parameters_are_shown_as_they_are():
    """Numbers rounded, switches and labels as words, what is not set as a dash."""
    assert [shown_value(value) for value in (0.5, 10, True, "power3", None)] == ["0.5", "10", "True", "power3", "—"]
