"""Scoreboard and allocator: bounds, hysteresis, order of symbols, and the way back for whoever did badly."""

from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import assume, given
from hypothesis import strategies as st

from simcore.portfolio import allocator as al
from simcore.portfolio import scoreboard as sb

FLOATS = st.floats(-1e9, 1e9, allow_nan=False)
RATES = st.one_of(st.none(), FLOATS)
OBSERVATIONS = st.builds(sb.Observation, RATES, RATES, RATES, RATES, RATES)
SCORE_SETTINGS = st.builds(sb.ScoreSettings, st.floats(0.01, 1.0), st.integers(1, 20))
SCORES = st.dictionaries(st.text("ABCDEFGH", min_size=1, max_size=3), st.one_of(st.none(), st.floats(0.0, 1.0)), min_size=1, max_size=12)
MINUTE_NS = 60_000_000_000


@st.composite
def settings(draw: st.DrawFn) -> al.AllocatorSettings:
    least, most = sorted((draw(st.floats(0.0, 1.0)), draw(st.floats(1.0, 10.0))))
    return al.AllocatorSettings(draw(st.floats(0.05, 50.0)), least, most, draw(st.floats(0.0, 0.5)))


def scored(scores: dict[str, float | None], net_bps: float = 1.0) -> dict[str, al.Rating]:
    return {symbol: al.Rating(score, None if score is None else net_bps) for symbol, score in scores.items()}


def rounds(
    shares: dict[str, al.Share], ratings: dict[str, al.Rating], chosen: al.AllocatorSettings, count: int, start_ns: int = 0
) -> dict[str, al.Share]:
    """Return the shares after so many rebalances, a minute apart."""
    for number in range(count):
        shares = al.rebalance(shares, ratings, start_ns + number * MINUTE_NS, chosen)
    return shares


# --- scoreboard --------------------------------------------------------------------------------------


@given(st.lists(OBSERVATIONS, max_size=40), SCORE_SETTINGS)
def test_scores_are_between_0_and_1(seen: list[sb.Observation], chosen: sb.ScoreSettings) -> None:
    standing = sb.Standing()
    for one in seen:
        standing = sb.observe(standing, one, chosen)
        found = sb.score(standing, chosen)
        assert found is None or 0.0 <= found <= 1.0
        assert (found is None) == (standing.samples < chosen.min_samples)


@given(OBSERVATIONS, SCORE_SETTINGS)
def test_the_first_sample_sets_the_average_also_when_it_is_0(seen: sb.Observation, chosen: sb.ScoreSettings) -> None:
    for first in (seen, sb.Observation(0.0, 0.0, 0.0, 0.0, 0.0)):
        assume(first.net_bps is not None)
        assert sb.observe(sb.Standing(), first, chosen).averages == first


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(0.01, 1.0))
def test_an_average_stays_between_what_it_was_and_what_came(old: float, new: float, alpha: float) -> None:
    found = sb.averaged(old, new, alpha)
    assert found is not None
    slack = 1e-9 * max(abs(old), abs(new))
    assert min(old, new) - slack <= found <= max(old, new) + slack


@given(OBSERVATIONS, st.integers(0, 4), st.floats(0.0, 1e3))
def test_what_is_better_never_scores_less(seen: sb.Observation, part: int, step: float) -> None:
    """More net, fills or queue edge; less slippage or adverse moves."""
    value = seen[part]
    assume(value is not None)
    better = value - step if part in (2, 4) else value + step
    assert sb.score_of(seen._replace(**{seen._fields[part]: better})) >= sb.score_of(seen)


@given(st.lists(OBSERVATIONS, min_size=1, max_size=30), SCORE_SETTINGS)
def test_a_window_without_fills_forgets(seen: list[sb.Observation], chosen: sb.ScoreSettings) -> None:
    standing = sb.Standing()
    for one in seen:
        standing = sb.observe(standing, one, chosen)
    assert sb.observe(standing, sb.Observation(fill_rate=0.0), chosen) == sb.Standing()


# --- allocator ---------------------------------------------------------------------------------------


