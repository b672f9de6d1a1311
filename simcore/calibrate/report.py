"""The answer of a calibration: report.html, report.md, plots/*.png and verdict.json in its folder; the same bytes each time."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from simcore.calibrate import overfit
from simcore.calibrate import report_tables as tables
from simcore.calibrate.days import overlapping
from simcore.calibrate.evidence import Case, Evidence
from simcore.calibrate.folder import Calibration, load
from simcore.calibrate.metrics import METRICS
from simcore.calibrate.objectives import Wanted
from simcore.calibrate.pages import Page, Section, write_page
from simcore.calibrate.verdict import LIMITS, Limits, Terms, Verdict, judge, record_figures
from simcore.records import FloatArray
from simcore.report.build import write_bytes
from simcore.report.pages import Table
from simcore.units import NS_PER_S

FILE = "verdict.json"
ASSUMED = ("venue.", "latency.", "fees.", "book.")  # keys that say how the world is, not how it is traded
# Figures that add up over days: a limit that was meant for the train days is taken in proportion on others.
SUMS = ("net", "before_fees", "fees", "turnover", "volume", "fills", "orders", "cancels")


def build(folder: Path | str, limits: Limits = LIMITS) -> Verdict:
    """Judge the finished calibration in a folder and write its report there, each file whole or not at all, verdict.json last.

    Raises as `folder.load` and `verdict.judge`; JRNL-005 if the disk refuses.
    """
    calibration = load(folder)
    case, terms = case_of(calibration), terms_of(calibration)
    verdict = judge(case, terms, limits)
    assert verdict.winner in (None, calibration.best), "verdict and best.yaml are about one trial"
    verdict = replace(verdict, notes=(*verdict.notes, *cautions(calibration)))
    write(calibration, verdict, terms, limits)
    return verdict


def cautions(calibration: Calibration) -> list[str]:
    """Say what the figures cannot know of what was asked: days that share time, and keys that are the market's and not the maker's."""
    found = []
    both = overlapping(calibration.days)
    if both is not None:
        found.append(f"{both[0].label} and {both[1].label} overlap in time: if they are of one market, no day was really held out.")
    assumed = [axis.name for axis in calibration.axes if axis.key.startswith(ASSUMED)]
    if assumed:
        verb = "is an assumption" if len(assumed) == 1 else "are assumptions"
        found.append(f"{', '.join(assumed)} {verb} about exchange and network: the best value is the kindest, not one that can be chosen.")
    return found


def case_of(calibration: Calibration) -> Case:
    """Return a calibration as the judge wants it."""
    results, wanted = calibration.results, calibration.wanted
    days = range(len(calibration.days))

    @cache
    def gains(chosen: tuple[int, ...]) -> FloatArray:
        return wanted.gains(calibration.figures(chosen))

    @cache
    def excess(chosen: tuple[int, ...]) -> FloatArray:
        return _in_proportion(wanted, len(chosen) / len(calibration.train)).excesses(calibration.figures(chosen))

    def over(figure: Any) -> Any:
        return lambda chosen: figure(tuple(chosen)).copy()

    names = [axis.name for axis in calibration.axes]
    params = pd.DataFrame({name: [point[place] for point in calibration.points] for place, name in enumerate(names)}, dtype=object)
    whole = np.asarray(results.complete(list(days)), bool)
    changes = tuple(np.ascontiguousarray(calibration.changes([day]).T) for day in days)
    folds = tuple((tuple(fold.train), tuple(fold.test)) for fold in calibration.folds)
    return Case(
        params, short_labels([day.label for day in calibration.days]), changes, whole, over(gains), over(excess), folds,
        max(calibration.tried, len(whole)), "sharpe" if wanted.objective == "sharpe" else "mean",
    )  # fmt: skip


def _in_proportion(wanted: Wanted, share: float) -> Wanted:
    """Return what is wanted of so many days for each train day: limits of sums in proportion, others as they are."""
    scaled = (replace(each, limit=each.limit * share) if each.name in SUMS else each for each in wanted.constraints)
    return replace(wanted, constraints=tuple(scaled))


def beside(calibration: Calibration) -> tables.Measures:
    """Return the figures that stand beside objective and money: those of the constraints, and the fills."""
    names = dict.fromkeys([*(each.name for each in calibration.wanted.constraints), "fills"])
    shown = [name for name in names if name not in (calibration.wanted.objective, tables.MONEY)]

    def measure(name: str) -> Callable[[Sequence[int]], FloatArray]:
        return lambda days: calibration.figures(days)[name]

    return {name: measure(name) for name in shown}


def terms_of(calibration: Calibration) -> Terms:
    """Return how the figures of a calibration are named."""
    metric, money = METRICS[calibration.wanted.objective], calibration.money
    unit = {"cash": money.cash, "size": money.size, "ratio": "", "count": ""}.get(metric.unit, metric.unit)
    period = "day" if all(day.from_ts is None for day in calibration.days) else "period"
    return Terms(metric.name, unit, metric.better, money.cash, calibration.step_ns / NS_PER_S, period)


def short_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """Return labels without what they all begin and end with, cut at a mark that is no letter or digit; not bare small numbers."""
    words = [re.split(r"(?<=[^0-9A-Za-z])|(?=[^0-9A-Za-z])", label) for label in labels]
    shortest = min(len(each) for each in words)
    if len(labels) < 2:
        return tuple(labels)
    first = next((k for k in range(shortest) if len({each[k] for each in words}) > 1), shortest)
    last = next((k for k in range(shortest - first) if len({each[-1 - k] for each in words}) > 1), shortest - first)
    short = ["".join(each[first : len(each) - last]) for each in words]
    clear = all(short) and not all(each.isdigit() and len(each) < 4 for each in short)
    return tuple(short) if clear else tuple(labels)


def write(calibration: Calibration, verdict: Verdict, terms: Terms, limits: Limits = LIMITS) -> None:
    """Write report and verdict of a calibration into its folder."""
    from simcore.calibrate import plots  # takes half a second
    from simcore.report import canvas

    pictures = {name: canvas.png_bytes(plots.draw(name, verdict.evidence, terms)) for name in plots.PLOTS}
    captions = {name: caption for name, (_, caption) in plots.PLOTS.items()}
    write_page(calibration.folder, page_of(calibration, verdict, terms, captions), pictures)
    text = json.dumps(figures_of(verdict, terms, limits), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_bytes(calibration.folder / FILE, text.encode())


def page_of(calibration: Calibration, verdict: Verdict, terms: Terms, captions: dict[str, str]) -> Page:
    """Return the page. captions: of the pictures, by name."""
    evidence = verdict.evidence

    def pictured(name: str, title: str, table: Table | None = None, text: Sequence[str] = ()) -> Section:
        return Section(title, text, table, picture=name, caption=captions[name])

    trained = calibration.figures(evidence.train)
    more = {name: trained[name] for name in ("net", "fills")}
    sections = [
        Section("The verdict", (verdict.sentence,), tables.rule_table(verdict)),
        Section("Current and best", (), tables.comparison_table(evidence, terms, beside(calibration))),
        pictured("held_out", "On held-out days", tables.fold_table(evidence, terms)),
        Section("The best trials", (_choice_text(verdict, terms),), tables.best_table(evidence, terms, more)),
        pictured("train_test", "Train against test"),
        pictured("plateau", "Plateau or peak"),
        pictured("slices", "Each parameter", tables.sensitivity_table(evidence, terms)),
        pictured("pairs", "Pairs of parameters"),
        pictured("days", "From day to day", tables.day_table(evidence, terms), (tables.stability_text(evidence, terms),)),
        pictured("cross", "Would choosing help again?", tables.cross_table(evidence)),
        pictured("luck", "How much is luck", tables.record_table(evidence, terms)),
        Section("Trials", (), tables.trial_table(evidence)),
        Section("Constraints", (_constraint_text(calibration, evidence),), tables.nearest_table(evidence, terms)),
        Section("What was asked", (), _asked_table(calibration)),
    ]
    instrument = calibration.note["instrument"]
    days = f"{calibration.days[0].label} … {calibration.days[-1].label}" if len(calibration.days) > 1 else calibration.days[0].label
    sub = f"{calibration.note['strategy']} on {instrument['venue']} {instrument['symbol']} · {len(calibration.points):,} trials · {days}"
    note = "Rules and figures: docs/calibrate.md of mmsim, “What the answer means”. The same figures, unrounded, are in verdict.json."
    return Page(_headline(verdict), sub, sections, verdict.notes, note)


def figures_of(verdict: Verdict, terms: Terms, limits: Limits = LIMITS) -> dict[str, Any]:
    """Return verdict.json; what does not exist is null."""
    evidence = verdict.evidence
    cross, stability = evidence.cross, evidence.stability
    return {
        "adopt": verdict.adopt,
        "sentence": verdict.sentence,
        "winner": verdict.winner,
        "peak": verdict.peak,
        "baseline": 0,
        "rules": [{"rule": each.rule, "holds": each.holds, "text": each.text} for each in verdict.reasons],
        "notes": list(verdict.notes),
        "limits": vars(limits),
        "objective": terms.objective,
        "neighbours_keep": evidence.kept_share,
        "trials": {
            "here": evidence.case.trials, "whole": int(np.count_nonzero(evidence.case.whole)), "ever": evidence.case.ever,
            "distinct": evidence.distinct, "effective": evidence.trials_effective, "counted": evidence.trials_counted, "sharpe_variance": evidence.sharpe_variance,
        },
        "folds": [
            {
                "train": list(step.train), "test": list(step.test), "chosen": step.chosen, "constraints_kept": step.kept,
                "rank": step.rank, "rank_correlation": step.correlation, "train_value": _number(terms.better * step.train_gain),
                "test_value": _number(terms.better * step.test_gain), "baseline_train": _number(terms.better * step.baseline_train),
                "baseline_test": _number(terms.better * step.baseline_test),
            }
            for step in evidence.steps
        ],
        "held_out": record_figures(evidence.out, terms, limits.level),
        "all_days": record_figures(evidence.whole, terms, limits.level),
        "deflation": None if evidence.whole is None else {
            "sharpe_of_luck": evidence.deflation, "deflated_sharpe": evidence.deflated,
            "minimum_backtest": overfit.minimum_backtest(evidence.whole.shape.sharpe, evidence.trials_counted),
        },
        "cross_validation": None if cross is None else {
            "blocks": cross.blocks, "combinations": len(cross.logits), "measure": cross.measure, "pbo": cross.pbo, "loss": cross.loss,
            "slope": cross.slope, "intercept": cross.intercept, "r_squared": cross.r_squared,
            "dominance_first": cross.dominance.first, "dominance_second": cross.dominance.second,
        },
        "days": None if stability is None else {
            "rank_correlation": stability.correlation, "labels": list(evidence.case.days),
            "ranks": [_number(rank) for rank in stability.ranks.tolist()],
            "ahead": [_number(terms.better * value) for value in stability.ahead.tolist()],
        },
        "dead": list(evidence.dead),
        "comparison": tables.comparison(evidence, terms),
        "parameters": [{"name": one.name, "winner": one.labels[one.winner_at], "explains": one.share} for one in evidence.slices],
    }  # fmt: skip


def _headline(verdict: Verdict) -> str:
    return f"Adopt trial {verdict.winner}" if verdict.adopt else "Keep your current parameters"


def _choice_text(verdict: Verdict, terms: Terms) -> str:
    if verdict.winner is None:
        return f"No trial will do: none has a figure for {terms.objective} and keeps the constraints on the train days."
    words = f"Trial {verdict.winner} is the winner: with its neighbours it has the best {terms.objective} on the train days."
    if verdict.peak == verdict.winner:
        return f"{words} It is also the best by itself."
    return f"{words} By itself trial {verdict.peak} is best, but its neighbours do worse."


def _constraint_text(calibration: Calibration, evidence: Evidence) -> str:
    texts = [constraint.text for constraint in calibration.wanted.constraints]
    if not texts:
        return "No constraints were asked for."
    free = tables.without_constraints(evidence)
    kept = evidence.choice is not None and free == evidence.choice.winner
    tail = "They do not change the choice." if kept else "" if free is None else f"Without them trial {free} would have been chosen."
    return f"Asked for: {', '.join(texts)}. {tail}".rstrip()


def _asked_table(calibration: Calibration) -> Table:
    note = calibration.note
    rows = [
        ("objective", f"{note['objective']}: {METRICS[note['objective']].words}"),
        ("constraints", ", ".join(note["constraints"]) or "none"),
        ("search", f"{note['search']}, seed {note['seed']}"),
        ("splits", note["splits"] or "none"),
        ("intervals of equity", f"{calibration.step_ns / NS_PER_S:g} s"),
        *((f"tape {', '.join(labels)}", content_hash) for content_hash, labels in _tapes(calibration).items()),
    ]
    return Table("What was asked", ("", ""), rows, (False, False))


def _tapes(calibration: Calibration) -> dict[str, list[str]]:
    """Return content hash -> labels of the days, or of the first and last of its periods."""
    found: dict[str, list[str]] = {}
    for day in calibration.days:
        found.setdefault(day.content_hash, []).append(day.label)
    return {mark: labels if len(labels) < 3 else [f"{labels[0]} … {labels[-1]}"] for mark, labels in found.items()}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
