"""The shipped strategies give the digests that were committed, with the compiler and without; they quote, trade and keep their limit."""

from __future__ import annotations

import json

import pytest

from simcore import jit
from tests.golden.shipped import DIGESTS, LIMIT_LOTS, SETS, as_plain_python, figures, names


@pytest.mark.parametrize("name", names())
def test_a_strategy_gives_its_golden_digest_as_plain_python(name: str) -> None:
    expected = json.loads(DIGESTS.read_text())
    assert as_plain_python()[name]["digest"] == expected[name], "changed on purpose? python -m tests.golden.shipped --write, and CHANGELOG.md"


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["adaptive", *SETS])
def test_the_compiled_strategy_gives_the_same(strategy: str) -> None:
    """Half a minute of compiling each."""
    assert jit.JIT
    for name in names():
        if name.startswith(f"{strategy}/"):
            assert figures(name) == as_plain_python()[name]


def test_every_golden_run_is_committed() -> None:
    assert sorted(json.loads(DIGESTS.read_text())) == sorted(names())


@pytest.mark.parametrize("name", names())
def test_a_strategy_quotes_both_sides_and_trades_as_a_maker_only(name: str) -> None:
    found = as_plain_python()[name]
    assert found["orders"] > found["fills"] > 3
    assert found["span"] == [0, 1]
    assert found["taker_fills"] == 0


@pytest.mark.parametrize("strategy", SETS)
def test_a_strategy_keeps_its_position_limit(strategy: str) -> None:
    """With node.wait_cancel no fill goes beyond it; skew and signal keep the last two away from it, as they should."""
    limit = 2 * LIMIT_LOTS if strategy == "grid" else LIMIT_LOTS
    found = [as_plain_python()[name]["position_max"] for name in names() if name.startswith(f"{strategy}/")]
    assert max(found) == limit if strategy in ("avellaneda_stoikov", "glft") else limit - 1 <= max(found) <= limit