@given(SCORES, settings())
def test_weights_are_within_their_bounds(scores: dict[str, float | None], chosen: al.AllocatorSettings) -> None:
    assert all(chosen.weight_min <= weight <= chosen.weight_max for weight in al.weights(scores, chosen).values())
    shares = {symbol: al.first_share(symbol, chosen) for symbol in scores}
    for share in rounds(shares, scored(scores), chosen, 8).values():
        assert chosen.weight_min <= share.weight <= chosen.weight_max


@given(SCORES, st.floats(0.05, 50.0))
def test_weights_before_the_cut_have_the_mean_1(scores: dict[str, float | None], temperature: float) -> None:
    free = al.AllocatorSettings(temperature, 0.0, math.inf)
    assert math.isclose(math.fsum(al.weights(scores, free).values()), len(scores), rel_tol=1e-12)


@given(SCORES, settings())
def test_a_higher_score_never_weighs_less(scores: dict[str, float | None], chosen: al.AllocatorSettings) -> None:
    found = al.weights(scores, chosen)
    known = sorted((score, found[symbol]) for symbol, score in scores.items() if score is not None)
    assert all(low <= high for (_, low), (_, high) in pairwise(known))


@given(SCORES, settings(), st.randoms(use_true_random=False))
def test_the_order_of_symbols_does_not_matter(scores: dict[str, float | None], chosen: al.AllocatorSettings, chance: object) -> None:
    """To the last bit, over several rounds."""
    names = list(scores)
    chance.shuffle(names)  # type: ignore[attr-defined]
    first = {symbol: al.first_share(symbol, chosen) for symbol in scores}
    other = {symbol: al.first_share(symbol, chosen) for symbol in names}
    ratings = scored(scores)
    assert rounds(first, ratings, chosen, 5) == rounds(other, {symbol: ratings[symbol] for symbol in names}, chosen, 5)


@given(st.floats(0.0, 10.0), st.floats(0.0, 10.0), settings())
def test_small_changes_are_left_out_and_others_go_half_way(weight: float, target: float, chosen: al.AllocatorSettings) -> None:
    found = al.moved(weight, target, chosen)
    if abs(target - weight) < chosen.hysteresis:
        assert found == weight
    else:
        assert math.isclose(found, (weight + target) / 2.0)


@given(SCORES, settings(), st.data())
def test_scores_that_hardly_move_do_not_move_weights(
    scores: dict[str, float | None], chosen: al.AllocatorSettings, data: st.DataObject
) -> None:
    """Once settled, weights stay as they are while targets stay within half of the hysteresis."""
    chosen = chosen._replace(hysteresis=max(chosen.hysteresis, 1e-3))
    first = {symbol: al.first_share(symbol, chosen) for symbol in scores}
    settled = rounds(first, scored(scores), chosen, 16)
    targets = al.weights(scores, chosen)
    assert all(abs(share.weight - targets[symbol]) < chosen.hysteresis for symbol, share in settled.items())
    nudged = {
        symbol: None if score is None else sb.unit(score + data.draw(st.floats(-1.0, 1.0)) * 1e-3)
        for symbol, score in scores.items()
    }
    room = {symbol: chosen.hysteresis - abs(settled[symbol].weight - targets[symbol]) for symbol in scores}
    after = al.weights(nudged, chosen)
    assume(all(abs(after[symbol] - targets[symbol]) < room[symbol] * (1.0 - 1e-9) for symbol in scores))
    assert al.rebalance(settled, scored(nudged), 17 * MINUTE_NS, chosen) == settled


@given(SCORES, settings(), st.data())
def test_a_symbol_at_its_least_weight_comes_back(scores: dict[str, float | None], chosen: al.AllocatorSettings, data: st.DataObject) -> None:
    """Without fills its score is unknown, which counts as the average: its weight returns to the middle."""
    symbol = data.draw(st.sampled_from(sorted(scores)))
    low = {name: al.first_share(name, chosen) for name in scores} | {symbol: al.Share(chosen.weight_min)}
    quiet = dict(scores) | {symbol: None}
    found = rounds(low, scored(quiet), chosen, 40)[symbol].weight
    assert abs(found - al.weights(quiet, chosen)[symbol]) < max(chosen.hysteresis, 1e-9)
    equal = dict.fromkeys(scores, 0.7)
    assert rounds(low, scored(equal), chosen, 40)[symbol].weight >= 1.0 - max(chosen.hysteresis, 1e-9)


