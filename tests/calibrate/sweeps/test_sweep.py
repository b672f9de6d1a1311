"""Sweeps: each point is the run with that setting, intervals and break-even are right, files are the same each time."""

from __future__ import annotations

import csv
import dataclasses
import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from simcore import engine
from simcore.calibrate.sweeps import sweep as sw
from simcore.calibrate.sweeps import sweep_report as rep
from simcore.calibrate.sweeps.single import one_instrument, with_keys
from simcore.config.load import load_config
from simcore.config.model import Config
from simcore.errors import MmsimError
from simcore.tape.read import Tape

DATASETS = Path(__file__).parents[3] / "datasets"
L2 = DATASETS / "synbtc-perp-20240101-l2.parquet"
OTHER = DATASETS / "synes-20240101-l2.parquet"
MINUTE_NS = 60_000_000_000


def maker(minutes=60, **keys):
    start_ts = Tape.open(L2).start_ts
    return load_config(None, [], {"strategy.name": "demo_maker", "run.to": start_ts + round(minutes * MINUTE_NS), **keys})


@pytest.fixture(scope="module")
def latencies():
    return sw.sweep_latency(L2, maker(), [50.0, 0.0, 10.0], drawing=sw.Drawing(repetitions=300))


def test_points_are_the_runs_with_their_latency(latencies):
    """Each point has the counters and the last equity of a single run at that latency, in order of latency."""
    assert [point.values["ms"] for point in latencies.points] == [0.0, 10.0, 50.0]
    tape = Tape.open(L2)
    for point in latencies.points:
        keys = {f"latency.{leg}.ms": point.values["ms"] for leg in ("place", "amend", "cancel", "response")}
        alone = engine.simulate(tape, [with_keys(maker(), keys)])
        lane, last = alone.state.lanes[0], alone.journal.rows("samples")[-1]
        held = int(lane["position_lots"]) * (int(last["bid_ticks"]) + int(last["ask_ticks"])) * 50_000 // 2  # 0.5 × 0.001 in 1e-8
        final = int(lane["cash_units"]) - int(lane["fee_units"]) + held
        assert point.fills == lane["fills"] > 0
        assert point.orders == lane["orders"]
        assert point.net.estimate == pytest.approx(final * 1e-8, rel=1e-12)
        assert point.net_bps.estimate == pytest.approx(1e4 * final / float(lane["turnover_units"]), rel=1e-12)
    assert len({point.net.estimate for point in latencies.points}) == 3


def test_one_leg_alone_is_swept():
    """--leg cancel leaves the way of new orders as it is: 10 ms is the configured latency, so that point is the plain run."""
    only = sw.sweep_latency(L2, maker(10), [10.0, 200.0], legs=["cancel"], drawing=sw.Drawing(repetitions=100))
    plain = engine.simulate(Tape.open(L2), [maker(10)])
    slow = engine.simulate(Tape.open(L2), [with_keys(maker(10), {"latency.cancel.ms": 200.0})])
    assert [point.fills for point in only.points] == [int(each.state.lanes["fills"][0]) for each in (plain, slow)]
    assert only.legs == ("cancel",)


def test_fees_are_paid_at_the_swept_rates():
    """A maker without takers pays turnover × rate, and its fills do not depend on it; break-even is where net is 0."""
    found = sw.sweep_fees(L2, maker(), sw.pair_rates([Decimal(rate) for rate in ("-1", "0", "3")], [Decimal(5)]), sw.Drawing(repetitions=300))
    assert len({point.fills for point in found.points}) == 1
    for point in found.points:
        assert point.taker_fills == 0
        assert point.fees == pytest.approx(point.turnover * point.values["maker_bps"] * 1e-4, rel=1e-6)
    low, middle, high = (point.net.estimate for point in found.points)
    assert middle - high == pytest.approx(3 * (low - middle), rel=1e-6)
    assert low > 0 > high
    (crossing,) = found.crossings
    assert crossing.from_sign == 1
    assert crossing.values["maker_bps"] == pytest.approx(-1 + low / (low - middle) if middle <= 0 else 3 * middle / (middle - high))
    if crossing.low is not None:
        assert crossing.low["maker_bps"] <= crossing.values["maker_bps"]
    assert crossing.high is None or crossing.values["maker_bps"] <= crossing.high["maker_bps"]
    assert "Break-even" in rep.verdict(found)[0]


