"""What both report pages show: the figures of the summary as text, in the order of reading."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from simcore.report.features import FEATURES
from simcore.report.folder import RunFolder
from simcore.report.wording import (
    ABSENT,
    EDGE,
    FIGURES,
    SECTIONS,
    fee_sentence,
    line,
    lines,
    plain,
    shown,
    speed_text,
    unit_text,
    with_error,
)

TILES = ("pnl", "net_bps", "gross_bps", "adverse_bps_1s", "fills", "maker_share", "max_drawdown", "rows_per_s")


class Table(NamedTuple):
    """A small table. numeric: which columns are right-aligned."""

    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    numeric: tuple[bool, ...]
    note: str = ""


def context(
    run: RunFolder, figures: Mapping[str, Any], captions: Mapping[str, str], timings: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return what the templates use. captions: the plots by name. timings: as `stages.stage_timings`."""
    note = run.note
    return {
        "figures": figures,
        "title": f"{figures['strategy'] or 'run'} on {figures['symbol']}",
        "tiles": [line(figures, FIGURES[key]) for key in TILES],
        "sections": {title: lines(figures, chosen) for title, chosen in SECTIONS.items()},
        "targets": target_table(figures),
        "band": band_table(figures),
        "edge": edge_table(figures),
        "markouts": markout_table(figures),
        "fees": fee_table(figures),
        "fee_sentence": fee_sentence(figures),
        "reasons": reason_table(figures),
        "rejects": reject_table(figures),
        "guards": guard_table(figures),
        "features": feature_table(figures),
        "stages": stage_table(timings),
        "identity": identity(run, figures),
        "tapes": _tapes(note),
        "command": command(note),
        "config": run.config_text,
        "captions": captions,
        "duration": plain(figures["duration_s"]),
        "speed": speed_text(figures["rows_per_s"]),
    }


def target_table(figures: Mapping[str, Any]) -> Table:
    """The targets of the configuration; no rows if it sets none."""
    rows = []
    for row in figures["targets"]:
        figure = FIGURES[row["figure"]]
        unit = unit_text(figures, figure.unit)
        verdict = "no figure" if row["met"] is None else "met" if row["met"] else "missed"
        rows.append((figure.label, f"{row['bound']} {shown(row['target'], figure.unit)} {unit}", f"{shown(row['value'], figure.unit)} {unit}", verdict))
    return Table("Targets", ("", "target", "run", ""), rows, (False, True, True, False))


def band_table(figures: Mapping[str, Any]) -> Table:
    """The queue worlds of a fill band; no rows if the run has none."""
    found = figures["band"]
    cash = figures["unit_cash"]
    head = ("queue", f"PnL, {cash}", "net, bps", "fills", "taker, %", f"turnover, {cash}", f"drawdown, {cash}", "model")
    rows: list[tuple[str, ...]] = []
    for world in found["worlds"] if found else ():
        rows.append(
            (
                world["world"], plain(world["pnl"]), shown(world["net_bps"], "bps"), shown(world["fills"], "count"), shown(world["taker_share"], "share"),
                plain(world["turnover"]), plain(world["max_drawdown"]), queue_text(world["queue_model"], world["queue_n"]),
            )
        )  # fmt: skip
    note = "Estimated is the run itself. The other two bound what the queue of each of its orders may have been; they trade on their own." if rows else ""
    return Table("Fill band", head, rows, (False, *(True,) * 6, False), note)


def queue_text(model: str, exponent: float) -> str:
    """Return a queue model as a reader sees it, with what the extreme ones say of cancelled lots; of a file its name."""
    if not model.startswith("power"):
        return {"risk_averse": "risk_averse (all cancels behind us)", "front": "front (no queue)"}.get(model, Path(model).name)
    return f"{model}:{exponent:g}" + (" (all cancels ahead)" if model == "power3" and exponent <= 1e-9 else "")


def edge_table(figures: Mapping[str, Any]) -> Table:
    """The decomposition in money and bps."""
    rows = []
    for figure in EDGE:
        money = line(figures, figure)
        bps = shown(figures[f"{figure.key}_bps"], "bps")
        rows.append((money.label, money.value, bps, money.why or money.note))
    head = ("", figures["unit_cash"], "bps of turnover", "")
    return Table("Edge", head, rows, (False, True, True, False), figures["missing"].get("edge_net_bps", ""))


def markout_table(figures: Mapping[str, Any]) -> Table:
    """The mid after fills."""
    rows = [
        (
            f"{row['horizon_s']:g} s", with_error(row["adverse_bps"], row["adverse_se_bps"]),
            with_error(row["realised_bps"], row["realised_se_bps"]), f"{row['fills']:,}", f"{row['unmarked']:,}",
        )
        for row in figures["markouts"]
    ]  # fmt: skip
    note = "± one standard error; fills in one interval of the horizon's length (at least 1 s) count as one observation."
    head = ("after", "adverse, bps (positive is against us)", "realised, bps (positive is good)", "fills", "without a mid")
    return Table("Markouts", head, rows, (False, True, True, True, True), note)


def fee_table(figures: Mapping[str, Any]) -> Table:
    """Fees by liquidity."""
    cash, size = figures["unit_cash"], figures["unit_size"]
    rows = [
        (
            row["liquidity"], shown(row["fills"], "count"), shown(row["volume"]), shown(row["turnover"]), shown(row["fees"]),
            shown(row["rate_bps"], "bps"), _sign(row),
        )
        for row in figures["fees_by_liquidity"]
    ]  # fmt: skip
    head = ("", "fills", f"volume, {size}", f"turnover, {cash}", f"fees, {cash}", "rate, bps", "")
    return Table("Fees", head, rows, (False, True, True, True, True, True, False))


