"""Budgets: whatever symbols hold and have in flight, the sum of what they can become never exceeds the limit."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from simcore.portfolio.limits import Exposure, budgets, committed

VALUES = st.one_of(st.none(), st.fractions(Fraction(1, 100), 1000))
EXPOSURES = st.dictionaries(
    st.text("ABCDEFGH", min_size=1, max_size=3), st.builds(Exposure, VALUES, st.integers(0, 200)), min_size=1, max_size=8
)
LIMITS = st.fractions(0, 100_000)


@st.composite
def books(draw: st.DrawFn) -> tuple[dict[str, Exposure], dict[str, float], Fraction]:
    exposures = draw(EXPOSURES)
    weights = {symbol: draw(st.sampled_from((0.0, 0.1, 1.0, 2.9))) for symbol in exposures if draw(st.integers(0, 5))}
    return exposures, weights, draw(LIMITS)


@given(books())
def test_what_may_come_of_the_budgets_stays_below_the_limit(case: tuple[dict[str, Exposure], dict[str, float], Fraction]) -> None:
    """Unless prices or earlier positions are beyond it already: then nobody may add."""
    exposures, weights, limit = case
    found = budgets(exposures, weights, limit)
    total = sum(committed(exposures[symbol], lots) for symbol, lots in found.items())
    held = sum(exposure.value for exposure in exposures.values())
    assert total <= max(limit, held)
    if held > limit:
        assert all(lots <= exposures[symbol].worst_lots for symbol, lots in found.items())


@given(books())
def test_budgets_are_whole_lots_and_nothing_without_weight_or_price(
    case: tuple[dict[str, Exposure], dict[str, float], Fraction],
) -> None:
    exposures, weights, limit = case
    for symbol, lots in budgets(exposures, weights, limit).items():
        assert lots >= 0
        if not weights.get(symbol) or exposures[symbol].lot_value is None:
            assert lots == 0


@given(books(), st.randoms(use_true_random=False))
def test_the_order_of_symbols_does_not_matter(case: tuple[dict[str, Exposure], dict[str, float], Fraction], chance: object) -> None:
    exposures, weights, limit = case
    names = list(exposures)
    chance.shuffle(names)  # type: ignore[attr-defined]
    shuffled = {symbol: weights[symbol] for symbol in names if symbol in weights}
    assert budgets({symbol: exposures[symbol] for symbol in names}, shuffled, limit) == budgets(exposures, weights, limit)


@given(st.integers(1, 6), st.fractions(1, 100_000), st.fractions(1, 100))
def test_flat_symbols_share_by_weight(count: int, limit: Fraction, value: Fraction) -> None:
    exposures = {f"S{i}": Exposure(value, 0) for i in range(count)}
    weights = dict.fromkeys(exposures, 1.0)
    assert set(budgets(exposures, weights, limit).values()) == {int(limit / count / value)}


def test_what_one_holds_beyond_its_share_is_taken_off_for_the_others() -> None:
    """A holds 80 of 100; B and C share the 20 that are left."""
    exposures = {"A": Exposure(Fraction(1), 80), "B": Exposure(Fraction(2), 0), "C": Exposure(Fraction(1), 3)}
    assert budgets(exposures, {"A": 1.0, "B": 1.0, "C": 1.0}, Fraction(100)) == {"A": 33, "B": 5, "C": 10}


def test_a_symbol_that_has_ended_keeps_what_it_holds() -> None:
    exposures = {"A": Exposure(Fraction(1), 30), "B": Exposure(Fraction(1), 0)}
    assert budgets(exposures, {"B": 1.0}, Fraction(100)) == {"A": 0, "B": 70}
