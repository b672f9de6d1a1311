"""Small tapes of several symbols, made once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from simcore.tape.schema import TapeMeta
from simcore.tape.write import TapeWriter
from tests.property.runs import columns, market_rows
from tests.support import INSTRUMENT

ROWS = {"AAA": 2_400, "BBB": 1_800, "CCC": 1_200}
SECOND_NS = 1_000_000_000
START_NS = 1_700_000_000 * SECOND_NS


@pytest.fixture(scope="session")
def tapes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Tapes of three symbols; the second starts later, and the third ends earlier."""
    folder = tmp_path_factory.mktemp("tapes")
    return [
        write_tape(folder / f"{symbol}.parquet", symbol, seed, START_NS + (SECOND_NS + 123_457 if symbol == "BBB" else 0), rows)
        for seed, (symbol, rows) in enumerate(ROWS.items(), 1)
    ]


def write_tape(path: Path, symbol: str, seed: int, start_ns: int, rows: int, **changes: str) -> Path:
    """Write a busy random market of a symbol from start_ns on; return the path."""
    chunk = columns(market_rows(seed, rows, False), False, 1_000_000)
    instrument = replace(INSTRUMENT, venue="TEST", symbol=symbol, **changes)
    with TapeWriter(path, TapeMeta(instrument)) as writer:
        writer.append(chunk._replace(exch_ts=chunk.exch_ts + start_ns, local_ts=chunk.local_ts + start_ns))
    return path
