"""The verdict: adopt the winner, or keep the current parameters, and why, in sentences.

Adopt only if every rule holds (docs/calibrate.md, "What the answer means"). Each rule refuses a way in which the best of many
back-tests misleads; where something cannot be known, the current parameters stay.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from simcore.calibrate import overfit
from simcore.calibrate.evidence import Case, Evidence, Record, gather
from simcore.calibrate.intervals import Interval
from simcore.report.wording import ABSENT, plain, signed_text

KEEP_WORDS = "Keep your current parameters"
FEW_DAYS = 3  # held out: fewer get a note
EDGE_SHARE = 0.05  # of the variance of scores: a parameter that explains less has no better values to look for


@dataclass(frozen=True)
class Limits:
    """What the rules ask for. kept_min: share of the winner's advantage that its neighbours have; ahead_min: share of test days."""

    deflated_min: float = 0.95
    pbo_max: float = 0.2
    kept_min: float = 0.5
    ahead_min: float = 0.5
    level: float = overfit.LEVEL


LIMITS = Limits()


@dataclass(frozen=True)
class Terms:
    """How figures are named: the objective, its unit, +1 if more of it is better and -1 if less, money, length of an interval.

    period  what a case's days are: "day", or "period" where they are parts of days.
    """

    objective: str = "net"
    unit: str = ""
    better: int = 1
    cash: str = ""
    interval_s: float = 60.0
    period: str = "day"

    def value(self, gain: float) -> str:
        """Return a gain as the objective that it stands for."""
        if not math.isfinite(gain):
            return "none"
        return f"{plain(self.better * gain, 4)} {self.unit}".rstrip()

    def number(self, gain: float) -> str:
        """Return the same without its unit, for a table."""
        return plain(self.better * gain, 4) if math.isfinite(gain) else ABSENT

    def money(self, amount: float) -> str:
        """Return an amount of cash."""
        return f"{plain(amount, 4)} {self.cash}".rstrip()

    def span(self, intervals: float) -> str:
        """Return a number of intervals as a length of time."""
        hours = intervals * self.interval_s / 3600.0
        for size, name in ((24.0, "days"), (1.0, "hours"), (1.0 / 60.0, "minutes")):
            if hours >= 2.0 * size:
                return f"{plain(hours / size, 3)} {name}"
        return f"{plain(hours * 3600.0, 3)} seconds"


@dataclass(frozen=True)
class Reason:
    """A rule, whether it holds, and a sentence that says so with its figures."""

    rule: str
    holds: bool
    text: str


@dataclass(frozen=True)
class Verdict:
    """adopt: whether to take the winner. winner, peak: trial numbers, None if no trial would do. sentence: all in one.

    notes: what a reader should know besides.
    """

    adopt: bool
    winner: int | None
    peak: int | None
    sentence: str
    reasons: tuple[Reason, ...]
    notes: tuple[str, ...]
    evidence: Evidence


def judge(case: Case, terms: Terms | None = None, limits: Limits = LIMITS, seed: int = 1) -> Verdict:
    """Judge a finished calibration. seed: of the bootstraps. Raises as `evidence.gather`."""
    terms = terms or Terms()
    evidence = gather(case, seed)
    winner = None if evidence.choice is None else evidence.choice.winner
    peak = None if evidence.choice is None else evidence.choice.peak
    reasons = tuple(rule(Question(evidence, terms, limits)) for rule in (RULES if winner is not None else (_candidates,)))
    if evidence.same_as_baseline:
        what = "are themselves the best of the grid" if winner == 0 else f"and trial {winner} came out exactly alike"
        reasons = (Reason("better", holds=False, text=f"Your current parameters {what}."),)
    adopt = all(reason.holds for reason in reasons)
    return Verdict(adopt, winner, peak, _sentence(evidence, adopt, reasons), reasons, _notes(evidence, terms), evidence)


class Question(NamedTuple):
    """What a rule looks at."""

    evidence: Evidence
    terms: Terms
    limits: Limits


def _candidates(ask: Question) -> Reason:
    return Reason("candidates", holds=False, text=f"No trial has a figure for {ask.terms.objective} and keeps all constraints on the train days.")


