"""Facts of the verdict: noise is kept out, what was planted is found, and each rule can refuse by itself."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from simcore.calibrate.evidence import gather, rank_correlation, rank_share, record_of
from simcore.calibrate.intervals import automatic_block, interval_block
from simcore.calibrate.overfit import effective_observations
from simcore.calibrate.verdict import RULES, Limits, Terms, edges, judge
from simcore.errors import CalibrateError
from tests.calibrate.judged import GRID, KINDS, WALK, case_of, hill, noise

TERMS = Terms("net", "USD", 1, "USD", 60.0)


def planted(seed, **more):
    """A hill whose top is trial 1 + 3 + 1 (a = 1, b = 1), on noise."""
    return case_of([day + hill() for day in noise(seed)], **more)


def failed(verdict):
    return [reason.rule for reason in verdict.reasons if not reason.holds]


# --- noise and skill --------------------------------------------------------------------------------------------


def adopted_of(repetitions, seed=0, intervals=48):
    """Return for each kind of noise how many of so many repetitions were adopted."""
    return {kind: sum(judge(case_of(noise(seed + k, kind, intervals=intervals))).adopt for k in range(repetitions)) for kind in KINDS}


def test_noise_is_not_adopted():
    """200 calibrations of parameters that do not matter: at most 5 % are adopted (here none should be, nor more than one)."""
    found = adopted_of(40, intervals=10)
    assert sum(found.values()) <= 0.05 * 40 * len(KINDS), found
    assert sum(found.values()) <= 1, found


@pytest.mark.slow
def test_no_kind_of_noise_is_adopted():
    """The same, 400 of each kind: at most 5 % of any."""
    found = adopted_of(400, seed=10_000)
    print("adopted of 400:", found)
    assert max(found.values()) <= 0.05 * 400, found


def test_noise_with_one_wide_split_is_not_adopted():
    """One fold, a winner chosen on the first four days: as honest as a walk."""
    adopted = [judge(case_of(noise(500 + k, intervals=12), folds=(((0, 1, 2, 3), (4, 5)),))).adopt for k in range(40)]
    assert sum(adopted) <= 1


def test_old_weights_as_good_as_the_best_are_not_left():
    """Parameters matter, and the current ones are as good as the hill's top: whatever wins, wins by luck."""
    adopted = 0
    for k in range(40):
        lift = hill(width=(2.0, 20.0, 1000.0)[k % 3])
        lift[0] = lift.max()
        adopted += judge(case_of([day + lift for day in noise(9000 + k)])).adopt
    assert adopted <= 1


def test_what_was_planted_is_found_and_adopted():
    """The top of the hill or a point next to it wins, in almost all of 20 repetitions, and is adopted."""
    verdicts = [judge(planted(seed)) for seed in range(20)]
    tops = [GRID[verdict.winner - 1] for verdict in verdicts]
    assert sum(top == (1, 1) for top in tops) >= 14
    assert all(abs(a - 1) + abs(b - 1) <= 1 for a, b in tops)
    assert sum(verdict.adopt for verdict in verdicts) >= 18


def test_an_adopted_winner_says_why():
    """In sentences with its figures."""
    verdict = judge(planted(1), TERMS)
    assert verdict.adopt
    assert verdict.sentence.startswith(f"Adopt trial {verdict.winner}. On the held-out days the choice earned ")
    assert "USD more than the current parameters (95 % interval of the difference" in verdict.sentence
    assert len(verdict.reasons) == len(RULES)
    assert all(reason.text.endswith(".") for reason in verdict.reasons)


def test_a_kept_baseline_says_why():
    """The first reason, and how many more there are."""
    verdict = judge(case_of(noise(3)), TERMS)
    assert not verdict.adopt
    assert verdict.sentence.startswith(f"Keep your current parameters: trial {verdict.winner} looked best on the train days after averaging with its neighbours, but it is not shown to be better. ")
    assert "more reason" in verdict.sentence


def test_the_same_case_gets_the_same_verdict():
    """To the last bit."""
    one, two = judge(planted(5)), judge(planted(5))
    assert (one.sentence, one.reasons, one.notes) == (two.sentence, two.reasons, two.notes)
    assert one.evidence.out.interval == two.evidence.out.interval


def test_intervals_take_their_own_longer_blocks():
    """The mean difference gets `interval_block`, whose coverage test_intervals.py holds; the count of observations the shorter one."""
    changes = noise(7)[0][:, 1]
    record = record_of(changes)
    assert record.interval.block == interval_block(changes) > automatic_block(changes)
    assert record.shape.observations == effective_observations(changes, automatic_block(changes))


