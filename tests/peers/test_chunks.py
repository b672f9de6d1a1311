"""A tape cut into other chunks, and with a row for each clock, gives the same fills and the same prices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simcore import Tape
from simcore.records import EXCH_BIT, LOCAL_BIT, Chunk
from tests.peers.flow import RANDOM_MAKER, random_rows
from tests.peers.ours import rules, run_ours
from tests.peers.tapes import rows_pair
from tests.support import MemoryTape


def chunked(tape: Tape, chunk_rows: int) -> Any:
    """Return the tape in memory, in chunks of that many rows; rows of both clocks are split into one for either."""
    whole = tape.head(tape.rows)
    bits = np.array([EXCH_BIT, LOCAL_BIT], np.uint8)
    index = np.repeat(np.arange(tape.rows), 2)
    seen = np.tile(bits, tape.rows)
    there = (whole.ev[index] & seen) != 0
    index, seen = index[there], seen[there]
    times = np.where(seen == EXCH_BIT, whole.exch_ts[index], whole.local_ts[index])
    order = np.argsort(times, kind="stable")
    columns = [column[index][order] for column in whole[:5]]
    columns[2] = (columns[2] & np.uint8(EXCH_BIT - 1)) | seen[order]
    return MemoryTape(Chunk(*columns, np.zeros(0, np.int64)), tape.instrument, tape.level, chunk_rows)


@pytest.mark.parametrize("chunk_rows", [1, 7, 97, 1000])
def test_chunks_change_nothing_when_the_clocks_are_split(chunk_rows: int, tmp_path: Path) -> None:
    """Rows that come once for either clock: a chunk may end with rows that only the Venue has still to see."""
    tape = rows_pair(random_rows(9, 6000), tmp_path).tape
    config = rules("power", *RANDOM_MAKER)
    whole = run_ours(tape, config)
    assert len(whole.fills) > 20, "the maker trades"
    assert run_ours(chunked(tape, chunk_rows), config) == whole


@pytest.mark.real
@pytest.mark.parametrize("chunk_rows", [1009, 65_536])
def test_chunks_change_nothing_on_real_captures(captured_tape: Tape, chunk_rows: int) -> None:
    """The same with the seconds of clock disorder that captures bring."""
    config = rules("power")
    whole = run_ours(captured_tape, config)
    assert len(whole.fills) > 10, "the maker trades"
    assert run_ours(chunked(captured_tape, chunk_rows), config) == whole
