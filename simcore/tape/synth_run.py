"""Run the synthetic flow of a SynthSpec and hand its rows over in chunks, with bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from simcore.errors import ConfigError
from simcore.records import EXCH_BIT, KIND_MASK, LOCAL_BIT, TRADE, Chunk, Record
from simcore.tape import synth_flow as f
from simcore.tape.synth_spec import SynthSpec
from simcore.tape.synth_state import ORDERS_MAX, PARAMETERS, REGIME_PARAMETERS, ROWS, ROWS_MAX, SIM
from simcore.units import NS_PER_S


def flow_chunks(spec: SynthSpec, l2: bool = True, l3: bool = False) -> Iterator[tuple[Chunk, Chunk]]:
    """Yield (L2 rows, L3 rows) of the same flow, chunk by chunk; a view that is not wanted stays empty.

    Ends at spec.duration_s, or with the message that brings the first wanted view to spec.rows_max rows.
    Memory does not depend on the length. ConfigError CONF-003 when the order table overflows.
    """
    sim, views = warm_simulation(spec, l2, l3)
    first = views[0] if l2 else views[1]
    stop_ns = spec.start_ns + spec.duration_s * NS_PER_S
    rows_left = spec.rows_max if spec.rows_max > 0 else f.NEVER
    late = [_frozen([np.zeros(0, column.dtype) for column in _taken(view)]) for view in views]
    reason = f.OUT_FULL
    while reason == f.OUT_FULL:
        reason = f.run_flow(sim, *views, stop_ns, rows_left)
        _refuse_overflow(reason, spec)
        if reason == f.OUT_FULL and first.used == 0:
            raise ConfigError("CONF-003", f"{spec.symbol}: chunk_rows {spec.chunk_rows} holds no snapshot; raise it")
        rows_left -= int(first.used)
        if first.used > 0:
            chunks = [_taken(view) for view in views]
            if spec.disorder_median_ns > 0.0:
                for i in range(2):
                    chunks[i], late[i] = split_late_trades(chunks[i], late[i])
            yield chunks[0], chunks[1]
    if any(len(chunk.ev) for chunk in late):
        yield late[0], late[1]


def split_late_trades(chunk: Chunk, late: Chunk) -> tuple[Chunk, Chunk]:
    """Write each TRADE row twice: for the exchange where it is, for the Node where its arrival puts it.

    late    trades of earlier chunks that have not arrived yet. Returns the rows in file order, and the trades
            that arrive after the chunk's last book row.
    """
    is_trade = (chunk.ev & KIND_MASK) == TRADE
    arriving = [np.concatenate((old, new[is_trade])) for old, new in zip(late, chunk, strict=True)]
    arriving[2] = arriving[2] & ~np.uint8(EXCH_BIT) | np.uint8(LOCAL_BIT)
    book_rows = np.flatnonzero(~is_trade)
    order = np.searchsorted(chunk.local_ts[book_rows], arriving[1], "right")
    now = order < len(book_rows)
    places = book_rows[order[now]]
    columns = list(chunk)
    columns[2] = np.where(is_trade, chunk.ev & ~np.uint8(LOCAL_BIT), chunk.ev)
    merged = [np.insert(column, places, new[now]) for column, new in zip(columns, arriving, strict=True)]
    return _frozen(merged), _frozen([column[~now] for column in arriving])


def warm_simulation(spec: SynthSpec, l2: bool, l3: bool) -> tuple[Record, tuple[Record, Record]]:
    """Return a market at spec.start_ns, its book settled by spec.warmup_s of flow, and its (L2, L3) buffers."""
    sim = _record(SIM)
    for name in (*PARAMETERS, *REGIME_PARAMETERS, "seed", "exch_step_ns", "local_step_ns"):
        setattr(sim, name, getattr(spec, name))
    sim.now = spec.start_ns - spec.warmup_s * NS_PER_S
    sim.regime = 1
    sim.next_snapshot = spec.start_ns
    sim.funding_interval_ns = spec.funding_interval_s * NS_PER_S
    sim.next_funding = f.NEVER
    if spec.funding_interval_s > 0:
        sim.next_funding = (spec.start_ns // sim.funding_interval_ns + 1) * sim.funding_interval_ns
    sim.fair = sim.belief = spec.price_start_ticks + 0.5
    sim.best[:] = 0, f.NEVER
    sim.edge[:] = f.NEVER, 0
    sim.next_id = 1
    sim.order_next[:] = np.arange(1, ORDERS_MAX + 1)
    sim.order_next[-1] = -1
    views = (_rows(spec), _rows(spec))
    reason = f.seed_book(sim, *views, spec.seed_orders)
    if reason == f.REACHED_END:
        reason = f.run_flow(sim, *views, spec.start_ns, f.NEVER)
    _refuse_overflow(reason, spec)
    sim.now = spec.start_ns
    sim.emit = 1
    views[0].wanted, views[1].wanted = int(l2), int(l3)
    return sim, views


def _record(dtype: np.dtype[np.void]) -> Record:
    return np.zeros(1, dtype).view(np.recarray)[0]


def _rows(spec: SynthSpec) -> Record:
    rows = _record(ROWS)
    rows.room = min(spec.chunk_rows, ROWS_MAX)
    return rows


def _taken(rows: Record) -> Chunk:
    """Copy the rows out as read-only columns and empty the buffer."""
    columns = [getattr(rows, name)[: rows.used].copy() for name in Chunk._fields]
    rows.used = 0
    return _frozen(columns)


def _frozen(columns: list[npt.NDArray[Any]]) -> Chunk:
    for column in columns:
        column.setflags(write=False)
    return Chunk(*columns)


def _refuse_overflow(reason: int, spec: SynthSpec) -> None:
    if reason == f.TABLE_FULL:
        raise ConfigError(
            "CONF-003",
            f"{spec.symbol}: more than {ORDERS_MAX} orders rest at once; raise the cancel "
            "rates or lower limit_per_s",
        )
