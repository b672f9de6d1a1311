"""Several symbols in one run: the same as each alone, for any number of workers, and complete run folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simcore import engine, manifest
from simcore.errors import ConfigError, JournalError, PortfolioError, TapeError
from simcore.journal.store import read_stream
from simcore.portfolio import run as portfolio
from simcore.portfolio.folder import digest_of, part, parts, read_telemetry
from simcore.portfolio.kind import is_portfolio
from simcore.records import CONTROL
from simcore.report.folder import check_books, open_run
from simcore.tape.read import Tape
from tests.portfolio.conftest import START_NS, write_tape
from tests.portfolio.runs import BARRIERS, busy, digests
from tests.sealing import reseal


@pytest.fixture(scope="module")
def apart(tapes: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three symbols that do not act on each other."""
    return portfolio.replay(tapes, busy(), tmp_path_factory.mktemp("apart") / "run", jobs=1)


@pytest.fixture(scope="module")
def together(tapes: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three symbols with an allocator and a limit."""
    return portfolio.replay(tapes, busy(*BARRIERS), tmp_path_factory.mktemp("together") / "run", jobs=1)


def test_each_symbol_runs_as_alone(tapes: list[Path], apart: Path, tmp_path: Path) -> None:
    """Digest and configuration; and the folder of a symbol is a run folder like any other."""
    found = digests(apart)
    for tape, own in zip(tapes, parts(apart), strict=True):
        alone = engine.replay(tape, busy(), tmp_path / own.name)
        assert manifest.read(alone)["digest"] == found[own.name]
        assert (alone / "config.yaml").read_bytes() == (own.folder / "config.yaml").read_bytes()
        assert engine.verify(own.folder).ok
        assert json.loads((own.folder / "counts.json").read_text())["fills"] > 5


@pytest.mark.parametrize("jobs", [2, 4])
def test_any_number_of_workers_gives_the_same(tapes: list[Path], apart: Path, tmp_path: Path, jobs: int) -> None:
    assert digests(portfolio.replay(tapes, busy(), tmp_path / "run", jobs=jobs)) == digests(apart)


@pytest.mark.parametrize("jobs", [2, 4])
def test_barriers_give_the_same_for_any_number_of_workers(tapes: list[Path], together: Path, tmp_path: Path, jobs: int) -> None:
    """Digests, and every number that the allocator saw and decided."""
    run_dir = portfolio.replay(tapes, busy(*BARRIERS), tmp_path / "run", jobs=jobs)
    assert digests(run_dir) == digests(together)
    assert read_telemetry(run_dir) == read_telemetry(together)


def test_the_order_of_the_tapes_does_not_matter(tapes: list[Path], apart: Path, tmp_path: Path) -> None:
    assert digests(portfolio.replay(tapes[::-1], busy(), tmp_path / "run", jobs=1)) == digests(apart)


def test_the_allocator_moves_weights_and_is_heard(apart: Path, together: Path) -> None:
    entries = read_telemetry(together)
    assert len({entry.weight for entry in entries}) > 5
    assert {entry.symbol for entry in entries} == {"TEST:AAA", "TEST:BBB", "TEST:CCC"}
    for own in parts(together):
        reports = read_stream(own.folder, "reports")
        told = reports[reports["kind"] == CONTROL]
        assert len(told) > 3
        assert np.array_equal(told["ts"], told["exch_ts"] + 1)
    assert digests(together)["AAA"] != digests(apart)["AAA"]


def test_a_symbol_joins_when_it_starts_and_leaves_when_it_ends(together: Path) -> None:
    entries = read_telemetry(together)
    grid = sorted({entry.ts for entry in entries})
    assert set(np.diff(grid)) == {250_000_000}
    for own in parts(together):
        note = manifest.read(own.folder)
        seen = [entry.ts for entry in entries if entry.symbol == own.key]
        assert seen[0] == min(ts for ts in grid if ts >= note["start_ts"])
        live = [entry.ts for entry in entries if entry.symbol == own.key and not entry.ended]
        assert live[-1] == max(ts for ts in grid if ts <= note["end_ts"])
    late, early = (manifest.read(part(together, name).folder) for name in ("BBB", "CCC"))
    assert late["start_ts"] > grid[0]
    assert early["end_ts"] < grid[-1]


def test_verify_replays_all_and_each_symbol_with_what_it_was_told(together: Path) -> None:
    found = portfolio.verify(together, jobs=2)
    assert found.ok
    assert found.expected == found.found == digest_of({own.key: digests(together)[own.name] for own in parts(together)})
    for own in parts(together):
        assert portfolio.verify(own.folder).ok


def test_verify_names_the_symbol_that_differs(tapes: list[Path], tmp_path: Path) -> None:
    run_dir = portfolio.replay(tapes[:2], busy(), tmp_path / "run", jobs=1)
    for folder in (run_dir, parts(run_dir)[1].folder):
        reseal(folder, digest="0" * 64)
    found = portfolio.verify(run_dir, jobs=1)
    assert not found.ok
    assert found.first_difference == "TEST:BBB: the digest in run.json"


def test_positions_cash_and_fees_are_those_of_the_fills(together: Path) -> None:
    """Conservation, in each symbol, to the unit."""
    for own in parts(together):
        check_books(open_run(own.folder))


def test_one_symbol_is_a_run_as_ever(tapes: list[Path], tmp_path: Path) -> None:
    """The folder and the digest of `engine.replay`; its own settings and lists hold."""
    one = portfolio.replay(tapes[0], busy(), tmp_path / "one")
    assert not is_portfolio(one)
    assert manifest.read(one)["digest"] == manifest.read(engine.replay(tapes[0], busy(), tmp_path / "other"))["digest"]
    own = portfolio.replay([tapes[0]], busy("instruments.AAA.strategy.params.emit.order_lots=7"), tmp_path / "own")
    assert read_stream(own, "requests")["qty_lots"].max() == 7


def test_one_symbol_has_its_limit_too(tapes: list[Path], tmp_path: Path) -> None:
    """What ties symbols together holds for one: then its folder is a portfolio's."""
    run_dir = portfolio.replay(tapes[0], busy("portfolio.max_gross=50"), tmp_path / "limited")
    assert is_portfolio(run_dir)
    assert max(entry.worst_lots * (entry.lot_value or 0.0) for entry in read_telemetry(run_dir)) < 100
    blocked = portfolio.replay(tapes[0], busy("portfolio.blacklist=[AAA]"), tmp_path / "blocked")
    assert not len(read_stream(part(blocked, "AAA").folder, "requests"))


def test_a_symbol_has_its_own_settings(tapes: list[Path], apart: Path, tmp_path: Path) -> None:
    run_dir = portfolio.replay(tapes, busy("instruments.BBB.strategy.params.emit.order_lots=7"), tmp_path / "run", jobs=1)
    found, before = digests(run_dir), digests(apart)
    assert [found[name] == before[name] for name in ("AAA", "BBB", "CCC", "")] == [True, False, True, False]
    assert read_stream(part(run_dir, "BBB").folder, "requests")["qty_lots"].max() == 7


def test_lists_hold_without_an_allocator(tapes: list[Path], apart: Path, tmp_path: Path) -> None:
    run_dir = portfolio.replay(tapes, busy("portfolio.blacklist=[BBB]"), tmp_path / "run", jobs=1)
    found, before = digests(run_dir), digests(apart)
    assert (found["AAA"], found["CCC"]) == (before["AAA"], before["CCC"])
    assert not len(read_stream(part(run_dir, "BBB").folder, "requests"))
    assert portfolio.verify(part(run_dir, "BBB").folder).ok


def test_tapes_of_a_folder_are_all_of_its_symbols(tapes: list[Path], apart: Path, tmp_path: Path) -> None:
    assert digests(portfolio.replay(tapes[0].parent, busy(), tmp_path / "run", jobs=1)) == digests(apart)
    opened = [Tape.open(tape) for tape in tapes]
    assert digests(portfolio.replay(opened, busy(), tmp_path / "opened", jobs=1)) == digests(apart)


# --- resuming ------------------------------------------------------------------------------------------


def unfinished(run_dir: Path, names: tuple[str, ...]) -> None:
    """Make a finished folder one whose symbols of these names have not been run, or not to the end."""
    reseal(run_dir, status="running", digest="")
    for name in names:
        own = part(run_dir, name).folder
        for file in sorted(own.rglob("*"), reverse=True):
            file.unlink() if file.is_file() else file.rmdir()


def test_symbols_that_do_not_act_on_each_other_resume(tapes: list[Path], apart: Path, tmp_path: Path) -> None:
    run_dir = portfolio.replay(tapes, busy(), tmp_path / "run", jobs=1)
    unfinished(run_dir, ("BBB",))
    kept = (part(run_dir, "AAA").folder / "run.json").stat().st_mtime_ns
    assert digests(portfolio.replay(tapes, busy(), run_dir, resume=True, jobs=2)) == digests(apart)
    assert (part(run_dir, "AAA").folder / "run.json").stat().st_mtime_ns == kept
    with pytest.raises(JournalError, match="JRNL-002"):
        portfolio.replay(tapes, busy(), run_dir, resume=True, jobs=1)


def test_symbols_that_act_on_each_other_are_not_resumed(tapes: list[Path], tmp_path: Path) -> None:
    run_dir = portfolio.replay(tapes[:2], busy(*BARRIERS), tmp_path / "run", jobs=1)
    unfinished(run_dir, ("AAA", "BBB"))
    with pytest.raises(PortfolioError, match="PORT-003"):
        portfolio.replay(tapes[:2], busy(*BARRIERS), run_dir, resume=True, jobs=1)
    with pytest.raises(JournalError, match="JRNL-003"):
        portfolio.replay(tapes[:2], busy(), run_dir, resume=True, jobs=1)
    with pytest.raises(JournalError, match="JRNL-002"):
        portfolio.replay(tapes[:2], busy(*BARRIERS), run_dir, jobs=1)


# --- what is refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        (("portfolio.whitelist=[DDD]",), "DDD"),
        (("instruments.DDD.node.use_amend=true",), "DDD"),
        (("links=[{follower: AAA, leader: DDD}]",), "DDD"),
        (("links=[{follower: AAA, leader: BBB}, {follower: AAA, leader: CCC}]",), "AAA follows two"),
    ],
)
def test_a_symbol_that_no_tape_has_is_refused(tapes: list[Path], tmp_path: Path, sets: tuple[str, ...], words: str) -> None:
    with pytest.raises(ConfigError, match=f"CONF-003.*{words}"):
        portfolio.replay(tapes, busy(*sets), tmp_path / "run", jobs=1)
    assert not (tmp_path / "run").exists()


