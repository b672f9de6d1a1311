"""The same rows in both files: our tape as the peer's npz, its npz as our tape, by the functions and by the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from simcore import ConvertOptions, Instrument, Tape, convert
from simcore.records import (
    ASK_BIT,
    BEST,
    CLEAR,
    DEPTH,
    EXCH_BIT,
    KIND_MASK,
    LOCAL_BIT,
    NO_SIDE_BIT,
    SNAPSHOT,
    TRADE,
)
from tests.blackbox.command import mmsim
from tests.peers.env import peer_runs, run_peer
from tests.peers.flow import random_rows
from tests.peers.ours import MODELS, RULES, Side, as_peer, rules
from tests.peers.table import beside
from tests.peers.tapes import CAPTURES, Capture, Pair, real_files, rows_pair
from tests.peers.twin import BUY_EVENT, EXCH_EVENT, LOCAL_EVENT, SELL_EVENT

KINDS = {1: DEPTH, 2: TRADE, 3: CLEAR, 4: SNAPSHOT, 5: BEST}


def read_in(npz: Path, instrument: Instrument, out: Path) -> Tape:
    """Convert the peer's file to a tape of that instrument, with its times as they are."""
    names = ("venue", "symbol", "kind", "tick_size", "lot_size", "contract_size", "maker_rate", "taker_rate")
    options = ConvertOptions(clock="keep", **{name: getattr(instrument, name) for name in names})
    convert([npz], "hftbacktest", out, options)
    return Tape.open(out)


def assert_same_rows(tape: Tape, npz: Path) -> None:
    """Every event is a row, in its place: who sees it, when, kind, side, price and quantity."""
    with np.load(npz) as archive:
        events = archive["data"]
    rows = tape.head(tape.rows)
    assert tape.rows == len(events) > 0
    assert np.array_equal(rows.exch_ts, events["exch_ts"])
    assert np.array_equal(rows.local_ts, events["local_ts"])
    for theirs, ours in ((EXCH_EVENT, EXCH_BIT), (LOCAL_EVENT, LOCAL_BIT), (SELL_EVENT, ASK_BIT)):
        assert np.array_equal(events["ev"] & theirs != 0, rows.ev & ours != 0)
    assert np.array_equal(events["ev"] & (BUY_EVENT | SELL_EVENT) == 0, rows.ev & NO_SIDE_BIT != 0)
    kinds = np.array([KINDS.get(code, 0) for code in range(256)])
    assert np.array_equal(kinds[(events["ev"] & 0xFF).astype(int)], rows.ev & KIND_MASK)
    valued = (events["ev"] & 0xFF) != 3
    assert_multiples(events["px"][valued], rows.price_ticks[valued], tape.instrument.tick_size)
    assert_multiples(events["qty"][valued], rows.qty_lots[valued], tape.instrument.lot_size)


def assert_multiples(found: Any, count: Any, size: str) -> None:
    """Each float is its count of ticks or lots, but for the rounding of the two."""
    assert np.allclose(found, count * float(size), rtol=1e-15, atol=0.0)


def test_random_rows_read_in_as_they_were_written(tmp_path: Path) -> None:
    """Out and in again: every kind, clears of a side and of both, trades without a side."""
    pair = rows_pair(random_rows(13, 6000), tmp_path)
    assert_same_rows(pair.tape, tmp_path / "rows.npz")
    again = read_in(pair.npz, pair.tape.instrument, tmp_path / "again.parquet")
    assert_same_rows(again, pair.npz)
    for column, other in zip(pair.tape.head(pair.tape.rows), again.head(again.rows), strict=True):
        assert np.array_equal(column, other)


@pytest.mark.peers
@pytest.mark.real
def test_real_captures_read_in_as_they_were_written(captured: Pair, tmp_path: Path) -> None:
    """Best quotes as level rows: what the peer reads is what comes back."""
    assert_same_rows(read_in(captured.npz, captured.tape.instrument, tmp_path / "again.parquet"), captured.npz)


@pytest.mark.peers
@pytest.mark.real
@pytest.mark.parametrize("raw", CAPTURES[:2], ids=lambda raw: raw.name)
def test_the_peers_own_conversion_reads_in_and_fills_alike(raw: Capture, tmp_path: Path) -> None:
    """The peer's converter makes its rows of a raw capture; our tape has the same rows, and the fills agree."""
    source, npz = real_files(raw)[0], tmp_path / "theirs.npz"
    assert run_peer("convert", {"source": str(source), "out": str(npz)})["rows"] > 50_000
    convert([source], "binance", tmp_path / "ours.parquet")
    instrument = Tape.open(tmp_path / "ours.parquet").instrument
    pair = Pair(read_in(npz, instrument, tmp_path / "theirs.parquet"), npz)
    assert_same_rows(pair.tape, npz)
    configs = [rules(model) for model in MODELS]
    sides = peer_runs(npz, tmp_path, [as_peer(config, pair.tape) for config in configs])
    for config, theirs in zip(configs, sides, strict=True):
        compared = beside(pair, config, theirs)
        assert compared.theirs > 10, "the maker trades"
        assert compared.unexplained() == (), compared.table()


@pytest.mark.peers
@pytest.mark.real
def test_the_peers_converter_cannot_read_spot_captures(tmp_path: Path) -> None:
    """It needs the transaction time of every message, which spot messages do not have; ours converts them."""
    spot = real_files(CAPTURES[2])[0]
    with pytest.raises(AssertionError, match="KeyError: 'T'"):
        run_peer("convert", {"source": str(spot), "out": str(tmp_path / "spot.npz")})


@pytest.mark.peers
@pytest.mark.real
@pytest.mark.parametrize("model", ["power", "log2"])
def test_the_command_gives_the_same_fills(
    capture: Capture, captured: Pair, captured_theirs: dict[str, Side], model: str, tmp_path: Path
) -> None:
    """convert, export and replay as docs/peers.md says them; the fills of the run folder are the peer's."""
    said = mmsim("tape", "convert", *real_files(capture), "--format", "binance", "--out", tmp_path / "tape")
    assert said.returncode == 0, said.stderr
    said = mmsim("tape", "export", tmp_path / "tape", "--out", tmp_path / "tape.npz")
    assert said.returncode == 0, said.stderr
    assert (tmp_path / "tape.npz").read_bytes() == captured.npz.read_bytes()
    said = mmsim(
        "replay", tmp_path / "tape", "--config", RULES, "--queue-model", model, "--out", tmp_path / "run", "--json"
    )
    assert said.returncode == 0, said.stderr
    theirs = captured_theirs[model]
    assert json.loads(said.stdout)["fills"] == len(theirs.fills)
    table = pq.read_table(tmp_path / "run" / "journal" / "fills.parquet")
    columns = (table[name].to_pylist() for name in ("exch_ts", "side", "price_ticks", "qty_lots"))
    assert sorted(zip(*columns, strict=True)) == [tuple(fill) for fill in theirs.fills]
