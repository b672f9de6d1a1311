"""The table of `mmsim bench`, from samples that were made up, and its errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from simcore.bench import peer, suite
from simcore.bench.process import Done, measure, python, run_process
from simcore.errors import BenchError, TapeError

KEYS = (
    "rows", "decode_rows_per_s", "book_rows_per_s", "replay_rows_per_s", "end_to_end_rows_per_s", "lanes", "lane_rows_per_s",
    "peak_rss_mb", "cold_start_s", "warm_start_s", "compile_s", "help_s", "warm_replay_s",
    "capture", "trades_pct", "far_rows_pct", "rows_per_tick", "orders_per_tick", "fresh_cpu_s", "fresh_pictures_cpu_s",
)  # fmt: skip


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace the processes; replay takes 1, 2, 3, … s in turn. Returns what was run."""
    run: list[str] = []

    def measured(what: str, **options: Any) -> dict[str, Any]:
        run.append(what)
        seconds = float(run.count("speed"))
        return {
            "speed": {"rows": 30_000, "decode_s": 1.0, "book_s": 1.0, "replay_s": seconds, "lanes_s": 10.0, "few_lanes_s": 20.0, "lanes_rss_mb": 1.0}
            | dict.fromkeys(("ticks", "orders", "cancels", "fills"), 7),
            "pipeline": dict.fromkeys(("pipeline_s", "pipeline_bare_s"), 2.0) | {"pipeline_traced_s": 2.1, "pipeline_lanes_s": 20.0, "tick_ns_p50": 500},
            "end_to_end": {"rows": 2000, "end_to_end_s": 2.0, "peak_rss_mb": 100.0},
            "start": {"ready_s": 0.5},
            "export": {"tape_rows": 30_000, "start_ts": 0},
            "named": {"capture": "x Y", "level": "l2", "tape_rows": 30_000, "trades_pct": 4.0, "far_rows_pct": 1.0},
        }[what]

    def theirs(interpreter: str, mode: str, config: dict[str, Any]) -> dict[str, Any]:
        run.append("peer")
        found: dict[str, Any] = {"rows": 1100, "load_s": 2.0, "peak_rss_mb": 500.0}
        for depth in ("hashmap", "roivector"):
            found |= {f"{depth}_{step}_s": 30.0 for step in ("first_call", "empty", "maker", "maker_from_file")}
            if config["sets"]:
                found[f"{depth}_{config['sets']}_sets_s"] = 40.0
        return found

    monkeypatch.setattr(suite, "measure", measured)
    monkeypatch.setattr(suite, "python", lambda *a, **o: Done(json.dumps({"seconds": 20.0}), 21.0, 1.25))
    monkeypatch.setattr(peer, "run_peer", theirs)
    monkeypatch.setattr(peer, "cpu_s_of", lambda *_: 5.0)
    monkeypatch.setattr(peer, "peer_python", lambda: "python")
    return run


def test_the_table_has_every_key_and_medians(made_up: list[str], tmp_path: Path) -> None:
    """Speeds are of the median sample, `_best` of the best one."""
    table = suite.bench(tmp_path, lanes=4)
    assert set(KEYS) <= set(table)
    assert table["replay_rows_per_s"] == 10_000
    assert table["replay_rows_per_s_best"] == 30_000
    assert table["end_to_end_rows_per_s"] == 1000
    assert table["lane_rows_per_s"] == 12_000
    assert table["pipeline_lane_rows_per_s"] == 6000
    assert not any(name.startswith(("peer", "ratio")) for name in table)


def test_the_peer_takes_turns_with_us(made_up: list[str], tmp_path: Path) -> None:
    """Rounds alternate, and ratios compare rows of the same tape a second."""
    table = suite.bench(tmp_path, lanes=4, peer=True)
    turns = [name for name in made_up if name in ("speed", "peer")]
    assert turns == ["speed", "peer"] * suite.ROUNDS
    assert table["ratio_replay_range"] == table["ratio_replay_hashmap"] == 10.0
    assert table["ratio_replay_range_best"] == 30.0
    assert table["ratio_lane_range"] == 4.0
    assert table["ratio_pipeline_lane_range"] == table["ratio_few_lane_range"] == 2.0
    assert table["ratio_load"] == 2.0
    assert table["peer_events"] == 1100


def test_progress_ends_at_its_total(made_up: list[str], tmp_path: Path) -> None:
    """The callback sees every step, and the last one is the total."""
    for wanted in (False, True):
        seen: list[suite.Step] = []
        suite.bench(tmp_path, peer=wanted, progress=seen.append)
        assert [step.rows for step in seen] == list(range(seen[0].total_rows + 1))


def test_a_missing_tape_is_refused() -> None:
    """As by every other command."""
    with pytest.raises(TapeError, match="TAPE-001"):
        suite.bench(Path("no/such/tape"))


def test_a_peer_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter without hftbacktest, and a project without the peer's script."""
    monkeypatch.setenv("MMSIM_PEER_PYTHON", "/no/such/python")
    with pytest.raises(BenchError, match="BENCH-001"):
        peer.peer_python()
    monkeypatch.setattr(peer, "SCRIPT", Path("no/such/script"))
    with pytest.raises(BenchError, match="checkout"):
        peer.peer_python()


def test_a_failing_process_says_why() -> None:
    """Its own error reaches the user."""
    with pytest.raises(BenchError, match="TAPE-001"):
        measure("end_to_end", tape="no/such/tape", repeat=1)
    with pytest.raises(BenchError, match="BENCH-002"):
        run_process(["/no/such/program"])


HELD = """
from simcore.bench.process import peak_rss_mb
before = peak_rss_mb()
block = bytearray(b"x") * (64 << 20)
print('{"grown_mb": %f, "held": %d}' % (peak_rss_mb() - before, len(block)))
"""


def test_peak_memory_sees_what_is_held() -> None:
    """64 MB that were touched are counted; in a process of its own, whose peak is not that of earlier tests."""
    assert python("-c", HELD).answer()["grown_mb"] >= 48
