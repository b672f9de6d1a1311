"""The pictures of a calibration. Import this module late: matplotlib takes half a second."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes

from simcore.calibrate import overfit
from simcore.calibrate.evidence import Evidence, Stability
from simcore.calibrate.plateau import Axis, Slice, binned, pair_means
from simcore.calibrate.verdict import Terms
from simcore.records import FloatArray, IntArray
from simcore.report import canvas
from simcore.report.canvas import BLUE, FAINT, GREEN, INK, MUTED, ORANGE, SKY, VERMILION, Picture
from simcore.report.wording import plain, signed_text

COLUMNS = 3
PAIRS_MAX = 6  # heat maps, of the parameters that matter most
_LABELS_MAX = 9  # of the values of a parameter, on an axis
_CHARACTERS_MAX, _CHARACTERS_UP_MAX = 36, 5  # all labels across; one label beside an axis
_NOBODY = "no trial would do"
_MARKS = (("peak", ORANGE, "^", 60), ("winner", VERMILION, "o", 70), ("current", INK, "X", 60))


def draw(name: str, evidence: Evidence, terms: Terms) -> Picture:
    """Return one of PLOTS. KeyError for another name."""
    with canvas.house_style():
        return PLOTS[name][0](evidence, terms)


def _one_panel(title: str, height_in: float, top: float, bottom: float) -> tuple[Picture, Axes]:
    """Return a picture of one panel with its title; top, bottom: the panel's edges, as shares of the height."""
    picture = canvas.new_picture(height_in)
    axes = picture.subplots()
    picture.subplots_adjust(left=0.085, right=0.975, top=top, bottom=bottom)
    axes.set_title(title)
    return picture, axes


def held_out(evidence: Evidence, terms: Terms) -> Picture:
    """What each fold's choice earned more than the current parameters, over the test days."""
    picture, axes = _one_panel("Held-out days: the choice less the current parameters", 3.1, top=0.86, bottom=0.17)
    if evidence.out is None:
        canvas.say_nothing_to_show(axes, "no days were held out")
        return picture
    total = np.concatenate([[0.0], np.cumsum(evidence.out.changes)])
    kept = canvas.extremes(total)
    axes.plot(kept, total[kept], color=BLUE, lw=1.6)
    axes.axhline(0, color=MUTED, lw=0.8)
    tests = [day for step in evidence.steps for day in step.test]
    ends = np.cumsum([0, *(len(evidence.case.changes[day]) for day in tests)])
    for end in ends[1:-1]:
        axes.axvline(end, color=FAINT, lw=1.2)
    shown = canvas.thinned(len(tests), 8)
    axes.set_xticks((ends[:-1] + 0.5 * np.diff(ends))[shown], [evidence.case.days[tests[place]] for place in shown])
    axes.grid(visible=False, axis="x")
    axes.set_xlim(0, len(total) - 1)
    axes.set_ylabel(terms.cash if evidence.case.measure == "mean" else "in standard deviations")
    return picture


def train_test(evidence: Evidence, terms: Terms) -> Picture:
    """Each trial on train and on test days, of the last fold."""
    picture, axes = _one_panel("Train and test days of the last fold", 4.0, top=0.88, bottom=0.14)
    if not evidence.steps or evidence.choice is None:
        canvas.say_nothing_to_show(axes, "no days were held out" if evidence.choice is not None else _NOBODY)
        return picture
    step = evidence.steps[-1]
    before, after = (terms.better * evidence.case.gains(days) for days in (step.train, step.test))
    axes.scatter(before[evidence.candidates], after[evidence.candidates], s=16, color=SKY, alpha=0.7, lw=0)
    _mark(axes, evidence, before, after)
    axes.set_xlabel(_named("train", terms))
    axes.set_ylabel(_named("test", terms))
    canvas.legend_above(axes)
    return picture


def plateau(evidence: Evidence, terms: Terms) -> Picture:
    """Own score against the neighbourhood's, on the train days."""
    picture, axes = _one_panel("Plateau or peak", 3.6, top=0.87, bottom=0.155)
    if evidence.choice is None:
        canvas.say_nothing_to_show(axes, _NOBODY)
        return picture
    own = terms.better * evidence.train_gains
    means = terms.better * evidence.choice.means
    means[0] = means[0] if math.isfinite(means[0]) else own[0]  # beside the grid the current parameters have no neighbours
    axes.scatter(means[evidence.candidates], own[evidence.candidates], s=16, color=SKY, alpha=0.7, lw=0)
    _mark(axes, evidence, means, own)
    low, high = axes.get_xlim()
    axes.axline((low, low), slope=1.0, color=MUTED, lw=0.8, ls="--")
    axes.set_xlim(low, high)
    axes.set_xlabel(f"mean of the trial and its neighbours, {terms.unit or terms.objective}")
    axes.set_ylabel(f"the trial's own {terms.objective}")
    canvas.legend_above(axes)
    return picture


