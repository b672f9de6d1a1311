"""What a comparison over rolling blocks says, in words, tables and JSON: for tapes of single orders and own fills alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simcore.calibrate.fidelity.judge import FITTED, KEPT, Gap, Verdict
from simcore.calibrate.fidelity.queue_family import DEFAULT, GENERAL, QueueModel
from simcore.calibrate.fidelity.queue_file import CONFIG_NAME
from simcore.calibrate.fidelity.rolling import Block, Rolled
from simcore.calibrate.intervals import Interval
from simcore.report.pages import Table
from simcore.report.wording import utc_text

ABOUT_BLOCKS = (
    "Before each block spreads are fitted, and the model, to all that came before it; the block's orders are then scored. Half of a fit is kept and half shrunk towards a model "
    "that nothing was fitted for, unless another share, or the best unfitted model, did surely better on the blocks before, two or more."
)


def verdict_lines(rolled: Rolled, found: Verdict, gaps: Sequence[Gap]) -> list[str]:
    """Return the verdict and what it rests on, a sentence each."""
    said = []
    if gaps:
        beaten = [gap for gap in gaps if gap.as_good]
        rest = [gap.other.label for gap in gaps if not gap.as_good]
        all_of = f"every one of {len(gaps)} unfitted models" if not rest else f"{len(beaten)} of {len(gaps)} unfitted models (not {_listed(rest)})"
        said.append(f"On orders that it was not fitted to, the fitted model is at least as good by both scores as {all_of}.")
        said.append(compared(next(gap for gap in gaps if gap.other == found.best), "The fitted model", "the best unfitted one by both scores together"))
    if found.kind == KEPT:
        nothing = "Nothing is surely better" if len(rolled.models) > 1 or gaps else "Nothing else was compared"
        return [*said, f"Verdict: keep {found.kept.label}. {nothing}."]
    assert found.gap is not None
    what = f"The fitted model, {values_text(found.model)}," if found.kind == FITTED else found.model.label
    return [*said, compared(found.gap, what, "the default" if found.kept == DEFAULT else "the best of the others"), f"Verdict: use {found.model.label}, which is in {CONFIG_NAME}."]


def compared(gap: Gap, what: str, which: str) -> str:
    """Return how a model compares with another one."""
    return (
        f"{what} against {gap.other.label}, {which}: Brier score {_signed(gap.brier)}, log likelihood an order {_signed(gap.likelihood)}, "
        f"both together {_sure(gap)}."
    )


def _sure(gap: Gap) -> str:
    if gap.alike:
        return "alike"
    word = "better" if gap.joint.estimate < 0.0 else "worse"
    return f"surely {word}" if gap.joint.excludes_zero else f"{word}, perhaps by chance"


def values_text(model: QueueModel) -> str:
    """Return a model's parameters."""
    return ", ".join(f"{name} = {value:.4g}" for name, value in model.named().items())


def share_text(share: float | None) -> str:
    """Return how much of a fit was kept."""
    return "best unfitted" if share is None else f"{100 * share:.0f} %"


def block_table(rolled: Rolled, block_gaps: Sequence[Sequence[Gap]]) -> Table:
    """Return the paired differences of each block as rows."""
    head = ("block", "from", "orders", "filled", "kept of fit", "against", "Brier", "95 %", "log lik.", "95 %")
    rows = []
    for number, (block, gaps) in enumerate(zip(rolled.blocks, block_gaps, strict=True), 1):
        for gap in gaps:
            rows.append(
                (
                    str(number), utc_text(block.start_ts), f"{len(block.outcomes.filled):,}", f"{block.filled:,}", share_text(block.share), gap.other.label,
                    _number(gap.brier.estimate), _ends(gap.brier), _number(gap.likelihood.estimate, 4), _ends(gap.likelihood, 4),
                )
            )  # fmt: skip
    note = f"Fitted model less the other, on the same orders: below 0 is better in Brier score, above 0 in log likelihood. {ABOUT_BLOCKS}"
    return Table("Blocks", head, rows, (True, False, True, True, False, False, True, True, True, True), note)


def gap_table(gaps: Sequence[Gap]) -> Table:
    """Return the paired differences to all other models, of all blocks together, as rows."""
    head = ("against", "Brier", "95 %", "log lik.", "95 %", "together")
    rows = [(gap.other.label, _number(gap.brier.estimate), _ends(gap.brier), _number(gap.likelihood.estimate, 4), _ends(gap.likelihood, 4), _sure(gap)) for gap in gaps]
    return Table("The fitted model against each other one", head, rows, (False, True, True, True, True, False), "All blocks together; differences as above.")


def model_lines(rolled: Rolled, found: Verdict) -> list[str]:
    """Return what is said of the model to use and of the fit."""
    said = [f"`mmsim replay --config {CONFIG_NAME}`: {found.model.label}."]
    if rolled.fit is None:
        return said
    towards = f"{values_text(GENERAL)}" if rolled.fit.model.family is GENERAL.family else "the best unfitted model of its formula"
    kept = "none of it is kept: the best unfitted model did better" if rolled.share is None else f"{share_text(rolled.share)} of it is kept, the rest is {towards}"
    return [*said, f"Fitted to the whole: {rolled.fit.model.family.name}: {values_text(rolled.fit.model)}; {kept}. {rolled.fit.calls} models were tried."]


def rolled_figures(rolled: Rolled, gaps: Sequence[Gap], block_gaps: Sequence[Sequence[Gap]], found: Verdict) -> dict[str, Any]:
    """Return blocks, differences and verdict as JSON holds them."""
    return {
        "blocks": [_block_figures(block, gaps_of) for block, gaps_of in zip(rolled.blocks, block_gaps or [()] * len(rolled.blocks), strict=True)],
        "against": [gap_figures(gap) for gap in gaps],
        "fit": None if rolled.fit is None else {"model": rolled.fit.model.family.name, "params": rolled.fit.model.named(), "kept_share": rolled.share},
        "use": {"kind": found.kind, "model": found.model.family.name, "params": found.model.named()},
    }  # fmt: skip


def _block_figures(block: Block, gaps: Sequence[Gap]) -> dict[str, Any]:
    return {
        "start_ts": block.start_ts, "end_ts": block.end_ts, "lives": len(block.outcomes.filled), "filled": block.filled, "trained": list(block.trained),
        "weights": block.weights._asdict(), "kept_share": block.share, "params": None if block.model is None else block.model.named(),
        "against": [gap_figures(gap) for gap in gaps],
    }  # fmt: skip


def gap_figures(gap: Gap) -> dict[str, Any]:
    """Return a difference as JSON holds it."""
    return {
        "model": gap.other.family.name, "params": gap.other.named(), "brier": interval_figures(gap.brier),
        "log_likelihood": interval_figures(gap.likelihood), "joint": interval_figures(gap.joint),
    }  # fmt: skip


def interval_figures(interval: Interval | None) -> dict[str, float] | None:
    """Return an interval as JSON holds it."""
    return None if interval is None else {"estimate": interval.estimate, "low": interval.low, "high": interval.high, "level": interval.level}


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{'; '.join(names[:-1])} and {names[-1]}"


def _number(value: float, digits: int = 5) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")


def _ends(interval: Interval, digits: int = 5) -> str:
    return f"{_number(interval.low, digits)} … {_number(interval.high, digits)}"


def _signed(interval: Interval) -> str:
    return f"{_number(interval.estimate)} ({_ends(interval)})"