def _held_out(ask: Question) -> Reason:
    """Something was held out."""
    if ask.evidence.out is None:
        text = "No days were held out, so nothing can tell skill from luck: give more days, and --splits walk-forward:train=…,test=…."
        return Reason("held_out", holds=False, text=text)
    days = sum(len(step.test) for step in ask.evidence.steps)
    text = f"The choice was made {_times(len(ask.evidence.steps))} on train days and judged on {_count(days, f'held-out {ask.terms.period}')}, which had no part in it."
    return Reason("held_out", holds=True, text=text)


def _better(ask: Question) -> Reason:
    """The choice makes more money than the current parameters on test days, surely."""
    out = ask.evidence.out
    if out is None:
        return _unknown("better")
    holds = out.interval.low > 0.0
    if ask.evidence.case.measure == "sharpe":
        figure, unit = _range(out.interval, 4), ""
        than = "above" if out.interval.estimate >= 0.0 else "below"
        head = f"On the held-out days the choice's Sharpe ratio is {plain(abs(out.interval.estimate), 4)} an interval {than} that of the current parameters"
    else:
        figure, unit = _range(out.total, 4), ask.terms.cash
        more = "more" if out.total.estimate >= 0.0 else "less"
        head = f"On the held-out days the choice earned {ask.terms.money(abs(out.total.estimate))} {more} than the current parameters"
    tail = "" if holds else ", so the difference may be luck" if out.interval.high > 0.0 else ", so it is worse"
    return Reason("better", holds, f"{head} ({_percent(out.interval.level)} interval of the difference {figure} {unit}".rstrip() + f"){tail}.")


def _objective(ask: Question) -> Reason:
    """The objective itself is better on test days."""
    if not ask.evidence.steps:
        return _unknown("objective")
    pairs = [(step.test_gain, step.baseline_test) for step in ask.evidence.steps if step.chosen is not None]
    known = [(own, base) for own, base in pairs if math.isfinite(own) and math.isfinite(base)]
    if not known:
        text = f"Nothing compares {ask.terms.objective} on held-out days: the choice or the current parameters have no figure there."
        return Reason("objective", holds=False, text=text)
    own, base = (float(np.mean(column)) for column in zip(*known, strict=True))
    text = f"Its {ask.terms.objective} there is {ask.terms.value(own)}, that of the current parameters {ask.terms.value(base)}{_mean_of(len(known))}."
    return Reason("objective", holds=own > base, text=text)


def _steady(ask: Question) -> Reason:
    """It is ahead on most test days, not on one."""
    if ask.evidence.out is None:
        return _unknown("steady")
    sums = _daily_sums(ask.evidence)
    ahead = sum(each > 0.0 for each in sums)
    text = f"It is ahead of the current parameters on {ahead} of {_count(len(sums), f'held-out {ask.terms.period}')}."
    return Reason("steady", holds=ahead > ask.limits.ahead_min * len(sums), text=text)


def _deflated(ask: Question) -> Reason:
    """Its lead is more than the best of all trials without skill would show."""
    value = ask.evidence.deflated
    holds = value >= ask.limits.deflated_min
    more = "that is more than luck" if holds else "luck among so many would show as much"
    text = (
        f"Deflated Sharpe ratio {chance(value)} of its lead over all days, as the best of {counted_words(ask.evidence)} "
        f"(at least {ask.limits.deflated_min:g} is asked): {more}."
    )
    return Reason("deflated", holds, text)


def _cross_validated(ask: Question) -> Reason:
    """Choosing on one half of the time helps in the other."""
    cross = ask.evidence.cross
    if cross is None:
        return Reason("pbo", holds=False, text="The days are too short to cross-validate the choice.")
    holds = cross.pbo <= ask.limits.pbo_max
    text = (
        f"Probability of back-test over-fitting {chance(cross.pbo)} (at most {ask.limits.pbo_max:g} is allowed): so often the best of one half "
        f"of the time is no better than the middle in the other."
    )
    return Reason("pbo", holds, text)


def _long_enough(ask: Question) -> Reason:
    """The held-out record is long enough for its Sharpe ratio."""
    out = ask.evidence.out
    if out is None:
        return _unknown("track")
    needed = overfit.minimum_track_record(out.shape, 0.0, ask.limits.level)
    if needed is None:
        return Reason("track", holds=False, text="No track record is long enough for a lead that is not above zero.")
    has = out.shape.observations
    text = (
        f"The held-out record counts for {ask.terms.span(has)} of independent changes; a lead of its size and shape needs {ask.terms.span(needed)} "
        f"to be known at {_percent(ask.limits.level)}."
    )
    return Reason("track", holds=has >= needed, text=text)