def test_without_a_break_even_the_edge_before_fees_is_told():
    """Rates that are all too high: what the trades make before fees says how far off they are."""
    found = sw.sweep_fees(L2, maker(), sw.pair_rates([Decimal(20), Decimal(30)], [Decimal(30)]), sw.Drawing(repetitions=100))
    first = found.points[0]
    told = rep.verdict(found)
    assert told[0] == "Net profit is negative at every point."
    assert float(told[1].split("makes ")[1].split(" bps")[0].replace("−", "-")) == pytest.approx(first.net_bps.estimate + 20.0, abs=1e-3)


def test_tiers_are_those_of_the_profile_or_the_configuration():
    """A schedule gives its base rates and each tier's; what a tier leaves out is the base's, and what is not stated the tape's."""
    rates = sw.venue_rates("hyperliquid", L2)
    assert rates[0] == (Decimal("1.5"), Decimal("4.5"))
    assert (Decimal("1.2"), Decimal(4)) in rates
    own = maker(**{"fees.tiers": [{"turnover": 10, "maker_bps": -1}]})
    assert sw.tier_rates(own, Tape.open(L2)) == [(Decimal("-0.2"), Decimal(4)), (Decimal(-1), Decimal(4))]


def test_zeros_are_found_on_straight_lines():
    """A sign that changes between two points, one that ends at 0, and one that never changes."""
    nets = np.array([[2.0, -2.0, -1.0], [1.0, 0.0, -1.0], [1.0, 2.0, 3.0], [-1.0, 3.0, -3.0]])
    zeros = sw._zeros(nets)
    assert zeros[0].tolist()[0] == 0.5
    assert np.isnan(zeros[0][1])
    assert zeros[1].tolist()[0] == 1.0
    assert np.isnan(zeros[1][1])
    assert np.isnan(zeros[2]).all()
    assert zeros[3].tolist() == [0.25, 1.5]
    assert sw._between([{"a": 0.0}, {"a": 10.0}], 0.25) == {"a": 2.5}
    assert sw._between([{"a": 0.0}, {"a": 10.0}], 1.0) == {"a": 10.0}


def crossing_of(levels, noise, count=400):
    """Return the only crossing of points whose changes have these means, in units of the noise's standard error."""
    shared = noise * np.sin(np.arange(count) * 1.7)
    changes = np.stack([level / count + shared for level in levels])
    (found,) = sw._crossings(changes, 5, [{"ms": float(i)} for i in range(len(levels))], sw.Drawing(repetitions=400))
    return found


def test_the_interval_of_break_even_reaches_as_far_as_the_resamples_do():
    """Without noise it is the point; with some it is around it; with much it reaches beyond the points, on both sides."""
    exact = crossing_of([3.0, 1.0, -1.0, -3.0], 0.0)
    assert exact.values == {"ms": 1.5}
    assert exact.low["ms"] == exact.high["ms"] == pytest.approx(1.5)
    assert exact.share == 1.0
    some = crossing_of([3.0, 1.0, -1.0, -3.0], 0.02)
    assert 0.0 < some.low["ms"] < 1.5 < some.high["ms"] < 3.0
    much = crossing_of([3.0, 1.0, -1.0, -3.0], 3.0)
    assert much.low is None
    assert much.high is None
    assert much.share < 0.5
    up = crossing_of([-30.0, -20.0, 0.5, 3.0], 0.2)
    assert up.from_sign == -1
    assert up.low["ms"] > 1.0
    assert up.high is None


