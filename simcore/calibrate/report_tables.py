"""The tables of a calibration's report, worked out from a verdict."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from simcore.calibrate import overfit
from simcore.calibrate.evidence import Evidence, Record, Step
from simcore.calibrate.plateau import GRID, choose
from simcore.calibrate.verdict import Terms, Verdict, chance
from simcore.records import FloatArray
from simcore.report.pages import Table
from simcore.report.wording import ABSENT, plain, shown, signed_text

BEST_ROWS = 10
NEAREST_ROWS = 5
MONEY = "net"  # equity at the end less that at the start
DAY_ROWS = 60
RULE_WORDS = {
    "candidates": "there is a winner", "held_out": "days were held out", "better": "better on held-out days",
    "objective": "better objective there", "steady": "ahead on most of them", "deflated": "more than luck of many trials",
    "pbo": "choosing helps", "track": "long enough", "constraints": "constraints hold there", "plateau": "a plateau",
}  # fmt: skip


def rule_table(verdict: Verdict) -> Table:
    """What the verdict rests on."""
    rows = [(RULE_WORDS[reason.rule], "holds" if reason.holds else "fails", reason.text) for reason in verdict.reasons]
    return Table("Rules", ("to adopt", "", "why"), rows, (False, False, False), "All must hold, else the current parameters stay.")


def best_table(evidence: Evidence, terms: Terms, more: Mapping[str, FloatArray] | None = None) -> Table:
    """The best trials of the train days, by neighbourhood, and the current parameters; figures on train and test days.

    more: other figures [T] of the train days, by their headings.
    """
    others = {name: column for name, column in (more or {}).items() if name != terms.objective}
    case, names = evidence.case, tuple(str(name) for name in evidence.case.params.columns)
    digits = _digits(evidence)
    before, after, excess = evidence.train_gains, _test_gains(evidence), case.excess(evidence.train)
    means = np.full(case.trials, math.nan) if evidence.choice is None else evidence.choice.means
    able = [int(trial) for trial in evidence.candidates if math.isfinite(before[trial]) and excess[trial] == 0.0]
    best = sorted(able, key=lambda trial: (-min(_low(means[trial]), _low(before[trial])), -before[trial], trial))[:BEST_ROWS]  # as `choose` does
    rows = []
    for trial in [*best, *([] if 0 in best else [0])]:
        values = (shown_value(case.params.iloc[trial, place], digits) for place in range(len(names)))
        row = (_trial_name(evidence, trial), *values, *(terms.number(each[trial]) for each in (before, means, after)))
        known = (plain(float(each[trial]), 4) if math.isfinite(each[trial]) else ABSENT for each in others.values())
        rows.append((*row, *known, "kept" if excess[trial] == 0.0 else "broken"))
    head = ("trial", *names, f"{terms.objective}, train", "with neighbours", "test", *others, "constraints")
    note = f"{terms.objective} in {terms.unit}; " if terms.unit else ""
    note += "train and test days are those of the last fold." if evidence.steps else "no days were held out."
    return Table("Best trials", head, rows, (False, *(True,) * (len(head) - 2), False), note)


Measures = Mapping[str, Callable[[Sequence[int]], FloatArray]]  # figure -> its values [T] over some days


def comparison(evidence: Evidence, terms: Terms, more: Measures | None = None) -> list[dict[str, Any]]:
    """Return what the current parameters and the choice have, and the difference: rows of figure, days, current, best, difference.

    Objective and money of the train days, of the held-out days (each fold's own choice, as the verdict judges it; the objective as
    a mean over folds), and of all days (the winner); then the figures of `more` on train and all days, as they are.
    None where there is no figure. Empty without a winner.
    """
    choice, case = evidence.choice, evidence.case
    if choice is None:
        return []
    every = tuple(range(len(case.days)))
    gains = case.gains(every)
    rows = [_compared(terms.objective, "train", terms.better, float(evidence.train_gains[0]), float(evidence.train_gains[choice.winner]))]
    known = [step for step in evidence.steps if step.chosen is not None and math.isfinite(step.test_gain) and math.isfinite(step.baseline_test)]
    if known:
        means = (float(np.mean([step.baseline_test for step in known])), float(np.mean([step.test_gain for step in known])))
        rows.append(_compared(terms.objective, "held out", terms.better, *means))
    rows.append(_compared(terms.objective, "all", terms.better, float(gains[0]), float(gains[choice.winner])))
    rows.append(_compared(MONEY, "train", 1, *(float(np.sum(case.series(trial, evidence.train))) for trial in (0, choice.winner))))
    if evidence.steps:
        own = sum(float(np.sum(case.series(step.chosen or 0, step.test))) for step in evidence.steps)
        base = sum(float(np.sum(case.series(0, step.test))) for step in evidence.steps)
        rows.append(_compared(MONEY, "held out", 1, base, own))
    rows.append(_compared(MONEY, "all", 1, *(float(np.sum(case.series(trial))) for trial in (0, choice.winner))))
    for name, measure in (more or {}).items():
        for days, chosen in (("train", evidence.train), ("all", every)):
            values = measure(chosen)
            rows.append(_compared(name, days, 1, float(values[0]), float(values[choice.winner])))
    return rows


def _compared(figure: str, days: str, better: int, base: float, own: float) -> dict[str, Any]:
    """Return a row of gains: signed as more is better; the figures themselves are better x gain."""
    values = {"current": better * base, "best": better * own, "difference": better * (own - base)}
    return {"figure": figure, "days": days, **{name: value if math.isfinite(value) else None for name, value in values.items()}}


def comparison_table(evidence: Evidence, terms: Terms, more: Measures | None = None) -> Table:
    """The current parameters beside the choice; no rows without a winner."""
    found = comparison(evidence, terms, more)
    units = {terms.objective: terms.unit, MONEY: terms.cash}
    rows = [
        (_named(row, units), row["days"], *(ABSENT if row[key] is None else plain(row[key], 4) for key in ("current", "best", "difference")))
        for row in found
    ]
    note = "Train: the days of the last choice. Held out: what each fold's choice did on days that had no part in it, which is what the verdict rests on. All: the winner on every day."
    return Table("Current and best", ("", "days", "current", "best", "difference"), rows, (False, False, True, True, True), note if rows else "")


def _named(row: Mapping[str, Any], units: Mapping[str, str]) -> str:
    unit = units.get(row["figure"], "")
    return f"{row['figure']}, {unit}" if unit else str(row["figure"])


def fold_table(evidence: Evidence, terms: Terms) -> Table:
    """The walk forward."""
    rows = [
        (
            _day_range(evidence, step.train), _day_range(evidence, step.test), ABSENT if step.chosen is None else str(step.chosen),
            terms.number(step.train_gain), terms.number(step.test_gain), terms.number(step.baseline_train), terms.number(step.baseline_test),
            _share(step.rank), _ratio(step.correlation), _kept(step),
        )
        for step in evidence.steps
    ]  # fmt: skip
    head = ("train days", "test days", "choice", "train", "test", "old, train", "old, test", "beats, %", "rank corr.", "constraints")
    note = (
        f"{terms.objective}{', ' + terms.unit if terms.unit else ''}, of the choice and of the current parameters. Beats: share of the other trials on the test days, 50 is the middle. "
        "Rank corr.: Spearman's, of all trials between train and test days; 0 means that train days say nothing about test days."
    )
    return Table("Folds", head, rows, (False, False, *(True,) * 7, False), note)


def day_table(evidence: Evidence, terms: Terms) -> Table:
    """The winner day by day; no rows without one."""
    stability, choice = evidence.stability, evidence.choice
    if stability is None or choice is None:
        return Table("Days", (), [], ())
    rows = [
        (
            evidence.case.days[day], terms.number(stability.gains[day, choice.winner]), terms.number(stability.gains[day, 0]),
            terms.number(stability.ahead[day]), _share(float(stability.ranks[day])),
        )
        for day in range(min(len(evidence.case.days), DAY_ROWS))
    ]  # fmt: skip
    left = len(evidence.case.days) - len(rows)
    note = f"{left} more days are in verdict.json." if left else ""
    return Table("Days", ("day", terms.objective, "current", "difference", "beats, %"), rows, (False, *(True,) * 4), note)


def stability_text(evidence: Evidence, terms: Terms) -> str:
    """Say how steady the winner and the order of trials are."""
    stability = evidence.stability
    if stability is None:
        return "There is no winner to look at."
    known = np.flatnonzero(np.isfinite(stability.ahead))
    ranks = stability.ranks[np.isfinite(stability.ranks)]
    parts = [f"The winner is in the upper half of all trials on {int(np.sum(ranks > 0.5))} of {len(ranks)} days."]
    if len(known):
        worst = int(known[np.argmin(stability.ahead[known])])
        parts.append(f"Its worst day against the current parameters is {evidence.case.days[worst]}: {terms.value(float(stability.ahead[worst]))}.")
    if stability.correlation is not None:
        parts.append(f"Ranks of trials on one day and on another correlate by {signed_text(stability.correlation, 2)} on average.")
    return " ".join(parts)


def record_table(evidence: Evidence, terms: Terms) -> Table:
    """Sharpe ratios of the lead over the current parameters, and what they are worth."""
    records = [("held-out days", evidence.out), ("all days", evidence.whole)]
    lines: list[tuple[str, Callable[[Record], str]]] = [
        ("intervals", lambda record: shown(len(record.changes), "count")),
        ("… that count as independent", lambda record: plain(record.shape.observations, 4)),
        ("Sharpe ratio, an interval", lambda record: plain(record.shape.sharpe, 4)),
        ("skewness", lambda record: plain(record.shape.skew, 3)),
        ("kurtosis", lambda record: plain(record.shape.kurtosis, 3)),
        ("probabilistic Sharpe ratio", lambda record: chance(overfit.probabilistic_sharpe(record.shape))),
        ("minimum track record", lambda record: _needed(record, terms)),
    ]
    rows = [(name, *(ABSENT if record is None else write(record) for _, record in records)) for name, write in lines]
    if evidence.whole is not None:
        length = overfit.minimum_backtest(evidence.whole.shape.sharpe, evidence.trials_counted)
        rows += [
            (f"Sharpe ratio of luck, best of {plain(evidence.trials_counted, 3)} independent trials", ABSENT, plain(evidence.deflation, 4)),
            ("deflated Sharpe ratio", ABSENT, chance(evidence.deflated)),
            ("minimum back-test length", ABSENT, ABSENT if length is None else terms.span(length)),
        ]
    note = f"Of the winner's equity changes less those of the current parameters, over intervals of {plain(terms.interval_s)} s; nothing is annualised."
    return Table("The lead over the current parameters", ("", *(name for name, _ in records)), rows, (False, True, True), note)


def trial_table(evidence: Evidence) -> Table:
    """How many trials there were."""
    case = evidence.case
    rows = [
        ("trials of this calibration", shown(case.trials, "count"), "the current parameters are one of them"),
        ("… that came to an end on all days", shown(int(np.count_nonzero(case.whole)), "count"), ""),
        ("… different outcomes among them", shown(evidence.distinct, "count"), "trials with the same equity curve are one"),
        ("… that count as independent", plain(evidence.trials_effective, 4), "ρ + (1 − ρ) T of these outcomes, ρ the mean correlation of their leads over the current parameters"),
        ("trials ever run on these tapes", shown(case.ever, "count"), "this calibration's included"),
        ("independent trials counted", plain(evidence.trials_counted, 4), "those of this calibration, and each that was run before it; the deflated Sharpe ratio counts them"),
        ("variance of their Sharpe ratios", plain(evidence.sharpe_variance, 3), "of equity changes, an interval"),
        ("deflated Sharpe ratio by that variance", chance(_textbook(evidence)), "of the winner's own equity; counts differences of skill as luck"),
    ]
    return Table("Trials", ("", "", ""), rows, (False, True, False))


def cross_table(evidence: Evidence) -> Table:
    """The cross-validation in numbers; no rows without one."""
    cross = evidence.cross
    if cross is None:
        return Table("Cross-validation", (), [], ())
    rows = [
        ("combinations", shown(len(cross.logits), "count"), f"halves of {cross.blocks} blocks of time, by {'money' if cross.measure == 'mean' else 'Sharpe ratio'}"),
        ("probability of back-test over-fitting", chance(cross.pbo), "the best of one half is no better than the middle in the other"),
        ("probability of loss", chance(cross.loss), "it loses money there"),
        ("slope", _ratio(cross.slope), "of performance out of sample over performance in sample"),
        ("R²", _ratio(cross.r_squared), "of that line"),
        ("first-order dominance", _yes(cross.dominance.first), "over a trial at random, whatever bar is set"),
        ("second-order dominance", _yes(cross.dominance.second), "over a trial at random, for whoever dislikes risk"),
    ]
    return Table("Cross-validation", ("", "", ""), rows, (False, True, False))


def sensitivity_table(evidence: Evidence, terms: Terms) -> Table:
    """What each parameter is worth; no rows without a winner."""
    rows = []
    for one in evidence.slices:
        finite = one.here[np.isfinite(one.here)]
        spread = float(np.ptp(finite)) if len(finite) > 1 else math.nan
        rows.append((one.name, one.labels[one.winner_at], _share(one.share), terms.number(spread) if terms.better > 0 else terms.number(-spread)))
    head = ("", "winner", "explains, %", "range along it")
    note = f"Explains: share of the variance of {terms.objective} over all trials, by this parameter alone. Range: all else as the winner has it."
    return Table("Parameters", head, rows, (False, True, True, True), note)


def nearest_table(evidence: Evidence, terms: Terms) -> Table:
    """The trials that came nearest to the constraints without keeping them; no rows if there are none."""
    case = evidence.case
    names = tuple(str(name) for name in case.params.columns)
    digits = _digits(evidence)
    gains, excess = evidence.train_gains, case.excess(evidence.train)
    missed = [int(trial) for trial in evidence.candidates if excess[trial] > 0.0 and math.isfinite(excess[trial])]
    first = sorted(missed, key=lambda trial: (excess[trial], -_low(gains[trial]), trial))[:NEAREST_ROWS]
    rows = [
        (str(trial), *(shown_value(case.params.iloc[trial, place], digits) for place in range(len(names))), terms.number(gains[trial]), f"{signed_text(100 * excess[trial], 1)} %")
        for trial in first
    ]  # fmt: skip
    note = f"{len(missed):,} of {len(evidence.candidates):,} trials break a constraint on the train days. Beyond: the sum over constraints, of the limit."
    return Table("Nearest misses", ("trial", *names, terms.objective, "beyond"), rows, (False, *(True,) * (len(names) + 2)), note)


def without_constraints(evidence: Evidence) -> int | None:
    """Return the trial that would be chosen if there were no constraints."""
    able = np.zeros(evidence.case.trials, bool)
    able[evidence.candidates] = True
    choice = choose(evidence.train_gains, able, evidence.near)
    return None if choice is None else choice.winner


def shown_value(value: object, digits: int = 6) -> str:
    """Return a parameter's value as text."""
    if isinstance(value, (int, float, np.number)) and not isinstance(value, bool):
        return plain(float(value), digits) if math.isfinite(float(value)) else ABSENT
    return ABSENT if value is None else str(value)