def slices(evidence: Evidence, terms: Terms) -> Picture:
    """The objective along each parameter, on the train days."""
    count = max(len(evidence.slices), 1)
    rows, columns = -(-count // COLUMNS), min(count, COLUMNS)
    picture = canvas.new_picture(0.55 + 2.6 * rows)
    panels = np.atleast_1d(picture.subplots(rows, columns, squeeze=False)).flatten()
    height = 0.55 + 2.6 * rows
    picture.subplots_adjust(left=0.085, right=0.975, top=1 - 0.62 / height, bottom=0.55 / height, hspace=0.55, wspace=0.25)
    for place, axes in enumerate(panels):
        if place < len(evidence.slices):
            _slice(axes, evidence.slices[place], terms, legend=place == columns - 1)
        elif place == 0:
            canvas.say_nothing_to_show(axes, _NOBODY)
        else:
            axes.set_visible(False)
    return picture


def pairs(evidence: Evidence, terms: Terms) -> Picture:
    """The mean objective over pairs of parameters, on the train days."""
    chosen = chosen_pairs(evidence)
    if not chosen:
        picture = canvas.new_picture(1.6)
        canvas.say_nothing_to_show(picture.subplots(), _NOBODY if evidence.choice is None else "one parameter has no pairs")
        return picture
    columns = min(len(chosen), COLUMNS)
    rows = -(-len(chosen) // columns)
    height = 0.4 + 3.3 * rows
    picture = canvas.new_picture(height)
    panels = np.atleast_1d(picture.subplots(rows, columns, squeeze=False)).flatten()
    left = 0.1 if columns > 1 else 0.25
    picture.subplots_adjust(left=left, right=1.0 - 0.4 * left, top=1 - 0.5 / height, bottom=0.75 / height, hspace=0.6, wspace=0.5)
    members = _members(evidence)
    scores = terms.better * evidence.train_gains[members]
    for axes, pair in itertools.zip_longest(panels, chosen):
        if pair is None:
            axes.set_visible(False)
        else:
            _heat(picture, axes, evidence, pair, scores, terms)
    return picture


def days(evidence: Evidence, terms: Terms) -> Picture:
    """The winner on each day: ahead of the current parameters, and where among the trials."""
    picture = canvas.new_picture(4.0)
    upper, lower = picture.subplots(2, 1, sharex=True, gridspec_kw={"hspace": 0.35})
    picture.subplots_adjust(left=0.085, right=0.975, top=0.91, bottom=0.1)
    upper.set_title(f"{terms.objective}: the winner less the current parameters")
    lower.set_title("Share of the other trials that it beats")
    if evidence.stability is None:
        canvas.say_nothing_to_show(upper, _NOBODY)
        return picture
    _days(upper, lower, evidence, evidence.stability, terms)
    return picture


def cross(evidence: Evidence, terms: Terms) -> Picture:
    """The cross-validation: ranks out of sample, what remains of the performance, and against choosing at random."""
    picture = canvas.new_picture(3.3)
    left, middle, right = picture.subplots(1, 3)
    picture.subplots_adjust(left=0.065, right=0.985, top=0.87, bottom=0.165, wspace=0.3)
    found = evidence.cross
    if found is None:
        for axes in (left, middle, right):
            canvas.say_nothing_to_show(axes, "too few intervals")
        return picture
    scale, unit = (1.0, "Sharpe ratio") if found.measure == "sharpe" else (3600.0 / terms.interval_s, f"{terms.cash}/h".lstrip("/"))
    left.set_title(f"Rank out of sample, PBO {found.pbo:.2f}")
    edges = np.linspace(min(float(np.min(found.logits)), -1.0), max(float(np.max(found.logits)), 1.0) + 1e-9, 31)
    for part, colour in ((found.logits <= 0.0, VERMILION), (found.logits > 0.0, GREEN)):
        left.hist(found.logits[part], bins=edges.tolist(), color=colour)
    left.axvline(0, color=INK, lw=1.0)
    left.set_xlabel("logit; 0 is the middle rank")
    left.set_ylabel("combinations")
    middle.set_title("In sample and out")
    kept = canvas.thinned(len(found.inside))
    middle.scatter(found.inside[kept] * scale, found.outside[kept] * scale, s=7, color=BLUE, alpha=0.25, lw=0)
    if found.slope is not None and found.intercept is not None:
        ends = np.array([np.min(found.inside), np.max(found.inside)])
        middle.plot(ends * scale, (found.intercept + found.slope * ends) * scale, color=VERMILION, lw=1.5, label=f"slope {signed_text(found.slope, 2)}")
        middle.legend(loc="best")
    middle.axhline(0, color=MUTED, lw=0.8)
    middle.set_xlabel(f"in sample, {unit}")
    middle.set_ylabel(f"out of sample, {unit}")
    right.set_title("Against any trial")
    curve = found.dominance
    right.plot(curve.values * scale, curve.chosen, color=BLUE, lw=1.6, label="the chosen")
    right.plot(curve.values * scale, curve.any_trial, color=MUTED, lw=1.3, ls="--", label="any trial")
    right.set_xlabel(f"out of sample, {unit}")
    right.set_ylabel("share below")
    right.legend(loc="best")
    return picture


def luck(evidence: Evidence, _terms: Terms) -> Picture:
    """The Sharpe ratio of the winner's lead, and what luck gives the best of so many trials."""
    picture, axes = _one_panel("Lead and luck", 3.0, top=0.86, bottom=0.17)
    if evidence.whole is None:
        canvas.say_nothing_to_show(axes, _NOBODY)
        return picture
    counted = evidence.trials_counted
    counts = np.geomspace(1.0, max(10.0 * counted, 1e4), 200)
    variance = 1.0 / max(evidence.whole.shape.observations - 1.0, 1.0)
    axes.plot(counts, [overfit.expected_max_sharpe(variance, float(count)) for count in counts], color=VERMILION, lw=1.5, label="expected of luck")
    axes.axhline(evidence.whole.shape.sharpe, color=BLUE, lw=1.5, label="the winner's lead over the current parameters")
    axes.axvline(counted, color=INK, lw=1.0, ls="--", label=f"{plain(counted, 3)} independent trials")
    axes.axhline(0, color=MUTED, lw=0.8)
    axes.set_xscale("log")
    canvas.powers_axis(axes.xaxis)
    axes.set_xlabel("trials")
    axes.set_ylabel("Sharpe ratio an interval")
    canvas.legend_above(axes)
    return picture


def chosen_pairs(evidence: Evidence) -> list[tuple[Axis, Axis]]:
    """Return the pairs of parameters with the largest main effects, at most PAIRS_MAX, in the order of the table."""
    axes = [binned(axis, evidence.space.kind) for axis in evidence.space.axes]
    share = {each.name: each.share for each in evidence.slices}
    many = [(one, two) for one, two in itertools.combinations(axes, 2) if share and len(one.labels) > 1 and len(two.labels) > 1]
    first = sorted(many, key=lambda pair: -(share[pair[0].name] + share[pair[1].name]))[:PAIRS_MAX]
    return [pair for pair in many if pair in first]


def _mark(axes: Axes, evidence: Evidence, across: FloatArray, up: FloatArray) -> None:
    """Mark the peak (if it is another), the winner and the current parameters, the last on top."""
    assert evidence.choice is not None
    trials = (evidence.choice.peak, evidence.choice.winner, 0)
    for trial, (label, colour, marker, size) in zip(trials, _MARKS, strict=True):
        if label == "peak" and trial == evidence.choice.winner:
            continue
        text = label if label == "current" else f"{label}, trial {trial}"
        axes.scatter(across[trial], up[trial], s=size, color=colour, marker=marker, lw=0.8, edgecolors="white", zorder=3, label=text)


def _slice(axes: Axes, one: Slice, terms: Terms, *, legend: bool) -> None:
    places = np.arange(len(one.labels))
    for values, label, colour, marker in ((one.mean, "mean", MUTED, "."), (one.best, "best", GREEN, "."), (one.here, "as the winner", BLUE, "o")):
        worst = terms.better < 0 and label == "best"
        axes.plot(places, terms.better * values, color=colour, marker=marker, ms=4, lw=1.3, label="best" if worst else label)
    axes.axvline(one.winner_at, color=VERMILION, lw=1.0, ls="--")
    axes.set_title(f"{one.name} ({100 * one.share:.0f} %)")
    _value_ticks(axes, one.labels)
    axes.set_ylabel(terms.unit or terms.objective)
    if legend:
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.13), ncols=3, borderaxespad=0.2, columnspacing=1.4)