def test_break_even_is_told_with_what_is_known_of_it(latencies):
    """Ends beyond the points in words; several crossings without intervals."""
    base = made([(1, 2, 3), (-1, 1, 2), (-3, -1, 0)], latencies)
    told = [
        dataclasses.replace(base, crossings=(sw.Crossing({"ms": 30.0}, 1, *ends, 0.7),)) for ends in ((None, {"ms": 40.0}), ({"ms": 4.0}, None))
    ]
    assert "from before the first point to 40 ms; in 70 % of the resamples" in rep.verdict(told[0])[0]
    assert "from 4 ms to beyond the last point" in rep.verdict(told[1])[0]
    for each in told:
        rep.draw_sweep(each)
    twice = dataclasses.replace(base, crossings=(sw.Crossing({"ms": 3.0}, 1), sw.Crossing({"ms": 30.0}, -1)))
    assert [text.endswith("between the points beside it.") for text in rep.verdict(twice)[:2]] == [True, True]


def made(nets, sweep):
    """Return a sweep with other nets, (low, estimate, high) a point, and the same turnover at each."""
    from simcore.calibrate.intervals import Interval

    points = [dataclasses.replace(sweep.points[i], net=Interval(low, high, middle), turnover=100.0) for i, (low, middle, high) in enumerate(nets)]
    return dataclasses.replace(sweep, points=tuple(points), crossings=())


def test_the_verdict_says_where_the_sign_is_known(latencies):
    """All positive and known: one sentence; unknown at some: they are named; unknown everywhere: it says so."""
    assert rep.verdict(made([(1, 2, 3), (1, 2, 3), (1, 2, 3)], latencies)) == ["Net profit is positive at every point."]
    mixed = rep.verdict(made([(-3, -2, -1), (-3, -1, 1), (-3, -2, -1)], latencies))
    assert mixed == ["Net profit is negative at every point.", "The sign is not known at 95 % at 10 ms: the interval holds 0."]
    assert "every interval holds 0" in rep.verdict(made([(-1, 1, 2)] * 3, latencies))[1]
    assert "Nothing is earned" in rep.verdict(made([(0, 0, 0)] * 3, latencies))[0]


def test_a_fall_of_turnover_is_told(latencies):
    """By more than a fifth of the first point's, in a sweep of latencies only: net bps is what compares."""
    base = made([(1, 2, 3)] * 3, latencies)

    def told(*turnovers, kind=sw.LATENCY):
        points = [dataclasses.replace(point, turnover=turnover) for point, turnover in zip(base.points, turnovers, strict=True)]
        return [text for text in rep.verdict(dataclasses.replace(base, points=tuple(points), kind=kind)) if "urnover falls" in text]

    assert told(100.0, 90.0, 57.0) == ["Turnover falls by 43 % from 0 ms to 50 ms, and profit moved with turnover: net bps is the column to compare."]
    assert len(told(100.0, 79.9, 110.0)) == 1
    assert told(100.0, 80.0, 120.0) == told(0.0, 0.0, 0.0) == told(79.0, 100.0, 100.0) == []
    fallen = dataclasses.replace(base, points=(*base.points[:2], dataclasses.replace(base.points[2], turnover=1.0)))
    assert any("net bps is the column" in text for text in rep.page(fallen).sections[0].text)


def table_of(folder):
    return list(csv.DictReader((folder / "sweep.csv").read_text().splitlines()))


def test_files_hold_the_figures_and_are_the_same_each_time(latencies, tmp_path):
    """CSV and JSON agree with the points; a second folder of the same sweep, played again, has the same bytes."""
    again = sw.sweep_latency(L2, maker(), [0.0, 10.0, 50.0], drawing=sw.Drawing(repetitions=300))
    first, second = rep.write_sweep(latencies, tmp_path / "a"), rep.write_sweep(again, tmp_path / "b")
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert [str(path) for path in files] == ["plots/sweep.png", "report.html", "report.md", "sweep.csv", "sweep.json"]
    for path in files:
        assert (first / path).read_bytes() == (second / path).read_bytes(), path
    table = table_of(first)
    told = json.loads((first / "sweep.json").read_text())
    for row, entry, point in zip(table, told["points"], latencies.points, strict=True):
        assert float(row["net"]) == entry["net"]["estimate"] == point.net.estimate
        assert float(row["net_low"]) == entry["net"]["low"] <= point.net.estimate <= float(row["net_high"])
        assert int(row["fills"]) == entry["fills"] == point.fills
    assert "What it says" in (first / "report.md").read_text()
    assert "base64" in (first / "report.html").read_text()


