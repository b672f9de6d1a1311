"""What a reader must know before he trusts a figure: one sentence each, the gravest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from simcore.config.values import parse_time
from simcore.errors import ReportError
from simcore.report.band import band_warnings
from simcore.report.folder import RunFolder
from simcore.report.guards import LONG_S, longest_halt
from simcore.report.idle import idle_warnings
from simcore.report.rules import rule_warnings
from simcore.report.wording import utc_text
from simcore.units import NS_PER_S

FEW_FILLS = 100


def warnings(run: RunFolder, figures: Mapping[str, Any]) -> list[str]:
    """Return the warnings of a run, each once (the files of one capture share theirs)."""
    return list(dict.fromkeys((*_failure(run), *band_warnings(figures), *_asked(run), *_tape(run.note), *_run(figures), *rule_warnings(run, figures), *_halts(run, figures), *idle_warnings(figures))))


def _failure(run: RunFolder) -> Iterator[str]:
    if run.error is not None:
        cause = run.error["cause"]
        yield f"The run failed: {run.error['code']} {run.error['title']}: {cause}. It holds what was done before {utc_text(run.end_ts)}, and all figures are of that part."


def outside(start_ts: int, end_ts: int, from_ts: int | None, to_ts: int | None, names: tuple[str, str] = ("run.from", "run.to")) -> list[str]:
    """Return which of the times asked for lie outside of the tapes, in words. start_ts, end_ts: of the tapes, ns."""
    found = []
    if from_ts is not None and from_ts < start_ts:
        found.append(f"{names[0]} {utc_text(from_ts)} is before the tape starts, {utc_text(start_ts)}: it begins there.")
    if to_ts is not None and to_ts > end_ts:
        found.append(f"{names[1]} {utc_text(to_ts)} is after the tape ends, {utc_text(end_ts)}: it ends there.")
    return found


def _asked(run: RunFolder) -> Iterator[str]:
    """Yield what of the asked time is not in the tapes; a failed run ended before, for another reason."""
    try:
        asked = (yaml.safe_load(run.config_text) or {}).get("run") or {}
        from_ts, to_ts = parse_time(asked.get("from")), parse_time(asked.get("to"))
    except (yaml.YAMLError, AttributeError, ValueError) as exc:
        raise ReportError("REP-001", f"{run.path / 'config.yaml'}: run.from, run.to: {exc}") from exc
    yield from outside(run.start_ts, int(run.note["end_ts"]), from_ts, to_ts)


def _tape(note: Mapping[str, Any]) -> Iterator[str]:
    tapes = [tape for tape in note.get("tapes") or () if isinstance(tape, Mapping)]
    if note.get("synthetic") or any(tape.get("synthetic") for tape in tapes):
        yield "Synthetic tape: the market is simulated, so results say nothing about a real one."
    inferred = sorted({*(note.get("inferred") or ()), *(name for tape in tapes for name in tape.get("inferred") or ())})
    if inferred:
        yield f"Instrument metadata inferred from the data, not stated by its source: {', '.join(inferred)}."
    if int(note.get("repeat") or 1) > 1:
        yield f"The tape was played {note['repeat']} times in a row."
    yield from _clock(note.get("clock"))
    for tape in tapes:
        yield from _clock(tape.get("clock"))
        for name, count in _gap_counts(tape):
            yield f"Tape: {name.replace('_', ' ')}: {count:,}."
        for text in _said(tape):
            yield f"Tape: {text}."


def _said(tape: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the converter warned of; the clock's shift and inferred metadata are said already."""
    for text in (*(tape.get("warnings") or ()), *((tape.get("source") or {}).get("warnings") or ())):
        if not str(text).startswith(("inferred:", "local clock shifted")):
            yield str(text).rstrip(".")


def _clock(clock: Any) -> Iterator[str]:
    if not isinstance(clock, Mapping):
        return
    offset = clock.get("offset_ns") or clock.get("shift_ns") or 0
    if offset:
        policy = clock.get("policy", "shift")
        yield f"The capture's local clock was shifted by {int(offset) / 1e6:+,.3f} ms (policy {policy}); feed latencies rest on that."
    made_up = {"exch_ts": "exchange", "local_ts": "local"}.get(str(clock.get("synthesised")))
    if made_up:
        yield f"The capture has no {made_up} clock: {made_up} times were made from the other clock, so feed latency is an assumption."


def _gap_counts(tape: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    counts = tape.get("counts") or (tape.get("source") or {}).get("counts") or {}
    for name, count in sorted(counts.items()):
        if "gap" in name and isinstance(count, int) and count:
            yield name, count


def _run(figures: Mapping[str, Any]) -> Iterator[str]:
    if not figures["orders"]:
        yield "No order was placed: the strategy never wanted a quote; see its sizes and limits (whole lots, at least 1)."
    if not figures["fills"]:
        yield "No fills: the run says nothing about edge."
    elif figures["fills"] < FEW_FILLS:
        yield f"Only {_many(figures['fills'], 'fill')}: figures in bps are little more than chance; see their standard errors."
    if figures["fills"] and figures["buy_fills"] in (0, figures["fills"]):
        yield f"All fills are {'buys' if figures['buy_fills'] else 'sells'}: the result is mostly that of the position."
    if figures["rejects"]:
        reasons = ", ".join(f"{row['count']:,} × {row['reason'] or 'unnamed'} ({row['kind']})" for row in figures["rejects_by_reason"])
        yield f"The exchange refused {_many(figures['rejects'], 'request')}: {reasons}."
    if figures["late_reports"]:
        yield f"{_many(figures['late_reports'], 'late message')} for orders that were gone already, such as refused cancels that crossed a fill; PnL includes their fills."
    if figures["skipped_ticks"]:
        yield f"Ticks skipped: {figures['skipped_ticks']:,} of {figures['ticks']:,}; a side of the book was empty, or the book crossed."
    if figures["position"]:
        yield "The run ends with a position: it is valued at the last mid, without the cost of closing it."
    unmarked = figures["markouts"][1]["unmarked"]
    if unmarked:
        yield f"{_many(unmarked, 'fill')} without a markout at 1 s (the run ended, or a side of the book was empty)."


def _halts(run: RunFolder, figures: Mapping[str, Any]) -> Iterator[str]:
    """Yield what kept the quotes away for long, and a position limit that a guard's does not let it reach."""
    longest = longest_halt(run)
    if longest is not None and longest[1] - longest[0] >= LONG_S * NS_PER_S:
        top = max((row for row in figures["guards"] if row["level"] == "hard"), key=lambda row: float(row["time_s"]))
        mostly = top["reason"].replace("_", " ") + (f" ({top['key']})" if top["key"] else "")
        yield (
            f"Guards stopped all quotes for {figures['guards_hard_s']:,.0f} s in all, for {(longest[1] - longest[0]) / NS_PER_S:,.0f} s in a row from "
            f"{utc_text(longest[0])}, mostly {mostly}; `mmsim explain RUN --silent` lists when."
        )
    params = run.note.get("params") or {}
    most, pct = params.get("guards.max_position_lots", 0.0), params.get("guards.inventory_hard_pct", 100.0)
    limit = params.get("inventory.max_position_lots", 0.0)
    reached = any(row["reason"] == "inventory" and row["level"] == "hard" for row in figures["guards"])
    if reached and most >= 1 and most * pct / 100 < limit:
        yield (
            f"Positions end at {most * pct / 100:g} lots, not at inventory.max_position_lots of {limit:g}: the inventory guard is HARD at "
            f"guards.inventory_hard_pct, {pct:g} % of guards.max_position_lots, {most:g} lots."
        )


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
