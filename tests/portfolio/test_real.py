"""BTCUSDT, perpetual and spot, captured side by side: linked and not, with an allocator and a limit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simcore import engine, manifest
from simcore.config.load import load_config
from simcore.config.model import Config
from simcore.journal.store import read_stream
from simcore.portfolio import run as portfolio
from simcore.portfolio.folder import part, parts, read_telemetry
from simcore.portfolio.lockstep import check_parity
from simcore.records import BID, TAKER
from simcore.tape.convert import convert
from simcore.tape.read import Tape
from tests.portfolio.runs import digests
from tests.portfolio.test_links import leader_at
from tests.property.real import ROOT

CAPTURES = {
    "perp": ["binance/usdm_btcusdt_20240808.gz"],
    "spot": ["binance/spot_btcusdt_20240808.gz", "binance/spot_btcusdt_20240809.gz"],
}
PERP, SPOT = "binance_usdm:BTCUSDT", "binance_spot:BTCUSDT"
SECONDS = 20
LOTS_A_COIN = 1_000_000  # of the spot tape
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not all((ROOT / name).exists() for names in CAPTURES.values() for name in names), reason="no real captures (MMSIM_REAL_DATA)"),
]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Both captures as tapes."""
    folder = tmp_path_factory.mktemp("pair")
    for name, sources in CAPTURES.items():
        convert([ROOT / source for source in sources], "binance", folder / f"{name}.parquet")
    return [folder / f"{name}.parquet" for name in CAPTURES]


def settings(pair: list[Path], *more: str) -> Config:
    """Return settings under which the perpetual trades: 20 s from the start of the later tape."""
    start_ts = max(Tape.open(tape).start_ts for tape in pair)
    return load_config(
        None,
        [
            "strategy.name=demo_maker", f"run.to={start_ts + SECONDS * 10**9}", "strategy.params.spread.half_spread_bps=0.02",
            "strategy.params.emit.order_lots=20", "strategy.params.inventory.max_position_lots=200", "latency.place.ms=8", *more,
        ],
    )  # fmt: skip


def both_make(pair: list[Path], *more: str) -> Config:
    """Return settings under which both are makers; a lot of spot is a thousandth of one of the perpetual."""
    own = [f"instruments.{SPOT}.strategy.params.{name}" for name in ("emit.order_lots=20000", "inventory.max_position_lots=200000")]
    return settings(pair, *own, *more)


def hedged(pair: list[Path], *more: str) -> Config:
    """Return settings under which spot hedges what the perpetual's maker holds."""
    return settings(
        pair, f"links=[{{follower: '{SPOT}', leader: '{PERP}'}}]", f"instruments.{SPOT}.strategy.name=hedger",
        f"instruments.{SPOT}.strategy.params={{hedge.band_lots: 10000, hedge.order_lots: 100000, hedge.slack_bps: 1}}", *more,
    )  # fmt: skip


def test_two_venues_of_one_symbol_run_as_alone(pair: list[Path], tmp_path: Path) -> None:
    run_dir = portfolio.replay(pair, both_make(pair), tmp_path / "pair", jobs=2)
    assert [own.name for own in parts(run_dir)] == [SPOT, PERP]
    for own in parts(run_dir):
        tape = pair[0] if own.name == PERP else pair[1]
        alone = engine.replay(tape, load_config(own.folder / "config.yaml", []), tmp_path / own.folder.name)
        assert manifest.read(alone)["digest"] == digests(run_dir)[own.name]
        assert len(read_stream(alone, "fills")) > 5


def test_a_spot_hedger_offsets_the_perpetual(pair: list[Path], tmp_path: Path) -> None:
    """The leader is not disturbed, the hedge is near, and what was seen is what the leader's tape says."""
    run_dir = portfolio.replay(pair, hedged(pair), tmp_path / "one", jobs=1)
    assert digests(portfolio.replay(pair[::-1], hedged(pair), tmp_path / "two", jobs=2)) == digests(run_dir)
    apart = portfolio.replay(pair, both_make(pair), tmp_path / "apart", jobs=1)
    assert digests(apart)[PERP] == digests(run_dir)[PERP]
    assert all(found.ok for found in check_parity(run_dir).values())
    leader, follower = (read_stream(part(run_dir, name).folder, "samples") for name in (PERP, SPOT))
    place = np.searchsorted(leader["ts"], follower["ts"], side="right") - 1
    coins = leader["position_lots"][place] / 1000.0
    gaps = np.abs(coins + follower["position_lots"] / LOTS_A_COIN)
    assert np.abs(coins).max() > 0.03
    assert np.median(gaps) <= 0.01
    fills = read_stream(part(run_dir, SPOT).folder, "fills")
    takes = fills[fills["liquidity"] == TAKER]
    assert len(takes) > 0
    sent = read_stream(part(run_dir, SPOT).folder, "requests")
    first = sent[sent["order_id"] == takes["order_id"][0]][0]
    seen = next(leader_at(Tape.open(pair[0]), part(run_dir, PERP).folder, [int(first["ts"])]))
    assert seen is not None
    assert (seen[4] < 0) == (first["side"] == BID)


def test_an_allocator_and_a_limit_hold_two_venues(pair: list[Path], tmp_path: Path) -> None:
    """The same for any number of workers; it verifies, and the worst positions stay within the limit."""
    more = (
        "portfolio.allocate=true", "portfolio.rebalance_s=1", "portfolio.score_window_s=5", "portfolio.score_samples=3",
        "portfolio.temperature=0.2", "portfolio.hysteresis=0.01", "portfolio.max_gross=5000",
    )  # fmt: skip
    run_dir = portfolio.replay(pair, both_make(pair, *more), tmp_path / "one", jobs=1)
    again = portfolio.replay(pair, both_make(pair, *more), tmp_path / "two", jobs=2)
    assert digests(again) == digests(run_dir)
    entries = read_telemetry(run_dir)
    assert read_telemetry(again) == entries
    assert portfolio.verify(run_dir, jobs=2).ok
    for ts in {entry.ts for entry in entries}:
        assert sum(entry.worst_lots * (entry.lot_value or 0.0) for entry in entries if entry.ts == ts) < 5000 * 1.001
    assert len({entry.weight for entry in entries}) > 1
