"""Each named rule of docs/peers.md in its smallest market, and each fault that we say the peer has."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.peers.cases import FAULTS, RULES, Outcome, for_peer, outcome_of, play_ours
from tests.peers.env import run_script
from tests.peers.twin import RULE_NAMES

DOCS = Path(__file__).parents[2] / "docs" / "peers.md"
CASES = {**RULES, **FAULTS}


@pytest.fixture(scope="module")
def played() -> dict[str, Outcome]:
    """What the peer makes of every case."""
    answers = run_script("run_cases.py", json.dumps({"cases": {name: for_peer(case) for name, case in CASES.items()}}))
    return {name: outcome_of(answer) for name, answer in answers.items()}


@pytest.mark.peers
@pytest.mark.parametrize("name", CASES)
def test_the_peer_does_what_we_say(name: str, played: dict[str, Outcome]) -> None:
    """The released package, and not only its source."""
    assert played[name] == CASES[name].theirs


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
