"""The six metrics: values, intervals, verdicts; how often a verdict is false, and whether a better B is found."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from simcore.calibrate.ab.route import place
from simcore.calibrate.ab.settings import LOOKS, AbSettings, load_settings
from simcore.calibrate.ab.stats import BETTER, METRICS, NO_DIFFERENCE, NOT_JUDGED, WORSE, compare, judge, values
from tests.calibrate.ab.fake import fake_cells

QUICK = load_settings(None, {"repetitions": 400})


def market(seed: int, count: int, *, gain: float = 0.0, kept: float = 0.5) -> Any:
    """Cells of two arms in one market whose windows depend on each other; B earns `gain` more of its turnover.

    kept: how much of a window's luck goes on into the next one.
    """
    draw = np.random.default_rng(seed)

    def luck() -> Any:
        noise = draw.normal(size=count)
        for k in range(1, count):
            noise[k] = kept * noise[k - 1] + math.sqrt(1 - kept * kept) * noise[k]
        return noise

    common, busy = luck(), np.exp(0.5 * luck())
    arms = []
    for arm in range(2):
        turnover = 1e5 * busy * np.exp(0.2 * luck())
        fills = np.maximum(draw.poisson(20 * busy), 1).astype(float)
        orders = fills + draw.poisson(60, count)
        arms.append(
            {
                "turnover": turnover, "pnl": turnover * (1e-4 * (luck() + common) + gain * arm), "fills": fills, "orders": orders, "orders_filled": fills,
                "taker_fills": draw.binomial(fills.astype(int), 0.1).astype(float), "priced": turnover, "slipped": turnover * 1e-5 * luck(),
                "marked": turnover, "moved": turnover * 1e-4 * (1 + luck() + common), "drawdown": np.abs(turnover * 1e-4 * luck()),
            }
        )  # fmt: skip
    return fake_cells(*arms)


def judged(cells: Any, settings: AbSettings = QUICK) -> dict[str, Any]:
    every = np.ones(len(cells.window), bool)
    return {each.metric.key: each for each in judge(cells, every, every, settings)}


@pytest.mark.parametrize(("count", "kept"), [(24, 0.3), (96, 0.3), (96, 0.6), (288, 0.5)])
def test_false_alarms_are_as_rare_as_stated(count: int, kept: float) -> None:
    """Over 200 tests in which B is as good as A, any of six verdicts is false in at most 5 % (and three standard errors); without the
    correction for few and long blocks it is 22 % with 24 windows."""
    tests = 200
    alarms = sum(any(each.verdict in (BETTER, WORSE) for each in judged(market(1000 * count + i, count, kept=kept)).values()) for i in range(tests))
    assert alarms / tests <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / tests)


def test_the_routed_view_is_as_careful_and_less_sharp() -> None:
    """Where B is as good as A, 200 routings of windows give no more false verdicts than stated; its intervals are wider than those of pairs."""
    tests, alarms, wider = 200, 0, []
    for i in range(tests):
        cells = market(5000 + i, 96, kept=0.3)
        arms = np.array([place(f"salt {i}", "V:X", "2024-01-01", str(window)) < 50 for window in cells.window.tolist()])
        routed = judge(cells, ~arms, arms, QUICK)
        alarms += any(each.verdict in (BETTER, WORSE) for each in routed)
        paired = judged(cells)["net_bps"]
        wider.append((routed[0].high - routed[0].low) / (paired.high - paired.low))  # type: ignore[operator]
    assert alarms / tests <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / tests)
    assert np.median(wider) > 1.3


def test_intervals_cover_as_often_as_they_say() -> None:
    """Of 200 intervals of a known difference of the net edge, about 95 % hold it; each by itself, without Holm."""
    tests, held = 200, 0
    for i in range(tests):
        one = judged(market(i, 288, gain=2e-5))["net_bps"]
        held += one.low <= 0.2 <= one.high
    assert abs(held / tests - 0.95) <= 4 * math.sqrt(0.05 * 0.95 / tests)


def test_a_better_b_is_found() -> None:
    """An edge of a bp more in each of 288 windows is shown, nearly always, and never as a worse one."""
    found = [judged(market(i, 288, gain=1e-4)) for i in range(20)]
    assert sum(each["net_bps"].verdict == BETTER for each in found) >= 18
    assert sum(each["net_bps"].verdict == WORSE for each in found) == 0
    worse = [judged(market(i, 288, gain=-1e-4))["net_bps"].verdict for i in range(5)]
    assert worse.count(WORSE) >= 4


def test_the_same_in_both_arms_differs_by_exactly_nothing() -> None:
    """Differences, intervals and verdicts of A against itself."""
    cells = market(3, 100)
    twins = fake_cells(cells.a.values, cells.a.values)
    for one in judged(twins).values():
        assert (one.difference, one.low, one.high, one.p, one.p_holm, one.verdict) == (0.0, 0.0, 0.0, 1.0, 1.0, NO_DIFFERENCE)


def test_holm_counts_every_metric() -> None:
    """The settings know how many looks there are."""
    assert len(METRICS) == LOOKS


def test_metrics_are_ratios_of_sums() -> None:
    """Net edge of turnover, filled orders of orders, takers of fills, moves of what is marked, slippage of what is priced."""
    arm = {
        "pnl": [1.0, 2], "turnover": [1000.0, 5000], "orders": [10.0, 30], "orders_filled": [1.0, 5], "fills": [2.0, 6], "taker_fills": [1.0, 1],
        "moved": [0.2, 0.1], "marked": [500.0, 1500], "slipped": [0.3, 0], "priced": [1000.0, 5000], "drawdown": [3.0, 1],
    }  # fmt: skip
    cells = fake_cells(arm, {**arm, "turnover": [2000.0, 6000]})
    found = values(cells, np.zeros(2, bool))
    wanted = {"net_bps": 5, "fill_ratio": 0.15, "taker_share": 0.25, "adverse_bps_1s": 1.5, "slippage_bps": 0.5, "drawdown_bps": 1e4 * 4 / 7000}
    assert found == pytest.approx(wanted)
    mixed = values(cells, np.array([False, True]))
    assert mixed["net_bps"] == pytest.approx(1e4 * 3 / 7000)


def test_intervals_are_those_of_a_ratio() -> None:
    """With blocks of one window the interval is near the one of the delta method."""
    draw = np.random.default_rng(7)
    count = 2000
    series = [draw.normal(1, 3, count), draw.gamma(2, 1, count), draw.normal(1.2, 3, count), draw.gamma(2, 1, count)]
    one = compare(METRICS[0]._replace(scale=1.0), series, load_settings(None, {"block": 1, "repetitions": 5000}))
    ratios = [series[0].sum() / series[1].sum(), series[2].sum() / series[3].sum()]
    pull = (series[2] - ratios[1] * series[3]) / series[3].mean() - (series[0] - ratios[0] * series[1]) / series[1].mean()
    error = pull.std() / math.sqrt(count)
    assert one.difference == pytest.approx(ratios[1] - ratios[0])
    assert one.low == pytest.approx(one.difference - 1.96 * error, abs=0.15 * error)
    assert one.high == pytest.approx(one.difference + 1.96 * error, abs=0.15 * error)


def test_verdicts_hold_p_values_against_holms_limits() -> None:
    """Each adjusted p is the largest p × looks left so far, and decides."""
    found = judged(market(11, 288, gain=4e-5))
    ordered = sorted((each for each in found.values()), key=lambda each: each.p)
    reached = 0.0
    for rank, one in enumerate(ordered):
        reached = min(max(reached, one.p * (6 - rank)), 1.0)
        assert one.p_holm == reached
        assert (one.verdict in (BETTER, WORSE)) == (reached <= 0.05 and one.difference != 0)


def test_less_is_better_of_costs() -> None:
    """A lower taker share is better, a lower fill ratio worse."""
    cells = market(5, 288)
    b = {**cells.a.values, "taker_fills": 0.5 * cells.a.values["taker_fills"], "orders_filled": 0.8 * cells.a.values["orders_filled"]}
    found = judged(fake_cells(cells.a.values, b))
    assert (found["taker_share"].verdict, found["fill_ratio"].verdict) == (BETTER, WORSE)
    assert found["net_bps"].verdict == NO_DIFFERENCE


def test_too_little_is_not_judged() -> None:
    """With fewer windows than min_windows, or nothing in an arm, there is no interval, and the reason is given."""
    found = judged(market(1, 19))
    assert {each.verdict for each in found.values()} == {NOT_JUDGED}
    assert "only 19 windows" in found["net_bps"].why
    assert found["net_bps"].difference is not None
    cells = market(1, 40)
    idle = judged(fake_cells(cells.a.values, {"orders": np.ones(40)}))
    assert idle["net_bps"].why == "B: nothing to measure"
    assert idle["net_bps"].p_holm is None
    assert idle["fill_ratio"].verdict == WORSE  # with 2 looks: that of orders and that of drawdown


def test_what_is_in_a_corner_is_not_judged() -> None:
    """Each arm in two windows of a thousand, far apart, in long blocks: most resamples would miss one of them."""
    series = [np.zeros(1000) for _ in range(4)]
    for each, windows in zip(series, ([3, 4], [3, 4], [500, 501], [500, 501]), strict=True):
        each[windows] = 1.0
    few = {"min_windows": 2, "repetitions": 400}
    one = compare(METRICS[0], series, load_settings(None, {**few, "block": 400}))
    assert (one.difference, one.p, one.verdict) == (0.0, None, NOT_JUDGED)
    assert one.why == "what there is to measure is in too few of the windows"
    assert compare(METRICS[0], series, load_settings(None, {**few, "block": 1})).p is not None


def test_symbols_of_one_window_are_one_observation() -> None:
    """Two symbols that do the same are no more evidence than one."""
    cells = market(9, 120)
    twice = {name: np.tile(column, 2) for name, column in cells.a.values.items()}, {name: np.tile(column, 2) for name, column in cells.b.values.items()}
    one, two = judged(cells), judged(fake_cells(*twice, symbols=("X", "Y")))
    assert two["net_bps"].low == pytest.approx(one["net_bps"].low)
    assert two["net_bps"].windows_a == one["net_bps"].windows_a
