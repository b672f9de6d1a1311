"""The limit of the portfolio holds against the exchange's own position, fills in flight included."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from simcore import engine
from simcore.config.load import load_config
from simcore.journal.store import read_stream
from simcore.parity import check_parity
from simcore.portfolio import run as portfolio
from simcore.portfolio.folder import parts, read_telemetry
from simcore.records import BID, CONTROL, PLACE, TRADED
from simcore.runner import AFTER_TICKS, run, run_until, send_control
from tests.portfolio.runs import BUSY
from tests.property.runs import make_case
from tests.support import session_of

LIMIT = 200.0
SETS = (
    *BUSY, "portfolio.rebalance_s=0.5", "latency.place.ms=70", "latency.cancel.ms=90", "latency.amend.ms=80", "latency.response.ms=60",
    "strategy.params.emit.levels=3",
)  # fmt: skip


def largest_positions(run_dir: Path, first_ts: int, last_ts: int) -> int:
    """Return the largest |position| at the exchange in [first_ts, last_ts), lots."""
    fills = read_stream(run_dir, "fills")
    held = np.cumsum(np.where(fills["side"] == BID, fills["qty_lots"], -fills["qty_lots"]))
    place = np.searchsorted(fills["exch_ts"], first_ts, side="left")
    before = int(held[place - 1]) if place else 0
    return max([abs(before), *np.abs(held[place : np.searchsorted(fills["exch_ts"], last_ts, side="left")]).tolist()])


def worst_of_intervals(run_dir: Path) -> list[tuple[float, float]]:
    """Return, between each two barriers, (the largest values of all symbols together, what they could be at its start)."""
    entries = read_telemetry(run_dir)
    grid = sorted({entry.ts for entry in entries})
    found = []
    for ts, later in pairwise([*grid, grid[-1] + 500_000_000]):
        seen = {entry.symbol: entry for entry in entries if entry.ts == ts and entry.lot_value is not None}
        own = {part.key: part.folder for part in parts(run_dir)}
        value = sum(largest_positions(own[key], ts, later) * (entry.lot_value or 0.0) for key, entry in seen.items())
        found.append((value, sum(entry.worst_lots * (entry.lot_value or 0.0) for entry in seen.values())))
    return found


@pytest.mark.parametrize("amends", ["false", "true"])
def test_the_sum_of_positions_never_exceeds_the_limit(tapes: list[Path], tmp_path: Path, amends: str) -> None:
    """At the mids of the last barrier, and whatever is in flight; without the limit it does."""
    sets = [*SETS, f"node.use_amend={amends}"]
    limited = portfolio.replay(tapes, load_config(None, [*sets, f"portfolio.max_gross={LIMIT}"]), tmp_path / "limited", jobs=1)
    values = worst_of_intervals(limited)
    assert max(value for value, _ in values) > 0.5 * LIMIT
    assert all(value <= max(LIMIT, held) * (1 + 1e-12) for value, held in values)
    assert sum(held > LIMIT for _, held in values) < 0.2 * len(values)  # only prices carry it beyond
    free = portfolio.replay(tapes, load_config(None, [*sets, "portfolio.max_gross=1000000"]), tmp_path / "free", jobs=1)
    assert max(value for value, _ in worst_of_intervals(free)) > 2 * LIMIT
    for part in parts(limited):
        assert check_parity(part.folder).ok


def test_a_smaller_budget_is_kept_from_the_moment_it_arrives() -> None:
    """The Node may then only reduce; a control does not wait behind the exchange's reports on the wire."""
    case = make_case(9, 900, unit_ns=1_000_000)
    config = case.config("latency.place.ms=40", "latency.response.ms=90", "node.tick_interval_ms=7", "node.use_amend=false")
    session = session_of(case.tape(), [config])
    times_ns = (600_000_000, 1_100_000_000)
    worst: dict[int, int] = {}
    for ts_ns, lots in zip(times_ns, (4, 2), strict=True):
        run_until(session, ts_ns * 8 + AFTER_TICKS)
        worst[ts_ns] = int(session.state.lanes["report_count"][0])
        send_control(session, 0, ts_ns, 1.0, 256, lots, False)
    run(session)
    assert max(worst.values()) > 0  # reports were on the wire
    reports = session.journal.rows("reports")
    told = reports[reports["kind"] == CONTROL]
    assert (told["ts"] - told["exch_ts"]).tolist() == [1, 1]
    assert np.all(np.diff(reports["ts"]) >= 0)
    requests = session.journal.rows("requests")
    late = requests[(requests["ts"] > told["ts"][1]) & (requests["kind"] == PLACE)]
    assert len(late) > 0
    for request in late:  # with what the Node knew of, at most the budget
        known = reports[(reports["ts"] <= request["ts"]) & (reports["kind"] == TRADED)]
        position = int(np.sum(np.where(known["side"] == BID, known["qty_lots"], -known["qty_lots"])))
        assert request["qty_lots"] <= 2 - (position if request["side"] == BID else -position)


def test_a_run_that_is_told_again_is_the_same() -> None:
    """CONTROL rows of a journal, given back at their times, lead to that journal."""
    case = make_case(3, 700, unit_ns=1_000_000)
    session = session_of(case.tape(), [case.config()])
    for number, ts_ns in enumerate((0, 400_000_000, 900_000_000)):
        run_until(session, ts_ns * 8 + AFTER_TICKS)
        send_control(session, 0, ts_ns, 0.5 + number, 2, 30 - 10 * number, number == 1)
    run(session)
    again = engine.simulate(case.tape(), [case.config()], told=session.journal.rows("reports"))
    assert again.digest == session.journal.digest.hex() != engine.simulate(case.tape(), [case.config()]).digest
    for stream in ("requests", "reports", "fills", "samples"):
        assert again.journal.rows(stream).tobytes() == session.journal.rows(stream).tobytes()