def _digits(evidence: Evidence) -> int:
    """Return how many digits parameters are shown with: what was drawn has many more than anyone reads."""
    return 6 if evidence.space.kind == GRID else 4


def _textbook(evidence: Evidence) -> float:
    """Return the deflated Sharpe ratio as the paper has it: the winner's own changes, variance and number of these trials."""
    if evidence.choice is None:
        return 0.0
    shape = overfit.shape_of(evidence.case.series(evidence.choice.winner))
    return overfit.deflated_sharpe(shape, evidence.sharpe_variance, float(max(len(evidence.candidates), 1)))


def _test_gains(evidence: Evidence) -> FloatArray:
    if not evidence.steps:
        return np.full(evidence.case.trials, math.nan)
    return evidence.case.gains(evidence.steps[-1].test)


def _trial_name(evidence: Evidence, trial: int) -> str:
    words = []
    if evidence.choice is not None:
        words = [word for word, which in (("winner", evidence.choice.winner), ("peak", evidence.choice.peak)) if which == trial]
    words += ["current"] if trial == 0 else []
    return f"{trial} ({', '.join(words)})" if words else str(trial)


def _day_range(evidence: Evidence, days: tuple[int, ...]) -> str:
    first, last = evidence.case.days[days[0]], evidence.case.days[days[-1]]
    return first if len(days) == 1 else f"{first} … {last}"


def _needed(record: Record, terms: Terms) -> str:
    needed = overfit.minimum_track_record(record.shape)
    return "none is" if needed is None else terms.span(needed)


def _kept(step: Step) -> str:
    return ABSENT if step.chosen is None else "kept" if step.kept else "broken"


def _low(value: Any) -> float:
    return float(value) if math.isfinite(value) else -math.inf


def _share(value: float | None) -> str:
    return ABSENT if value is None or not math.isfinite(value) else signed_text(100.0 * value, 0)


def _ratio(value: float | None) -> str:
    return ABSENT if value is None else signed_text(value, 2)


def _yes(value: bool) -> str:
    return "yes" if value else "no"
