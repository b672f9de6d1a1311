"""Numbers between Arrow and numpy: the same values and types both ways, nulls and texts refused, pandas never loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simcore.arrow import column_of, numbers
from simcore.errors import JournalError
from simcore.journal.store import STREAMS, from_table, read_stream, to_table

KINDS = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_go_there_and_back(kind: str) -> None:
    """Also of a part of an array, of a column in pieces, and of none."""
    values = np.array([0, 1, 5, 100, 7], kind)
    column = column_of(values)
    assert column.equals(pa.array(values))
    for chunks, expected in (
        ([column], values), ([column[1:3]], values[1:3]), ([column[1:3], column[4:]], values[[1, 2, 4]]), ([column[:0]], values[:0]),
    ):  # fmt: skip
        found = numbers(pa.chunked_array(chunks))
        assert found.dtype == values.dtype
        assert found.tolist() == expected.tolist()
    assert numbers(pa.chunked_array([], column.type)).tolist() == []
    assert column_of(values[::2]).to_pylist() == values[::2].tolist()


def test_not_a_number_stays_what_it_is() -> None:
    """NaN is a value, not a null."""
    found = numbers(pa.chunked_array([column_of(np.array([np.nan, np.inf, 1.0]))]))
    assert np.isnan(found[0])
    assert found[1:].tolist() == [np.inf, 1.0]


@pytest.mark.parametrize("column", [pa.array([1, None]), pa.array(["a"]), pa.array([True])], ids=["null", "text", "bool"])
def test_other_columns_are_refused(column: pa.Array, tmp_path: Path) -> None:
    """A journal that somebody wrote anew gives a code, not a traceback or wrong numbers."""
    with pytest.raises(ValueError, match="expected numbers"):
        numbers(pa.chunked_array([column]))
    table = to_table(np.zeros(len(column), STREAMS["fills"])).set_column(0, "exch_ts", column)
    names = table.column_names
    table = table.rename_columns(["exch_ts", *(f"{name}_" if name == "exch_ts" else name for name in names[1:])])
    with pytest.raises(JournalError, match="exch_ts"):
        from_table(table, STREAMS["fills"])
    (tmp_path / "journal").mkdir()
    pq.write_table(table, tmp_path / "journal" / "fills.parquet")
    with pytest.raises(JournalError, match="JRNL-001"):
        read_stream(tmp_path, "fills")


def test_no_pandas_is_loaded() -> None:
    code = (
        "import sys, numpy as np, pyarrow as pa; from simcore.arrow import *;"
        "numbers(pa.chunked_array([column_of(np.arange(3))])); print('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"
