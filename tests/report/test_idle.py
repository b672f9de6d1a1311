"""What a report says of stages and weights that never acted."""

import pytest

from simcore.report.idle import idle_warnings, never_acted

MEMORY = {
    "spread.vol_ticks": 5.0, "spread.liq_ticks": 0.0, "spread.lat_ticks": 1.0, "spread.pnl_ticks": 2.0,
    "inventory.skewed_ticks": 3.0, "queue_aware.nudged_ticks": 4.0, "fetch_md.misses": 1.0,
    "guards.state.day": 9.0, "guards.soft_pnl": 0.0, "guards.hard_pnl": 1.0,
}  # fmt: skip


def test_a_weight_whose_score_stayed_0_is_named():
    assert list(never_acted(MEMORY, 10)) == ["spread.liq_weight"]


@pytest.mark.parametrize(
    ("zeroed", "named"),
    [
        (("inventory.skewed_ticks",), "inventory"), (("queue_aware.nudged_ticks",), "queue_aware"),
        (("guards.hard_pnl",), "guards"), (("fetch_md.misses",), "fetch_md"),
    ],
)  # fmt: skip
def test_a_stage_that_never_acted_is_named(zeroed, named):
    assert named in never_acted(MEMORY | dict.fromkeys(zeroed, 0.0), 10)


def test_a_strategy_without_counts_and_a_run_without_ticks_are_not_judged():
    assert never_acted({"quote.last": 0.0}, 10) == {}
    assert never_acted(MEMORY, 0) == {}


def test_the_warning_is_one_sentence_with_reasons():
    said = list(idle_warnings({"never_acted": never_acted(MEMORY, 10)}))
    assert len(said) == 1
    assert "spread.liq_weight (the book was never unusually thin)" in said[0]
    assert list(idle_warnings({"never_acted": {}})) == []