def _heat(picture: Picture, axes: Axes, evidence: Evidence, pair: tuple[Axis, Axis], scores: FloatArray, terms: Terms) -> None:
    first, second = pair
    table = np.ma.masked_invalid(pair_means(first, second, scores).T)
    shown = axes.imshow(table, origin="lower", aspect="auto", cmap="viridis" if terms.better > 0 else "viridis_r")
    axes.grid(visible=False)
    _value_ticks(axes, first.labels)
    _value_ticks(axes, second.labels, across=False)
    axes.set_xlabel(first.name)
    axes.set_ylabel(second.name)
    axes.set_title(f"mean {terms.objective}")
    assert evidence.choice is not None
    place = int(np.flatnonzero(_members(evidence) == evidence.choice.winner)[0])
    axes.scatter(first.steps[place], second.steps[place], s=90, facecolors="none", edgecolors="white", lw=2.2)
    axes.scatter(first.steps[place], second.steps[place], s=90, facecolors="none", edgecolors=VERMILION, lw=1.2)
    bar = picture.colorbar(shown, ax=axes, fraction=0.06, pad=0.03)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7.5)


def _days(upper: Axes, lower: Axes, evidence: Evidence, stability: Stability, terms: Terms) -> None:
    count = len(evidence.case.days)
    places = np.arange(count)
    ahead = terms.better * stability.ahead
    tests = {day for step in evidence.steps for day in step.test}
    known = np.where(np.isfinite(ahead), ahead, 0.0)
    colours = [GREEN if value > 0.0 else VERMILION for value in np.where(np.isfinite(stability.ahead), stability.ahead, 0.0)]
    upper.bar(places, known, width=0.7, color=colours)
    upper.axhline(0, color=INK, lw=0.8)
    upper.set_ylabel(terms.unit or terms.objective)
    lower.bar(places, np.where(np.isfinite(stability.ranks), 100.0 * stability.ranks, 0.0), width=0.7, color=SKY)
    lower.axhline(50, color=INK, lw=0.8, ls="--")
    lower.set_ylim(0, 100)
    lower.set_ylabel("%")
    for axes in (upper, lower):
        for day in sorted(tests):
            axes.axvspan(day - 0.5, day + 0.5, color=ORANGE, alpha=0.13, lw=0, zorder=0.5)
        axes.grid(visible=False, axis="x")
        axes.set_xlim(-0.6, count - 0.4)
    shown = canvas.thinned(count, 8)
    lower.set_xticks(shown, [evidence.case.days[day] for day in shown])


