"""Small real tapes, and tapes that no writer of ours would write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simcore.records import Chunk
from simcore.tape.read import Tape
from simcore.tape.schema import META_KEY, arrow_schema
from simcore.tape.write import TapeWriter
from tests.blackbox.command import SAMPLE
from tests.sealing import meta_text


def write_sample(path: Path, rows: int = 5000, first: int = 0, **changes: str) -> Path:
    """Write rows of the shipped sample as a tape of their own; changes: of the instrument."""
    tape = Tape.open(SAMPLE)
    chunk = tape.head(first + rows)
    instrument = replace(tape.instrument, **changes)
    with TapeWriter(path, replace(tape.meta, instrument=instrument)) as writer:
        writer.append(Chunk(*(column[first:] for column in chunk)))
    return path


def forge(
    source: Path, target: Path, columns: Mapping[str, Any] | None = None, schema: pa.Schema | None = None,
    meta: Mapping[str, Any] | None = None,
) -> Path:  # fmt: skip
    """Copy a tape with other columns, another schema or other metadata and their hash, and no check; return the copy.

    columns: arrays by name.  schema: its fields are what the file has.  meta: keys of the metadata to replace.
    """
    table = pq.read_table(source)
    note = json.loads(table.schema.metadata[META_KEY])
    arrays = {name: table[name] for name in table.column_names} | dict(columns or {})
    wanted = schema or arrow_schema(note["level"])
    note |= {"rows": len(next(iter(arrays.values()))), **(meta or {})}
    parts = [arrays[field.name] if field.name in arrays else table["qty_lots"] for field in wanted]
    made = pa.Table.from_arrays([pa.array(np.asarray(part)).cast(field.type) for part, field in zip(parts, wanted, strict=True)], schema=wanted)
    pq.write_table(made.replace_schema_metadata({META_KEY: meta_text(note)}), target, row_group_size=1 << 18)
    return target


def with_cell(source: Path, target: Path, column: str, row: int, value: int) -> Path:
    """Copy a tape with one cell changed."""
    values = pq.read_table(source)[column].to_numpy().copy()
    values[row] = value
    return forge(source, target, {column: values})