def test_the_unit_of_money_does_not_matter():
    """In cents the same rules hold."""
    days = noise(7)
    for scale in (1.0, 100.0, 1e-6):
        verdict = judge(case_of([scale * (day + hill()) for day in days]))
        assert verdict.adopt
        assert verdict.winner == judge(planted(7)).winner


@given(some.integers(1, 200), some.permutations(range(1, len(GRID) + 1)))
@settings(max_examples=15, deadline=None)
def test_the_order_of_trials_does_not_matter(seed, order):
    """The same point wins and gets the same answer, whatever the numbers of the trials."""
    days = [day + hill(height=0.4) for day in noise(seed)]
    mixed = [day[:, [0, *order]] for day in days]
    one, other = judge(case_of(days)), judge(case_of(mixed, points=[GRID[k - 1] for k in order]))
    assert order[other.winner - 1] == one.winner
    assert [reason.holds for reason in other.reasons] == [reason.holds for reason in one.reasons]


# --- each rule by itself ----------------------------------------------------------------------------------------------


def test_without_held_out_days_nothing_is_adopted():
    """However good it looks."""
    verdict = judge(planted(1, folds=()))
    assert not verdict.adopt
    assert "held_out" in failed(verdict)
    assert "No days were held out" in verdict.sentence


def test_more_trials_ever_run_take_the_verdict_back():
    """The same days, searched long enough before: only the deflated Sharpe ratio fails."""
    days = [day + hill(height=0.35) for day in noise(13)]
    assert judge(case_of(days)).adopt
    verdict = judge(case_of(days, ever=10_000_000))
    assert failed(verdict) == ["deflated"]
    assert "(10,000,000 ever run on these tapes)" in verdict.sentence


@pytest.mark.parametrize("day", [3, 4, 5])
def test_a_choice_that_breaks_a_constraint_on_test_days_is_refused(day):
    """It held on the train days, and only there; in whichever fold."""

    def excess(chosen):
        return np.where(np.arange(len(GRID) + 1) == 5, 0.5 * (tuple(chosen) == (day,)), 0.0)

    verdict = judge(case_of([each + hill(height=1.5) for each in noise(1)], excess=excess))
    assert verdict.winner == 5
    assert [step.chosen for step in verdict.evidence.steps] == [5, 5, 5]
    assert failed(verdict) == ["constraints"]


def test_a_trial_that_breaks_a_constraint_on_train_days_is_not_chosen():
    """The next best is."""
    verdict = judge(planted(1, excess=lambda chosen: np.where(np.arange(len(GRID) + 1) == 5, 0.5, 0.0)))
    assert verdict.winner not in (None, 5)


def test_a_peak_is_refused():
    """One trial alone is good, its neighbours lose: chosen for want of better, but not adopted."""
    lift = np.full(len(GRID) + 1, -0.3)
    lift[0], lift[5] = 0.0, 3.0
    verdict = judge(case_of([day + lift for day in noise(2)]))
    assert verdict.winner == 5
    assert failed(verdict) == ["plateau"]
    assert "a peak" in verdict.sentence


@pytest.mark.parametrize(("points", "lift"), [([1, 2, 3], [0.0, 0.8, 0.6, -0.3]), ([1], [0.0, 0.7])])
def test_old_weights_next_to_the_winner_are_no_plateau_s_end(points, lift):
    """They have none of its lead by definition: what is left to look at is its other neighbours, if any."""
    verdict = judge(case_of([day + np.array(lift) for day in noise(900, trials=len(lift))], points=[(a, 0) for a in points], baseline=(0, 0)))
    assert verdict.winner == 1
    assert 0 in verdict.evidence.near[1]
    assert "plateau" not in failed(verdict)


def test_noise_around_the_old_weights_is_not_adopted():
    """They are a point of the grid, and neighbours of some."""
    points = [point for point in GRID if point != (1, 1)]
    cases = [case_of(noise(70_000 + k, kind, intervals=10, trials=12), points=points, baseline=(1, 1)) for kind in KINDS for k in range(16)]
    assert sum(judge(case).adopt for case in cases) <= 1


def test_a_lead_on_one_day_only_is_refused():
    """All of it on one of three held-out days."""
    days = noise(4)
    lifts = [0.8, 0.8, 0.8, 9.0, -0.12, -0.12]
    verdict = judge(case_of([0.3 * day + lift * hill(height=1.0) for day, lift in zip(days, lifts, strict=True)]))
    assert "steady" in failed(verdict)


def test_a_lead_that_may_be_luck_is_refused():
    """The interval decides, not its middle."""
    verdicts = [judge(case_of(noise(seed))) for seed in range(12)]
    assert any(verdict.evidence.out.interval.low < 0 < verdict.evidence.out.interval.estimate for verdict in verdicts)
    for verdict in verdicts:
        assert ("better" in failed(verdict)) == (verdict.evidence.out.interval.low <= 0)