def _constrained(ask: Question) -> Reason:
    """The constraints hold on the test days as well."""
    if not ask.evidence.steps:
        return _unknown("constraints")
    broken = [step for step in ask.evidence.steps if not step.kept]
    if not broken:
        return Reason("constraints", holds=True, text="All constraints hold on the held-out days.")
    text = f"On the held-out days {_count(len(broken), 'choice')} of {len(ask.evidence.steps)} broke a constraint that held on the train days."
    return Reason("constraints", holds=False, text=text)


def _plateau(ask: Question) -> Reason:
    """Its neighbours are good as well."""
    share = ask.evidence.kept_share
    assert ask.evidence.choice is not None
    around = ask.evidence.near[ask.evidence.choice.winner]
    if not np.any(around != 0):
        which = "but the current parameters" if len(around) else "to compare with: no parameter has another value next to it"
        return Reason("plateau", holds=True, text=f"It has no neighbours {which}.")
    if share is None:
        own, base = (ask.terms.value(float(ask.evidence.train_gains[trial])) for trial in (ask.evidence.choice.winner, 0))
        text = f"On the train days themselves its {ask.terms.objective} is {own}, that of the current parameters {base}: it has no advantage to keep."
        return Reason("plateau", holds=False, text=text)
    holds = share >= ask.limits.kept_min
    text = (
        f"Its neighbours have {_percent(share)} of its advantage on the train days (at least {_percent(ask.limits.kept_min)} is asked): "
        f"{'a plateau' if holds else 'a peak, which a small change would lose'}."
    )
    return Reason("plateau", holds, text)


Rule = Callable[[Question], Reason]
RULES: tuple[Rule, ...] = (
    _held_out, _better, _objective, _steady, _deflated, _cross_validated, _long_enough, _constrained, _plateau,
)  # fmt: skip


def record_figures(record: Record | None, terms: Terms, level: float = LIMITS.level) -> dict[str, Any]:
    """Return what verdict.json has of a record; Sharpe ratios are per interval, lengths in intervals."""
    if record is None:
        return {}
    shape = record.shape
    return {
        "intervals": len(record.changes), "independent": shape.observations, "sharpe": shape.sharpe, "skew": shape.skew,
        "kurtosis": shape.kurtosis, "probabilistic_sharpe": overfit.probabilistic_sharpe(shape),
        "minimum_track_record": overfit.minimum_track_record(shape, 0.0, level), "mean": _ends(record.interval),
        "total": _ends(record.total), "block": record.interval.block, "interval_s": terms.interval_s,
    }  # fmt: skip


def counted_words(evidence: Evidence) -> str:
    """Say how many trials the deflated Sharpe ratio counts, and out of how many."""
    return f"{plain(evidence.trials_counted, 3)} independent trials ({evidence.case.ever:,} ever run on these tapes)"


def chance(value: float) -> str:
    """Return a probability that never reads as certain when it is not."""
    if value < 0.0005:
        return "below 0.001"
    return "above 0.999" if value > 0.9995 else signed_text(value, 3)


def _sentence(evidence: Evidence, adopt: bool, reasons: tuple[Reason, ...]) -> str:
    failed = [reason.text for reason in reasons if not reason.holds]
    if evidence.choice is None or evidence.choice.winner == 0:
        return f"{KEEP_WORDS}. {failed[0]}"
    name = f"trial {evidence.choice.winner}"
    if not adopt:
        more = f" And {_count(len(failed) - 1, 'more reason')} below." if len(failed) > 1 else ""
        if evidence.same_as_baseline:
            return f"{KEEP_WORDS}. {failed[0]}"
        return f"{KEEP_WORDS}: {_looked(evidence, name)}, but it is not shown to be better. {failed[0]}{more}"
    by_rule = {reason.rule: reason.text for reason in reasons}
    tail = " It still loses money." if earned_of(evidence) <= 0.0 else ""
    return f"Adopt {name}. {by_rule['better']} {by_rule['steady']}{tail}"


def _looked(evidence: Evidence, name: str) -> str:
    """Say what was good about the winner: its own figure, or only the mean with its neighbours."""
    assert evidence.choice is not None
    gains = evidence.train_gains
    if evidence.choice.peak == evidence.choice.winner:
        return f"{name} looked best on the train days"
    if gains[evidence.choice.winner] > gains[0]:
        return f"{name} looked best on the train days after averaging with its neighbours"
    return f"{name} won only after averaging with its neighbours, and by itself it was no better on the train days"


