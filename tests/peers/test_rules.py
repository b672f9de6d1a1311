"""Each named rule of docs/peers.md in its smallest market, and each fault that we say the peer has."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.peers.cases import BUY, FAULTS, OPENING, RULES, Case, Outcome, Step, for_peer, outcome_of, place, play_ours
from tests.peers.env import peer_runs, run_script
from tests.peers.flow import EVENT, RANDOM_MAKER, START_TS
from tests.peers.ours import as_peer, rules, run_ours
from tests.peers.tapes import rows_pair
from tests.peers.twin import BUY_EVENT, DEPTH, EXCH_EVENT, LOCAL_EVENT, RULE_NAMES, SELL_EVENT

DOCS = Path(__file__).parents[2] / "docs" / "peers.md"
CASES = {**RULES, **FAULTS}


@pytest.fixture(scope="module")
def played() -> dict[str, Outcome]:
    """What the peer makes of every case."""
    answers = run_script("run_cases.py", json.dumps({name: for_peer(case) for name, case in CASES.items()}))
    return {name: outcome_of(answer) for name, answer in answers.items()}


@pytest.mark.peers
@pytest.mark.parametrize("name", CASES)
def test_the_peer_does_what_we_say(name: str, played: dict[str, Outcome]) -> None:
    """The released package, and not only its source."""
    assert played[name] == CASES[name].theirs


@pytest.mark.peers
def test_the_peer_does_not_end_while_requests_are_in_flight() -> None:
    """With nothing under way it says that the data ends; with a request refused at every tick it goes on for ever."""
    quiet: list[Step] = [("wait",)] * 20
    busy: list[Step] = [place(order, BUY, "GTX", 101, 1) for order in range(1, 21)]
    # Messages take longer than a step, so that one is always under way; the rows end after the opening.
    slow = {"entry_latency_ns": 1500, "response_latency_ns": 1500}
    cases = {"quiet": quiet, "busy": busy}
    asked = {name: for_peer(Case("", steps, Outcome({}), Outcome({}), slow)) for name, steps in cases.items()}
    for case in asked.values():
        case["last_ns"] = (len(OPENING) + 1) * 1000 + 300  # just after the first of these steps
    answers = run_script("run_cases.py", json.dumps(asked))
    assert answers["quiet"]["stopped"] == 1
    assert answers["busy"]["stopped"] == 0


@pytest.mark.parametrize("name", CASES)
def test_we_do_what_we_say(name: str) -> None:
    """Our own rules; and the peer's where a setting of ours gives them."""
    case = CASES[name]
    assert play_ours(case) == case.ours
    assert case.ours != case.theirs, "the case shows a difference"
    if case.alike is not None:
        assert play_ours(case, **case.alike) == case.theirs


def test_every_rule_has_its_line_in_the_docs() -> None:
    """The names that tests and tables use are those of docs/peers.md."""
    named = set(re.findall(r"^\| (PEER-\d\d [^|]+?) \|", DOCS.read_text("utf-8"), re.MULTILINE))
    assert {name.partition(":")[0] for name in RULES} <= named
    assert set(RULE_NAMES.values()) <= named
    assert [name[:7] for name in sorted(named)] == [f"PEER-{k:02d}" for k in range(1, len(named) + 1)]


def ladder(times_ms: list[tuple[int, int]]) -> Any:
    """Return rows at (exchange, local) times in ms from START_TS: bid and ask in turn, a two-sided book from the start."""
    rows = np.zeros(len(times_ms), EVENT)
    for k, (exch_ms, local_ms) in enumerate(times_ms):
        side, price = (BUY_EVENT, 100 - k % 3) if k % 2 == 0 else (SELL_EVENT, 110 + k % 3)
        flags = DEPTH | EXCH_EVENT | LOCAL_EVENT | side
        rows[k] = (flags, START_TS + exch_ms * 10**6, START_TS + local_ms * 10**6, price, 5, 0, 0, 0)
    return rows


def ticks_of(times_ms: list[tuple[int, int]], folder: Path) -> tuple[list[int], list[int]]:
    """Return the ticks of our maker and of the peer's, one each 20 ms, as ms from START_TS."""
    pair = rows_pair(ladder(times_ms), folder)
    config = rules("power", *RANDOM_MAKER)
    (theirs,) = peer_runs(pair.npz, folder, [as_peer(config, pair.tape)])
    sides = (run_ours(pair.tape, config), theirs)
    ours_ms, theirs_ms = ([(quote[0] - START_TS) // 10**6 for quote in side.quotes] for side in sides)
    return ours_ms, theirs_ms


@pytest.mark.peers
def test_peer_02_start(tmp_path: Path) -> None:
    """With the first local row 5 ms after the first exchange time, ticks count from the local row in both."""
    ours, theirs = ticks_of([(0, 5), (1, 6), (50, 55), (90, 95)], tmp_path)
    assert ours == theirs == [25, 45, 65, 85]


@pytest.mark.peers
def test_peer_03_end(tmp_path: Path) -> None:
    """The last row comes on a tick: ours happens, the peer's clock stops before it."""
    ours, theirs = ticks_of([(0, 5), (1, 6), (50, 55), (80, 85)], tmp_path)
    assert theirs == [25, 45, 65]
    assert ours == [25, 45, 65, 85]