def _sign(row: Mapping[str, Any]) -> str:
    if not row["fills"]:
        return "no fills"
    return "rebate: paid to us" if row["fees"] < 0 else "cost: paid by us" if row["fees"] > 0 else "none"


def reason_table(figures: Mapping[str, Any]) -> Table:
    """Why fills happened."""
    rows = [
        (row["reason"].replace("_", " "), shown(row["fills"], "count"), shown(row["volume"]), shown(row["volume_share"], "share"))
        for row in figures["fills_by_reason"]
    ]
    return Table("Fills by reason", ("", "fills", f"volume, {figures['unit_size']}", "% of volume"), rows, (False, True, True, True))


def reject_table(figures: Mapping[str, Any]) -> Table:
    """What the exchange refused."""
    rows = [
        (row["kind"].replace("_", " ").lower(), row["reason"].replace("_", " ") or ABSENT, shown(row["count"], "count"))
        for row in figures["rejects_by_reason"]
    ]
    return Table("Refused requests", ("report", "reason", "count"), rows, (False, False, True))


def guard_table(figures: Mapping[str, Any]) -> Table:
    """What each guard did; no rows if none held."""
    rows = []
    for row in figures["guards"]:
        unit = figures["unit_cash"] if row["unit"] == "cash" else row["unit"]
        limit = "" if row["limit"] is None else f"{plain(row['limit'])} {unit}"
        worst = "" if row["worst"] is None else f"{plain(row['worst'])} {unit}"
        name = f"{row['level'].upper()} {row['reason'].replace('_', ' ')}"
        rows.append((name, shown(row["time_s"], "s"), f"{row['stretches']:,}", row["first"], row["last"], worst, limit, row["key"] or ""))
    head = ("", "time, s", "times", "first", "last", "worst", "limit", "parameter")
    note = "Worst: of the values at which the reason began to hold or another joined it. HARD: no quotes; SOFT: smaller and wider ones."
    return Table("Guards", head, rows, (False, True, True, False, False, True, True, False), note)


def feature_table(figures: Mapping[str, Any]) -> Table:
    """The ten features; no rows if the run kept none."""
    found = {row["feature"]: row for row in figures["features"]}
    rows = []
    for feature in FEATURES if found else ():
        row = found[feature.key]
        unit = unit_text(figures, feature.unit) + ("/s" if feature.key == "queue_absorb_rate" else "")
        rows.append((feature.label, *(shown(row[key], feature.unit) for key in ("last", "mean", "min", "max")), unit))
    return Table("Features", ("", "last", "mean", "least", "largest", ""), rows, (False, True, True, True, True, False))


def stage_table(timings: Mapping[str, Any] | None) -> Table:
    """Time of the stages of traced ticks; no rows if none was traced."""
    rows: list[tuple[str, ...]] = []
    note = ""
    if timings is not None:
        for name, times in timings["stages"].items():
            figures = (plain(1e3 * times[key], 4) for key in ("mean_ms", "p50_ms", "p95_ms", "p99_ms", "max_ms"))
            rows.append((name.replace("_", " "), *figures))
        misses = f"{timings['deadline_misses']:,} of {timings['ticks']:,} traced ticks took longer than {timings['deadline_ms']:g} ms"
        note = f"µs; {misses}. Simulated waits for market data count, for the first stage and for the total."
    return Table("Time of the stages", ("", "mean", "p50", "p95", "p99", "max"), rows, (False, True, True, True, True, True), note)


def identity(run: RunFolder, figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what names the run: (label, value)."""
    note = run.note
    instrument = note["instrument"]
    size = f"tick {instrument['tick_size']} {figures['unit_price']}, lot {instrument['lot_size']}, contract {instrument['contract_size']}"
    pairs = [
        ("instrument", f"{instrument['venue']} {instrument['symbol']}, {instrument['kind']}"),
        ("sizes", size),
        ("time", f"{figures['start']} to {figures['end']}"),
        ("strategy", note.get("strategy")),
        ("seed", note.get("seed")),
        ("digest", figures["digest"]),
        ("code hash", note.get("code_hash")),
        ("config hash", note.get("config_hash")),
        ("mmsim", note.get("mmsim")),
        ("versions", note.get("versions")),
        ("cash unit", f"{note['cash_unit']} {figures['unit_cash']}"),
    ]
    return [(label, str(value)) for label, value in pairs if value not in (None, "")]


def _tapes(note: Mapping[str, Any]) -> list[tuple[str, str]]:
    tapes = [tape for tape in note.get("tapes") or () if isinstance(tape, Mapping)]
    return [(str(tape.get("path", ABSENT)), str(tape.get("content_hash", ABSENT))) for tape in tapes]


def command(note: Mapping[str, Any]) -> str:
    """Return a command that replays the run, given in the run folder, tapes where they were."""
    if isinstance(note.get("command"), str):
        return str(note["command"])
    if isinstance(note.get("command"), Sequence):
        return shlex.join(str(word) for word in note["command"])
    paths = [path for path, _ in _tapes(note)]
    return shlex.join(["mmsim", "replay", *paths, "--config", "config.yaml", "--out", "NEW_FOLDER"])
