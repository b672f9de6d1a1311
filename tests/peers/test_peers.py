"""Our engine beside the peer on the rows of our tapes: equal fills, and a named rule behind every difference."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simcore import Config, Tape
from simcore.records import BEST, EXCH_BIT, KIND_MASK, LOCAL_BIT, Chunk
from tests.peers.env import peer_run
from tests.peers.flow import RANDOM_MAKER, random_rows
from tests.peers.matching import Comparison, explain
from tests.peers.ours import MODELS, as_peer, rules, run_ours
from tests.peers.tapes import Pair, rows_of, rows_pair
from tests.peers.twin import Rules, Twin
from tests.support import MemoryTape

REQUIRED = ("risk_averse", "power", "power3", "log2")  # the models in which no rule may make a difference


@cache
def twin_rows(pair: Pair) -> Any:
    return rows_of(pair)


def compare(pair: Pair, config: Config, folder: Path) -> Comparison:
    """Run both on the tape; check that both makers saw the same prices, and explain where their fills differ."""
    peers = as_peer(config, pair.tape)
    theirs, ours = peer_run(pair.npz, folder / "peer.npz", peers), run_ours(pair.tape, config)

    def twin(switches: Rules) -> list[Any]:
        return Twin(peers, switches).run(twin_rows(pair), pair.tape.start_ts)

    compared = explain(ours.fills, theirs.fills, twin)
    print(f"{pair.tape.instrument.symbol} {config.venue.queue_model}: {compared.table()}")
    return compared


@pytest.mark.peers
@pytest.mark.real
@pytest.mark.parametrize("model", MODELS)
def test_real_captures_fill_as_the_peer_fills(captured: Pair, model: str, tmp_path: Path) -> None:
    """Time, side, price and quantity of every fill agree, except where a rule of docs/peers.md says why not."""
    compared = compare(captured, rules(model), tmp_path)
    assert compared.theirs > 10, "the maker trades"
    assert compared.unexplained() == ()
    if model in REQUIRED:
        assert compared.matched == compared.ours == compared.theirs


@pytest.mark.peers
@pytest.mark.real
def test_real_captures_show_both_makers_the_same_best_prices(captured: Pair, tmp_path: Path) -> None:
    """At every tick: BEST rows, which the peer would ignore, reach it as level rows that mean the same."""
    chunks = list(captured.tape.chunks())
    assert sum(int(np.count_nonzero(chunk.ev & KIND_MASK == BEST)) for chunk in chunks) > 1000, "the tape has BEST rows"
    config = rules("power")
    theirs = peer_run(captured.npz, tmp_path / "peer.npz", as_peer(config, captured.tape))
    ours = run_ours(captured.tape, config)
    assert len(theirs.quotes) > 3000
    assert ours.quotes == theirs.quotes


@pytest.mark.peers
@pytest.mark.parametrize("model", MODELS)
def test_random_rows_fill_as_the_peer_fills(model: str, tmp_path: Path) -> None:
    """Crossed books and clears too."""
    compared = compare(rows_pair(random_rows(3, 6000), tmp_path), rules(model, *RANDOM_MAKER), tmp_path)
    assert compared.theirs > 20, "the maker trades"
    assert compared.unexplained() == ()


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
def test_chunks_change_nothing_on_real_captures(captured: Pair, chunk_rows: int) -> None:
    """The same with the seconds of clock disorder that captures bring."""
    config = rules("power")
    whole = run_ours(captured.tape, config)
    assert len(whole.fills) > 10, "the maker trades"
    assert run_ours(chunked(captured.tape, chunk_rows), config) == whole