def test_a_limit_over_two_currencies_is_refused(tapes: list[Path], tmp_path: Path) -> None:
    other = write_tape(tmp_path / "other.parquet", "DDD", 9, START_NS, 300, quote="EUR")
    with pytest.raises(PortfolioError, match=r"PORT-004.*AAA in Q, DDD in EUR"):
        portfolio.replay([tapes[0], other], busy("portfolio.max_gross=100"), tmp_path / "run", jobs=1)


def test_a_symbol_of_which_no_part_is_left_is_refused(tapes: list[Path], tmp_path: Path) -> None:
    """BBB starts a second after the others."""
    start = Tape.open(tapes[0]).start_ts
    with pytest.raises(ConfigError, match="CONF-003"):
        portfolio.replay(tapes, busy(f"run.to={start + 500_000_000}"), tmp_path / "run", jobs=1)


def test_no_tape_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TapeError, match="TAPE-001"):
        portfolio.replay([], busy(), tmp_path / "run")


def test_the_digest_is_over_symbols_in_canonical_order() -> None:
    either: dict[str, Any] = {"V:B": "1" * 64, "V:A": "2" * 64}
    assert digest_of(either) == digest_of(dict(sorted(either.items()))) != digest_of({"V:A": "1" * 64, "V:B": "2" * 64})
