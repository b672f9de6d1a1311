"""Linked symbols: what a follower is shown is exactly its leader's Node at that moment, and nothing later."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from simcore import manifest
from simcore.config.load import load_config
from simcore.config.model import Config
from simcore.errors import JournalError
from simcore.journal.store import read_stream
from simcore.parity import check_parity as check_alone
from simcore.portfolio import run as portfolio
from simcore.portfolio.folder import part
from simcore.portfolio.group import LinkRates
from simcore.portfolio.lockstep import check_parity
from simcore.records import ASK, BID, NO_PRICE, PLACE, TRADED
from simcore.tape.read import Tape
from simcore.tape.schema import Instrument
from tests.oracle.book import Book
from tests.oracle.rows import rows_from_columns
from tests.portfolio.runs import BUSY, busy, digests

ECHO = str(Path(__file__).parent / "echo.py")
TICK_NS = 50_000_000
LEADER_MAKER = ["strategy.name=leader_maker", "strategy.params.quote.half_spread_bps=0.1", "node.tick_interval_ms=50", "book.window_ticks=4096"]
LINKS = "links=[{follower: BBB, leader: AAA}]"


def config_of_echo(*more: str) -> Config:
    """Return settings under which AAA makes and BBB tells what it sees, at once: nothing is on the wire at a tick."""
    own = [
        f"instruments.BBB.strategy.name={ECHO}", "instruments.BBB.latency.place.ms=0", "instruments.BBB.latency.cancel.ms=0",
        "instruments.BBB.latency.response.ms=0",
    ]  # fmt: skip
    return load_config(None, [*BUSY, LINKS, *own, *more])


def leader_at(tape: Tape, run_dir: Path, moments: list[int]) -> Iterator[tuple[int, int, int, int, int] | None]:
    """Yield best bid, ask, their lots, and the position that the leader's Node has at each moment, from its tape and reports.

    None before its start, after its end, and without a mid. Slow and plain: a book of dicts, one row at a time.
    """
    note = manifest.read(run_dir)
    rows = [row for chunk in tape.chunks() for row in rows_from_columns(*chunk) if row.at_node]
    reports = read_stream(run_dir, "reports")
    book, place = Book(), 0
    for ts in moments:
        while place < len(rows) and rows[place].local_ts <= ts:
            book.apply(rows[place])
            place += 1
        known = reports[(reports["kind"] == TRADED) & (reports["ts"] <= ts)]
        position = int(np.sum(np.where(known["side"] == BID, known["qty_lots"], -known["qty_lots"])))
        bid, ask = book.top()
        if not note["start_ts"] <= ts <= note["end_ts"] or NO_PRICE in (bid, ask) or bid >= ask:
            yield None
        else:
            yield bid, ask, book.lots(BID, bid), book.lots(ASK, ask), position


def expected_lots(seen: tuple[int, int, int, int, int] | None) -> int:
    """Return what `echo` bids for when it sees this."""
    if seen is None:
        return 1
    bid, ask, bid_lots, ask_lots, position = seen
    return 1 + bid % 1009 + 7 * ask % 1013 + bid_lots % 97 + 2000 * (ask_lots % 89) + 400000 * (position + 100)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_follower_sees_its_leader_as_it_is(tapes: list[Path], tmp_path: Path, jobs: int) -> None:
    """At every tick: best quotes, lots and position, against the leader's book rebuilt from its tape."""
    run_dir = portfolio.replay(tapes, config_of_echo(), tmp_path / "run", jobs=jobs)
    leader, follower = part(run_dir, "AAA"), part(run_dir, "BBB")
    requests = read_stream(follower.folder, "requests")
    places = requests[requests["kind"] == PLACE]
    start_ts = manifest.read(follower.folder)["start_ts"]
    assert set((places["ts"] - start_ts) % TICK_NS) == {0}
    assert len(places) > 40
    assert len(set(places["ts"].tolist())) == len(places)
    seen = list(leader_at(Tape.open(tapes[0]), leader.folder, places["ts"].tolist()))
    assert places["qty_lots"].tolist() == [expected_lots(one) for one in seen]
    positions = {one[4] for one in seen if one is not None}
    assert len(positions) > 2


def test_a_leader_runs_as_alone_and_all_verifies(tapes: list[Path], tmp_path: Path) -> None:
    run_dir = portfolio.replay(tapes, config_of_echo(), tmp_path / "run", jobs=2)
    apart = digests(portfolio.replay(tapes, busy(), tmp_path / "apart", jobs=1))
    found = digests(run_dir)
    assert (found["AAA"], found["CCC"]) == (apart["AAA"], apart["CCC"])
    assert portfolio.verify(run_dir, jobs=2).ok
    parity = check_parity(run_dir)
    assert all(one.ok for one in parity.values())
    assert [one.requests > 10 for one in parity.values()] == [True] * 3


