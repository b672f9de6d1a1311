"""Our engine beside the peer on the rows of our tapes: equal fills, and a named rule behind every difference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simcore.records import BEST, KIND_MASK
from tests.peers.env import peer_runs
from tests.peers.flow import RANDOM_MAKER, random_rows
from tests.peers.ours import MODELS, Side, as_peer, rules, run_ours
from tests.peers.table import beside, line_of
from tests.peers.tapes import Pair, rows_of, rows_pair
from tests.peers.twin import PEER_RULES, Twin

pytestmark = pytest.mark.peers

REQUIRED = ("risk_averse", "power", "power3", "log2")  # the models in which no rule may make a difference
DOCS = Path(__file__).parents[2] / "docs" / "peers.md"


@pytest.mark.real
@pytest.mark.parametrize("model", MODELS)
def test_real_captures_fill_as_the_peer_fills(captured: Pair, captured_theirs: dict[str, Side], model: str) -> None:
    """Time, side, price and quantity of every fill agree, except where a rule of docs/peers.md says why not."""
    compared = beside(captured, rules(model), captured_theirs[model])
    assert compared.theirs > 10, "the maker trades"
    assert compared.unexplained() == ()
    if model in REQUIRED:
        assert compared.matched == compared.ours == compared.theirs
    assert line_of(captured, model, compared) in DOCS.read_text("utf-8").splitlines()


@pytest.mark.real
def test_real_captures_show_both_makers_the_same_best_prices(
    captured: Pair, captured_theirs: dict[str, Side]
) -> None:
    """At every tick: BEST rows, which the peer would ignore, reach it as level rows that mean the same."""
    chunks = list(captured.tape.chunks())
    assert sum(int(np.count_nonzero(chunk.ev & KIND_MASK == BEST)) for chunk in chunks) > 1000, "the tape has BEST rows"
    ours, theirs = run_ours(captured.tape, rules("power")), captured_theirs["power"]
    assert len(theirs.quotes) > 3000
    assert ours.quotes == theirs.quotes


@pytest.fixture(scope="module", params=[3, 11, "ties"])
def random_sides(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Pair, dict[str, Side]]:
    """Rows that visit the rare rules, and the peer's side of them; with "ties" much happens at equal times."""
    ties = request.param == "ties"
    folder = tmp_path_factory.mktemp("random")
    pair = rows_pair(random_rows(7, 12_000, 0) if ties else random_rows(request.param, 6000), folder)
    configs = [as_peer(rules(model, *RANDOM_MAKER), pair.tape) for model in MODELS]
    return pair, dict(zip(MODELS, peer_runs(pair.npz, folder, configs), strict=True))


@pytest.mark.parametrize("model", MODELS)
def test_the_twin_gives_the_peers_fills_on_random_rows(random_sides: tuple[Pair, dict[str, Side]], model: str) -> None:
    """Crossed books, clears, empty sides and partial queues: the twin under the peer's rules is the peer."""
    pair, theirs = random_sides
    config = as_peer(rules(model, *RANDOM_MAKER), pair.tape)
    assert len(theirs[model].fills) > 20, "the maker trades"
    assert sorted(Twin(config, PEER_RULES).run(rows_of(pair), pair.tape.start_ts)) == theirs[model].fills


@pytest.mark.parametrize("model", MODELS)
def test_random_rows_fill_as_the_peer_fills(random_sides: tuple[Pair, dict[str, Side]], model: str) -> None:
    """Each difference that crossed books, clears, halves and sideless trades make has its rule."""
    pair, theirs = random_sides
    assert beside(pair, rules(model, *RANDOM_MAKER), theirs[model]).unexplained() == ()


def test_two_runs_of_the_peer_give_the_same_fills(tmp_path: Path) -> None:
    """One bid and one ask leave no room for the random order of its hash tables."""
    pair = rows_pair(random_rows(5, 2000), tmp_path)
    config = as_peer(rules("power", *RANDOM_MAKER), pair.tape)
    (first,) = peer_runs(pair.npz, tmp_path, [config])
    assert [first] == peer_runs(pair.npz, tmp_path, [config])