def _value_ticks(axes: Axes, labels: tuple[str, ...], *, across: bool = True) -> None:
    """Label values on an axis, not more than fit; long ones are turned."""
    shown = canvas.thinned(len(labels), _LABELS_MAX)
    texts = [labels[place] for place in shown]
    long = max(len(text) for text in texts) * len(texts) > _CHARACTERS_MAX if across else max(len(text) for text in texts) > _CHARACTERS_UP_MAX
    size = 7 if long else 8
    if across:
        axes.set_xticks(shown, texts, fontsize=size, rotation=25 if long else 0, ha="right" if long else "center", rotation_mode="anchor")
    else:
        axes.set_yticks(shown, texts, fontsize=size, rotation=90 if long and len(texts) < 4 else 0, va="center")


def _members(evidence: Evidence) -> IntArray:
    """Return the trials that the axes' steps belong to, in their order."""
    return np.arange(evidence.case.trials, dtype=np.int64)[evidence.case.trials - evidence.space.trials :]


def _named(where: str, terms: Terms) -> str:
    return f"{terms.objective} on {where} days" + (f", {terms.unit}" if terms.unit else "")


PLOTS: dict[str, tuple[Callable[[Evidence, Terms], Picture], str]] = {
    "held_out": (held_out, "What the folds' choices earned more than the current parameters on the days that had no part in choosing them."),
    "train_test": (train_test, "Each dot is a trial. A cloud that does not rise means that choosing on train days is luck."),
    "plateau": (plateau, "Each dot is a trial on the train days. Far above the dashed line: a peak whose neighbours do not share its score."),
    "slices": (slices, "Along each parameter, on the train days: mean and best of all trials with the value, and the trials that are as the winner in all else. In brackets: the share of the variance of all trials that the parameter explains by itself. Dashed: the winner."),
    "pairs": (pairs, "Mean over all trials with both values, on the train days; the ring is the winner."),
    "days": (days, "Each day by itself; shaded days were held out in some fold."),
    "cross": (cross, "Left: rank of the best of one half of the time in the other half, over all halves; red: no better than the middle. Middle: its performance. Right: the chosen against any trial; lower is better."),
    "luck": (luck, "Where the blue line is well above the red one at the dashed line, luck does not explain the lead."),
}  # fmt: skip