@given(st.floats(-100.0, 100.0), st.integers(0, 60))
def test_who_loses_for_long_enough_is_blocked_for_as_long_and_returns(net_bps: float, minutes: int) -> None:
    chosen = al.AllocatorSettings(blacklist_ns=minutes * MINUTE_NS)
    ratings = {"A": al.Rating(0.2, net_bps), "B": al.Rating(0.9, 3.0)}
    shares = {symbol: al.first_share(symbol, chosen) for symbol in ratings}
    blocked = [
        minute
        for minute in range(125)
        if (shares := al.rebalance(shares, ratings if not shares["A"].blocked else ratings | {"A": al.Rating()}, minute * MINUTE_NS, chosen))[
            "A"
        ].blocked
    ]
    assert not shares["B"].blocked
    if net_bps >= chosen.blacklist_net_bps:
        assert not blocked
        return
    assert blocked[0] == minutes
    if minutes:
        assert blocked[:minutes] == list(range(minutes, 2 * minutes))
        assert 2 * minutes not in blocked


@given(SCORES, st.sets(st.text("ABCDEFGH", min_size=1, max_size=3)), st.booleans())
def test_the_lists_hold_whatever_the_scores(scores: dict[str, float | None], named: set[str], white: bool) -> None:
    listed = tuple(sorted(named))
    chosen = al.AllocatorSettings(whitelist=listed) if white else al.AllocatorSettings(blacklist=listed)
    shares = rounds({symbol: al.first_share(symbol, chosen) for symbol in scores}, scored(scores), chosen, 3)
    for symbol, share in shares.items():
        assert share.blocked == ((bool(listed) and symbol not in named) if white else symbol in named)


@given(SCORES, st.floats(0.05, 50.0))
def test_the_temperature_says_how_far_apart_weights_are(scores: dict[str, float | None], temperature: float) -> None:
    """Before the cut a weight is e^(difference of scores / temperature) times another: colder is farther apart."""
    found = al.weights(scores, al.AllocatorSettings(temperature, 0.0, math.inf))
    known = {symbol: score for symbol, score in scores.items() if score is not None}
    for one, high in known.items():
        for other, low in known.items():
            if low <= high:
                assert math.isclose(found[other], found[one] * math.exp((low - high) / temperature), rel_tol=1e-9, abs_tol=1e-9)


def test_weights_of_two_symbols_by_hand() -> None:
    """Scores 1 and 0: 2 / (1 + e^(-1 / t)) and the rest of 2."""
    for temperature in (0.5, 1.0, 2.0, 4.0):
        found = al.weights({"A": 1.0, "B": 0.0}, al.AllocatorSettings(temperature, 0.0, 10.0))
        assert math.isclose(found["A"], 2.0 / (1.0 + math.exp(-1.0 / temperature)))
        assert math.isclose(found["A"] + found["B"], 2.0)