def test_a_follower_cannot_be_verified_without_its_leader(tapes: list[Path], tmp_path: Path) -> None:
    run_dir = portfolio.replay(tapes[:2], config_of_echo(), tmp_path / "run", jobs=1)
    for check in (portfolio.verify, check_alone):
        with pytest.raises(JournalError, match=r"JRNL-006.*TEST:AAA"):
            check(part(run_dir, "BBB").folder)
    assert portfolio.verify(part(run_dir, "AAA").folder).ok


def test_symbols_may_follow_each_other(tapes: list[Path], tmp_path: Path) -> None:
    """Both are shown before either ticks: the same for the tapes in any order; with barriers, too."""
    links = "links=[{follower: BBB, leader: AAA}, {follower: AAA, leader: BBB}, {follower: CCC, leader: AAA}]"
    config = load_config(None, [*LEADER_MAKER, links])
    both = portfolio.replay(tapes, config, tmp_path / "both", jobs=1)
    assert digests(portfolio.replay(tapes[::-1], config, tmp_path / "again", jobs=2)) == digests(both)
    assert all(one.ok for one in check_parity(both).values())
    alone = portfolio.replay(tapes, load_config(None, LEADER_MAKER), tmp_path / "alone", jobs=1)
    assert all(digests(alone)[name] != digests(both)[name] for name in ("AAA", "BBB", "CCC"))


def test_links_hold_beside_barriers(tapes: list[Path], tmp_path: Path) -> None:
    """The allocator's and the leader's words both reach a follower; parity holds for both."""
    config = config_of_echo("portfolio.allocate=true", "portfolio.rebalance_s=0.25", "portfolio.score_samples=1", "portfolio.hysteresis=0")
    one = portfolio.replay(tapes, config, tmp_path / "one", jobs=1)
    assert digests(portfolio.replay(tapes, config, tmp_path / "two", jobs=2)) == digests(one)
    assert all(found.ok for found in check_parity(one).values())


def test_the_hedger_holds_the_opposite(tapes: list[Path], tmp_path: Path) -> None:
    """Within its band, but for what was filled since its last ticks; and it both works and takes."""
    config = load_config(
        None,
        [*BUSY, LINKS, "instruments.BBB.strategy.name=hedger", "instruments.BBB.strategy.params={hedge.band_lots: 4, hedge.slack_bps: 5}"],
    )
    run_dir = portfolio.replay(tapes[:2], config, tmp_path / "run", jobs=1)
    leader, follower = (read_stream(part(run_dir, name).folder, "samples") for name in ("AAA", "BBB"))
    fills = read_stream(part(run_dir, "BBB").folder, "fills")
    assert len(fills) > 5
    assert (fills["liquidity"] == 2).any()
    place = np.searchsorted(leader["ts"], follower["ts"], side="right") - 1
    gaps = np.abs(leader["position_lots"][place] + follower["position_lots"])
    assert np.median(gaps) <= 4
    assert np.abs(leader["position_lots"]).max() > 8


@pytest.mark.parametrize(
    ("leader", "own", "mids", "lot"),
    [
        (("linear", "0.001", "1", "BTC"), ("linear", "0.01", "1", "BTC"), (60_000, 60_010), 0.1),
        (("inverse", "1", "100", "BTC"), ("linear", "0.001", "1", "BTC"), (50_000, 50_100), 2.0),
        (("spot", "0.00001", "1", "BTC"), ("inverse", "1", "100", "BTC"), (50_000, 50_000), 0.005),
        (("linear", "1", "1", "ETH"), ("linear", "0.001", "1", "BTC"), (3_000, 60_000), 50.0),
    ],
)
def test_lots_become_lots(leader: tuple[str, ...], own: tuple[str, ...], mids: tuple[int, int], lot: float) -> None:
    """Of one coin by amount, of two by value; the leader's tick is 0.5, ours 0.1."""
    made = [
        Instrument("V", f"S{i}", kind, tick, size, contract, base, "USD")
        for i, ((kind, size, contract, base), tick) in enumerate(((leader, "0.5"), (own, "0.1")))
    ]
    rates = LinkRates.of(*made)
    assert rates.tick == 5.0
    assert rates.lot(round(2 * mids[0] / 0.5), round(2 * mids[1] / 0.1)) == pytest.approx(lot, rel=1e-12)