def _notes(evidence: Evidence, terms: Terms) -> tuple[str, ...]:
    """Say what no rule asks but a reader should know."""
    case, choice = evidence.case, evidence.choice
    notes = _dead_notes(evidence)
    lost = case.trials - int(np.count_nonzero(case.whole))
    if lost:
        notes.append(f"{_count(lost, 'trial')} did not come to an end on all days and took no part.")
    if choice is None:
        return tuple(notes)
    earned = earned_of(evidence)
    if earned <= 0.0:
        notes.append(f"Trial {choice.winner} itself lost {terms.money(-earned)} over all days: better than the current parameters is not yet good.")
    notes += [f"The winner has the {end} {name} of the grid, and that parameter matters: the best may lie beyond." for name, end in edges(evidence)]
    held = sum(len(step.test) for step in evidence.steps)
    if 0 < held < FEW_DAYS:
        notes.append(f"Only {_count(held, terms.period)} {'was' if held == 1 else 'were'} held out: others may differ.")
    missing = [step for step in evidence.steps if step.chosen is None]
    if missing:
        notes.append(f"In {_count(len(missing), 'fold')} no trial would do, and the current parameters were kept for its test days.")
    if evidence.whole is not None:
        needed = overfit.minimum_backtest(evidence.whole.shape.sharpe, evidence.trials_counted)
        has = evidence.whole.shape.observations
        if needed is not None and needed > has:
            notes.append(f"So many trials are expected to show such a lead by luck in less than {terms.span(needed)}; these days count for {terms.span(has)}.")
    return tuple(notes)


def _dead_notes(evidence: Evidence) -> list[str]:
    """Say which parameters made no difference, and how few outcomes there really were."""
    notes = []
    if evidence.dead:
        verb = "makes" if len(evidence.dead) == 1 else "make"
        notes.append(
            f"{', '.join(evidence.dead)} {verb} no difference here: trials that differ in nothing else came out exactly alike. "
            "Its values in the winner mean nothing; leave it out of the grid, or find out why it never acts."
        )
    whole = int(np.count_nonzero(evidence.case.whole))
    if evidence.distinct < whole:
        notes.append(f"{whole:,} trials came to an end, with {_count(evidence.distinct, 'different outcome')}: the others repeat one of these.")
    return notes


def earned_of(evidence: Evidence) -> float:
    """Return what the winner earned over all days, cash."""
    assert evidence.choice is not None
    return float(sum(np.sum(day[:, evidence.choice.winner]) for day in evidence.case.changes))


def edges(evidence: Evidence) -> list[tuple[str, str]]:
    """Return the parameters at whose end the winner is: (name, "smallest" or "largest").

    Of those with three values or more that explain at least EDGE_SHARE of the scores, and whose best value, all else as the
    winner has it, is the one at the end.
    """
    assert evidence.choice is not None
    ordered = {axis.name: axis.ordered for axis in evidence.space.axes}
    found = []
    for each in evidence.slices:
        last = len(each.labels) - 1
        inside = np.delete(each.here, each.winner_at)
        is_best = bool(np.all(each.here[each.winner_at] > inside[np.isfinite(inside)]))
        if ordered[each.name] and last >= 2 and each.winner_at in (0, last) and each.share >= EDGE_SHARE and is_best:
            found.append((each.name, "largest" if each.winner_at else "smallest"))
    return found


def _daily_sums(evidence: Evidence) -> list[float]:
    """Return the sum of the walk forward's excess on each test day."""
    assert evidence.out is not None
    lengths = [len(evidence.case.changes[day]) for step in evidence.steps for day in step.test]
    return [float(np.sum(piece)) for piece in np.split(evidence.out.changes, np.cumsum(lengths)[:-1])]


def _unknown(rule: str) -> Reason:
    return Reason(rule, holds=False, text="Not known without held-out days.")


def _ends(interval: Interval) -> dict[str, float]:
    return {"low": interval.low, "estimate": interval.estimate, "high": interval.high, "level": interval.level}


def _range(interval: Interval, digits: int) -> str:
    return f"{plain(interval.low, digits)} to {plain(interval.high, digits)}"


def _percent(share: float) -> str:
    return f"{signed_text(100.0 * share, 0)} %"


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _mean_of(folds: int) -> str:
    return "" if folds == 1 else f" (means over {folds} folds)"