@given(st.floats(0.0, 100.0), st.floats(0.0, 100.0))
def test_factors_grow_with_the_weight(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 1 <= al.max_quotes(low) <= al.max_quotes(high) <= 10
    assert al.size_factor(low) <= al.size_factor(high)
    assert al.refresh_factor(low) <= al.refresh_factor(high)


def test_the_factors_are_those_of_the_page() -> None:
    assert [al.max_quotes(weight) for weight in (0.1, 1 / 3, 1.0, 1.01, 3.0, 3.4, 9.0)] == [1, 1, 3, 4, 9, 10, 10]
    assert (al.size_factor(1.5), al.refresh_factor(2.25)) == (1.5, 1.5)


# --- edges -------------------------------------------------------------------------------------------

PLAIN = al.AllocatorSettings()


def test_an_unknown_score_counts_as_the_mean_of_the_known_ones() -> None:
    known = al.weights({"A": 1.0, "B": 0.9, "C": 0.95}, PLAIN)
    assert al.weights({"A": 1.0, "B": 0.9, "C": None}, PLAIN) == known


def test_a_change_as_large_as_the_hysteresis_is_made() -> None:
    chosen = PLAIN._replace(hysteresis=0.5)
    assert al.moved(1.0, 1.5, chosen) == 1.25
    assert al.moved(1.0, 1.25, chosen) == 1.0


def test_a_symbol_at_the_limit_of_the_blacklist_does_not_fail() -> None:
    """One below it does, from that moment on; one good window ends that."""
    at_limit, below = al.Rating(0.5, PLAIN.blacklist_net_bps), al.Rating(0.5, PLAIN.blacklist_net_bps - 1e-9)
    assert al.judge("A", al.Share(), at_limit, 7, PLAIN).failing_since_ns == al.NEVER_NS
    failing = al.judge("A", al.Share(), below, 7, PLAIN)
    assert failing.failing_since_ns == 7
    assert al.judge("A", failing, below, 8, PLAIN).failing_since_ns == 7
    assert al.judge("A", failing, at_limit, 8, PLAIN).failing_since_ns == al.NEVER_NS


def test_a_symbol_is_blocked_and_returns_to_the_moment() -> None:
    """After blacklist_ns of failing, for blacklist_ns; it returns at the least weight, and blocked it has no part in the weights."""
    bad, length = al.Rating(0.5, -100.0), PLAIN.blacklist_ns
    failing = al.Share(2.0, False, 0)
    assert not al.judge("A", failing, bad, length - 1, PLAIN).blocked
    blocked = al.judge("A", failing, bad, length, PLAIN)
    assert (blocked.blocked, blocked.weight, blocked.blocked_until_ns) == (True, 2.0, 2 * length)
    assert al.judge("A", blocked, al.Rating(), 2 * length - 1, PLAIN).blocked
    assert al.judge("A", blocked, al.Rating(), 2 * length, PLAIN) == al.Share(PLAIN.weight_min)
    ratings = {"A": al.Rating(1.0), "B": al.Rating(0.2), "C": al.Rating(0.1)}
    shares = {"A": blocked, "B": al.Share(), "C": al.Share()}
    alone = al.weights({"B": 0.2, "C": 0.1}, PLAIN._replace(temperature=0.2))
    found = al.rebalance(shares, ratings, length + 1, PLAIN._replace(temperature=0.2))
    assert {symbol: found[symbol].weight for symbol in "BC"} == {symbol: 0.5 + 0.5 * alone[symbol] for symbol in "BC"}


def test_a_first_weight_keeps_its_bounds() -> None:
    assert al.first_share("A", PLAIN._replace(weight_max=0.5)).weight == 0.5
    assert al.first_share("A", PLAIN._replace(weight_min=1.5)).weight == 1.5


def test_the_parts_of_a_score_have_their_weights() -> None:
    """Each part by itself, from worst to best, with the others in the middle; half-way it is half of that."""
    ends = {"net_bps": (-20.0, 20.0), "fill_rate": (0.0, 1.0), "slippage_bps": (5.0, 0.0), "queue_edge": (0.0, 1.0), "adverse_bps": (5.0, 0.0)}
    for (name, (worst, best)), weight in zip(ends.items(), (0.4, 0.2, 0.2, 0.1, 0.1), strict=True):
        low, middle, high = (sb.score_of(sb.Observation(**{name: value})) for value in (worst, 0.5 * (worst + best), best))
        assert math.isclose(high - low, weight)
        assert math.isclose(middle - low, 0.5 * weight)


def test_an_average_of_0_is_an_average() -> None:
    assert sb.averaged(0.0, 10.0, 0.1) == 1.0
    assert sb.averaged(None, 10.0, 0.1) == 10.0


def test_a_score_comes_with_the_least_number_of_windows() -> None:
    seen = sb.Observation(1.0)
    assert sb.score(sb.Standing(seen, 9), sb.ScoreSettings()) is None
    assert sb.score(sb.Standing(seen, 10), sb.ScoreSettings()) is not None
