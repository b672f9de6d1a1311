"""Synthetic tapes as files, and the samples that the project ships."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from simcore.errors import ConfigError
from simcore.records import CLEAR, KIND_MASK
from simcore.tape.metadata import parse_meta
from simcore.tape.schema import META_KEY
from simcore.tape.synth import preset_spec, synth
from simcore.tape.synth_datasets import CATALOGUE, SAMPLES, Sample, build_datasets
from simcore.units import NS_PER_DAY, NS_PER_S

ROOT = Path(__file__).parents[2]
SHORT = preset_spec("large-tick-thin", seed=4, duration_s=1800)


def test_the_same_spec_gives_the_same_bytes(tmp_path: Path) -> None:
    first = synth(SHORT, tmp_path / "a", "both")
    again = synth(replace(SHORT, chunk_rows=5000), tmp_path / "b", "both")
    assert [tape.path.name for tape in first] == ["synes-20240101-l2.parquet", "synes-20240101-l3.parquet"]
    for a, b in zip(first, again, strict=True):
        assert a.path.read_bytes() == b.path.read_bytes()
        assert a.meta == b.meta
    assert first[0].meta.content_hash != synth(replace(SHORT, seed=5), tmp_path / "c")[0].meta.content_hash


def test_a_tape_says_what_it_is(tmp_path: Path) -> None:
    (tape,) = synth(preset_spec("small-tick-thin", duration_s=600), tmp_path)
    meta = parse_meta(pq.read_metadata(tape.path).metadata[META_KEY], str(tape.path))
    assert meta.synthetic
    assert (meta.instrument.venue, meta.instrument.symbol) == ("SYNTH", "SYNBTC-PERP")
    assert meta.instrument.maker_rate == "-0.00002"
    assert meta.source["spec"]["seed"] == 1
    assert meta.rows == pq.read_metadata(tape.path).num_rows


def test_each_utc_day_is_a_file_that_starts_with_its_snapshot(tmp_path: Path) -> None:
    spec = replace(SHORT, start_ns=SHORT.start_ns - 900 * NS_PER_S)
    tapes = synth(spec, tmp_path, "both")
    assert [tape.path.name for tape in tapes] == [
        "synes-20231231-l2.parquet", "synes-20240101-l2.parquet",
        "synes-20231231-l3.parquet", "synes-20240101-l3.parquet",
    ]  # fmt: skip
    for tape in tapes:
        table = pq.read_table(tape.path)
        kind = table["ev"].to_numpy() & KIND_MASK
        assert kind[0] == CLEAR
        assert (kind == CLEAR).sum() == 1
        days = np.unique(table["exch_ts"].to_numpy() // NS_PER_DAY)
        assert len(days) == 1


def test_progress_reaches_the_end(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    (tape,) = synth(replace(SHORT, chunk_rows=2500), tmp_path, "l2", lambda rows, ns: seen.append((rows, ns)))
    assert len(seen) > 2
    assert seen == sorted(seen)
    assert seen[-1][0] == tape.meta.rows
    assert 0.9 * SHORT.duration_s < seen[-1][1] / NS_PER_S <= SHORT.duration_s


def test_a_failure_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        synth(replace(SHORT, limit_per_s=2000.0, cancel_fast_per_s=0.0, cancel_patient_per_s=0.0), tmp_path)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ConfigError, match="level 'l4'"):
        synth(SHORT, tmp_path, "l4")
    with pytest.raises(ConfigError, match="large-tick-thin"):
        preset_spec("huge-tick")


def test_a_short_dataset_rebuilds_byte_for_byte(tmp_path: Path) -> None:
    samples = (Sample("small-tick-thin", 7, 1200, "l2", "short"), Sample("large-tick-thin", 11, 600, "l3", "short"))
    for name in ("a", "b"):
        build_datasets(tmp_path / name, samples)
    a, b = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("a", "b"))
    assert a == b
    assert len(a) == 3


def test_the_shipped_samples_are_those_of_the_catalogue() -> None:
    """Hashes, rows, sizes; nothing else in the folder; small enough to ship."""
    catalogue = yaml.safe_load((ROOT / "datasets" / CATALOGUE).read_text())["tapes"]
    assert len(catalogue) == len(SAMPLES)
    for entry in catalogue:
        path = ROOT / "datasets" / entry["file"]
        meta = parse_meta(pq.read_metadata(path).metadata[META_KEY], str(path))
        assert hashlib.sha256(path.read_bytes()).hexdigest() == entry["sha256"]
        assert (meta.rows, meta.content_hash, meta.synthetic) == (entry["rows"], entry["content_hash"], True)
        assert path.stat().st_size == entry["bytes"] < 3_000_000
    assert sum(entry["bytes"] for entry in catalogue) < 4_000_000
    assert {p.name for p in (ROOT / "datasets").glob("*.parquet")} == {entry["file"] for entry in catalogue}


def test_the_l3_sample_is_of_the_same_flow_as_the_l2_day() -> None:
    """The trades of the hour are the first trades of the day."""
    trades = []
    for level in ("l2", "l3"):
        table = pq.read_table(ROOT / "datasets" / f"synes-20240101-{level}.parquet").to_pandas()
        table = table[(table["ev"] & KIND_MASK) == 2]
        trades.append(table[["exch_ts", "local_ts", "price_ticks", "qty_lots"]].to_numpy())
    assert len(trades[1]) > 500
    assert np.array_equal(trades[0][: len(trades[1])], trades[1])


@pytest.mark.slow
def test_the_shipped_samples_rebuild(tmp_path: Path) -> None:
    """The same content with any pyarrow, the same bytes with the one that the catalogue names."""
    catalogue = yaml.safe_load((ROOT / "datasets" / CATALOGUE).read_text())
    for built, shipped in zip(build_datasets(tmp_path), catalogue["tapes"], strict=True):
        assert built["content_hash"] == shipped["content_hash"]
        if catalogue["pyarrow"] == pa.__version__:
            assert built == shipped
