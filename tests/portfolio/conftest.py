"""Small tapes of several symbols, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from simcore.tape.synth import preset_spec, synth

ROWS = {"AAA": 9_000, "BBB": 7_000, "CCC": 5_000}
SECOND_NS = 1_000_000_000


@pytest.fixture(scope="session")
def tapes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Tapes of three symbols; the second starts later, and the third ends earlier."""
    folder = tmp_path_factory.mktemp("tapes")
    start = preset_spec("small-tick").start_ns
    return [
        synth(
            preset_spec(
                "small-tick", symbol=symbol, seed=seed, rows_max=rows, start_ns=start + (SECOND_NS + 123_457 if symbol == "BBB" else 0)
            ),
            folder,
        )[0].path
        for seed, (symbol, rows) in enumerate(ROWS.items(), 1)
    ]  # fmt: skip