def test_a_short_record_is_refused():
    """Four intervals a day hold too little."""
    verdict = judge(case_of(list(np.array(noise(1, intervals=4)) + 0.3 * hill())))
    assert not verdict.adopt
    assert "track" in failed(verdict)


def test_old_weights_that_are_the_best_of_the_grid_stay():
    """The baseline is a point of the grid, as trial 0, and wins."""
    lift = hill()
    order = [5, *(k for k in range(1, 13) if k != 5)]
    points = [GRID[k - 1] for k in order]
    days = [day[:, :12] + lift[order] for day in noise(1)]
    verdict = judge(case_of(days, points=points[1:], baseline=points[0]))
    assert verdict.winner == 0
    assert not verdict.adopt
    assert verdict.sentence == "Keep your current parameters. Your current parameters are themselves the best of the grid."


def test_copies_of_the_current_parameters_are_not_adopted():
    """Where no parameter matters at all, every curve is the baseline's."""
    days = [np.repeat(day[:, :1], len(GRID) + 1, axis=1) for day in noise(1)]
    verdict = judge(case_of(days))
    assert not verdict.adopt
    assert verdict.sentence == "Keep your current parameters. Your current parameters and trial 1 came out exactly alike."
    assert verdict.evidence.dead == ("a", "b")
    assert verdict.notes[0].startswith("a, b make no difference here: ")
    assert verdict.notes[1] == "13 trials came to an end, with 1 different outcome: the others repeat one of these."


def test_no_trial_that_will_do():
    """All break a constraint: said, with no winner."""
    verdict = judge(planted(1, excess=lambda chosen: np.ones(len(GRID) + 1)), TERMS)
    assert (verdict.adopt, verdict.winner, verdict.peak) == (False, None, None)
    assert verdict.sentence == "Keep your current parameters. No trial has a figure for net and keeps all constraints on the train days."


def test_an_objective_that_the_old_weights_do_better_is_refused():
    """More money, but a worse objective on the test days: both must be better."""

    def gains(chosen):
        return hill() * (1.0 if len(chosen) > 1 else -1.0)

    assert failed(judge(planted(1, gains=gains))) == ["objective"]


def test_by_sharpe_ratio_less_risk_is_enough():
    """The same money at a third of the risk is no better by money, and better by Sharpe ratio."""
    days = noise(8, intervals=480)
    calm = np.where(np.arange(len(GRID) + 1) == 0, 3.0, 1.0)
    quiet = [day * calm + 0.3 for day in days]

    def sharpe(chosen):
        every = np.concatenate([quiet[day] for day in chosen])
        return every.mean(axis=0) / every.std(axis=0, ddof=1)

    assert "better" in failed(judge(case_of(quiet)))
    verdict = judge(case_of(quiet, measure="sharpe", gains=sharpe), Terms("sharpe"))
    assert "better" not in failed(verdict)
    assert "Sharpe ratio is" in next(reason.text for reason in verdict.reasons if reason.rule == "better")


def test_limits_are_the_users():
    """A stricter one refuses what the usual one lets pass."""
    case = planted(1)
    assert judge(case).adopt
    assert failed(judge(case, limits=Limits(kept_min=0.99))) == ["plateau"]
    assert failed(judge(case, limits=Limits(ahead_min=1.0))) == ["steady"]
    assert failed(judge(case, limits=Limits(pbo_max=-0.1))) == ["pbo"]
    assert failed(judge(case, limits=Limits(deflated_min=1.1))) == ["deflated"]
    assert failed(judge(case, limits=Limits(level=1 - 1e-15))) == ["track"]


# --- notes, and what cannot be judged ------------------------------------------------------------------------------------


def test_notes_name_what_no_rule_asks():
    """Lost trials, a winner at the end of the grid, a winner that loses money."""
    whole = [True] * (len(GRID) + 1)
    whole[7] = False
    days = [day + hill(top=(3, 1)) - 5.0 for day in noise(2)]
    verdict = judge(case_of(days, whole=whole), TERMS)
    notes = " ".join(verdict.notes)
    assert "1 trial did not come to an end" in notes
    assert "The winner has the largest a of the grid" in notes
    assert "itself lost" in notes
    assert "held out" not in notes
    assert "Only 1 day was held out: others may differ." in judge(planted(1, folds=(((0, 1), (2,)),))).notes
    assert ("a", "largest") in edges(verdict.evidence)
    assert 7 not in verdict.evidence.candidates