def test_a_folder_in_use_is_refused(latencies, tmp_path):
    """CAL-004: what is there stays as it was."""
    (tmp_path / "note").write_text("mine")
    with pytest.raises(MmsimError) as caught:
        rep.write_sweep(latencies, tmp_path)
    assert caught.value.code == "CAL-004"
    assert [path.name for path in tmp_path.iterdir()] == ["note"]


def test_a_run_without_fills_has_no_edge_and_says_so(tmp_path):
    """A maker far from the market is never filled: no bps, a warning, and a page all the same."""
    far = maker(5, **{"strategy.params.spread.half_spread_bps": 500.0})
    found = sw.sweep_latency(L2, far, [0.0, 5.0], drawing=sw.Drawing(repetitions=100))
    assert all(point.net_bps is None and point.taker_share is None for point in found.points)
    assert any("no fills" in text for text in found.warnings)
    rep.write_sweep(found, tmp_path / "out")
    assert table_of(tmp_path / "out")[0]["net_bps"] == ""


@pytest.mark.parametrize(
    ("call", "code", "says"),
    [
        (lambda: sw.sweep_latency([L2, OTHER]), "CAL-002", "SYNBTC-PERP"),
        (lambda: sw.sweep_latency(L2, maker(**{"portfolio.max_gross": 100})), "CAL-002", "limit"),
        (lambda: sw.sweep_latency(L2, maker(), []), "CAL-003", "no point"),
        (lambda: sw.sweep_latency(L2, maker(), [1.0, 1.0]), "CAL-003", "twice"),
        (lambda: sw.sweep_latency(L2, maker(), [-1.0]), "CONF-003", "latency.place.ms"),
        (lambda: sw.sweep_latency(L2, maker(), [1.0], legs=["there"]), "CAL-003", "there"),
        (lambda: sw.sweep_fees(L2, maker()), "CAL-003", "no fee tiers"),
        (lambda: sw.venue_rates("cme", L2), "CAL-003", "venue cme"),
        (lambda: sw.venue_rates("mars", L2), "CONF-008", "mars"),
        (lambda: sw.pair_rates([Decimal(1)] * 2, [Decimal(1)] * 3), "CAL-003", "2 maker rates"),
        (lambda: sw.sweep_latency(L2, maker(), [1.0], drawing=sw.Drawing(interval_s=1e6)), "CONF-003", "--interval"),
        (lambda: sw.sweep_latency(L2, maker(1 / 60), [1.0]), "CAL-003", "fewer than 2 samples"),
        (lambda: sw.sweep_latency(L2, maker(**{"latency.place.model": "recorded", "latency.place.file": "x.csv"})), "CAL-003", "recorded"),
    ],
)
def test_what_cannot_be_swept_is_refused(call, code, says):
    """Each refusal has its code and says what is wrong."""
    with pytest.raises(MmsimError, match=says) as caught:
        call()
    assert caught.value.code == code


def test_other_latency_models_are_swept_with_a_word_on_it():
    """A lognormal's median moves; a floor under it is said."""
    config = maker(2, **{"latency.place.model": "lognormal", "latency.place.min_ms": 3.0})
    found = sw.sweep_latency(L2, config, [1.0, 5.0], drawing=sw.Drawing(repetitions=100))
    assert any("median" in text for text in found.warnings)
    assert any("min_ms is 3" in text for text in found.warnings)


def test_the_single_symbol_has_its_own_values():
    """What `instruments` says of the symbol holds, as in a replay."""
    config = maker(instruments={"SYNBTC-PERP": {"venue": {"queue_n": 7.0}}})
    assert one_instrument(L2, config)[1].venue.queue_n == 7.0
    assert isinstance(one_instrument(L2, Config())[0], Tape)