def test_a_fold_without_a_choice_keeps_the_old_weights():
    """Its days count as no difference."""
    def excess(chosen):
        return np.ones(len(GRID) + 1) * (tuple(chosen) == WALK[0][0])

    evidence = gather(planted(1, excess=excess))
    assert evidence.steps[0].chosen is None
    assert not evidence.out.changes[:48].any()
    assert evidence.out.changes[48:].any()


def test_lengths_of_time_read_well():
    """Days, hours, minutes, seconds."""
    assert [TERMS.span(n) for n in (3 * 1440, 180, 5, 0.5)] == ["3 days", "3 hours", "5 minutes", "30 seconds"]
    assert Terms("max_drawdown", "USD", -1).value(-12.5) == "12.5 USD"
    assert TERMS.value(math.nan) == "none"


def test_ranks():
    """Ties half; what has no figure is left out."""
    values = np.array([1.0, 2.0, 2.0, 3.0, math.nan])
    assert [rank_share(values, k) for k in range(5)] == [0.0, 0.5, 0.5, 1.0, None]
    assert rank_correlation(values, -values) == pytest.approx(-1.0)
    assert rank_correlation(values, np.exp(values)) == pytest.approx(1.0)
    assert rank_correlation(values, np.ones(5)) is None
    assert rank_correlation(values[:2], values[:2]) is None


def test_what_cannot_be_judged_is_refused():
    """With a code."""
    with pytest.raises(CalibrateError, match="CAL-082"):
        judge(case_of([day[:, :1] for day in noise(1)], points=[]))
    with pytest.raises(CalibrateError, match="CAL-083"):
        judge(planted(1, whole=[False] + [True] * len(GRID)))


# --- parameters that do nothing, and trials that repeat one another ----------------------------------


def with_dead_b(days):
    """Return changes under which parameter b does nothing: all its values do as its first."""
    return [np.column_stack([day[:, 0], *(day[:, 1 + 3 * (place // 3)] for place in range(12))]) for day in days]


def test_a_parameter_that_does_nothing_is_named_and_no_more_is_said_of_its_values():
    """Its value in the winner, at an end or not, is chance: nothing may lie beyond."""
    verdict = judge(case_of(with_dead_b([day + hill((3, 0), height=0.7) for day in noise(5)])), TERMS)
    assert verdict.evidence.dead == ("b",)
    assert verdict.evidence.distinct == 5
    assert verdict.notes[0].startswith("b makes no difference here: trials that differ in nothing else came out exactly alike.")
    assert not any("b of the grid" in note for note in verdict.notes)


def test_copies_do_not_count_as_trials_nor_as_neighbours():
    """Four outcomes a, played three times each, are judged as the four alone would be."""
    days = [day + hill((1, 0), height=0.7) for day in noise(7)]
    alone = [day[:, [0, 1, 4, 7, 10]] for day in days]
    many, few = judge(case_of(with_dead_b(days)), TERMS), judge(case_of(alone, points=[(a, 0) for a in range(4)]), TERMS)
    assert many.evidence.trials_effective == pytest.approx(few.evidence.trials_effective)
    assert (many.winner - 1) // 3 == few.winner - 1
    assert many.evidence.choice.means[1::3] == pytest.approx(few.evidence.choice.means[1:])
    assert many.evidence.kept_share == pytest.approx(few.evidence.kept_share)


def test_an_edge_is_judged_as_strictly_as_the_middle():
    """A trial at the end of a line of values, as good as one inside with the same neighbour, has no better mark for having one neighbour less."""
    from simcore.calibrate.plateau import neighbourhood_means, neighbours, space_of

    line = neighbours(space_of(pd.DataFrame({"a": [1, 2, 3, 4, 5]})))
    means = neighbourhood_means(np.array([9.0, 0.0, 9.0, 0.0, 0.0]), line)
    assert means[0] == means[2] == 3.0


def test_the_best_is_said_to_lie_beyond_only_of_what_matters():
    rising = np.array([0.0, *(0.4 * a for a, _ in GRID)])
    verdict = judge(case_of([day + rising for day in noise(3)]), TERMS)
    beyond = [note for note in verdict.notes if "may lie beyond" in note]
    assert len(beyond) == 1
    assert "largest a of the grid" in beyond[0]


def test_the_comparison_speaks_of_what_the_verdict_speaks_of():
    """Money on held-out days: the difference is the sum that the rule "better" gives."""
    from simcore.calibrate.report_tables import comparison

    verdict = judge(case_of([day + hill(height=0.5) for day in noise(2)]), TERMS)
    rows = {(row["figure"], row["days"]): row for row in comparison(verdict.evidence, TERMS)}
    assert rows["net", "held out"]["difference"] == pytest.approx(verdict.evidence.out.total.estimate)
    for row in rows.values():
        assert row["difference"] == pytest.approx(row["best"] - row["current"])
