"""`mmsim bench`: rounds of measurements, ours and the peer's in turn, and the table of their medians."""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from simcore.bench import peer as peers
from simcore.bench.maker import maker_text
from simcore.bench.process import FEW_LANES, measure, python
from simcore.errors import TapeError
from simcore.tape.samples import sample

ROUNDS = 5
START_ROUNDS = 5
FRESH_ROUNDS = 3

# Ours, and the peer's name of it; the pipeline is held against the peer's simple maker.
_STEPS = (("book", "empty"), ("replay", "maker"), ("pipeline", "maker"), ("end_to_end", "maker_from_file"))

_LANE_STEPS = ("lane", "few_lane", "pipeline_lane")  # of all the peer plays sets of its maker, one pass each


class Step(NamedTuple):
    """How far a benchmark is: rows are steps here; rows_per_s is the last measured speed."""

    rows: int
    total_rows: int
    rows_per_s: float


ProgressCallback = Callable[[Step], None]
Samples = dict[str, list[float]]


def bench(
    tape: Path | None = None, *, lanes: int = 1, repeat: int = 1, peer: bool = False, progress: ProgressCallback | None = None
) -> dict[str, Any]:
    """Measure this machine on a tape played `repeat` times; None is the shipped sample.

    Returns medians (`*_best`: the best) over rounds in which all measurements take turns; docs/performance.md says what
    each key is. peer: hftbacktest on the same rows, in the same rounds.
    Raises TapeError, BenchError.
    """
    path = (sample() if tape is None else tape).resolve()
    if not path.exists():
        raise TapeError("TAPE-001", f"{path}")
    with tempfile.TemporaryDirectory(prefix="mmsim-bench-") as folder:
        steps = _Steps(_count_steps(peer), progress)
        named = measure("named", tape=str(path))
        start = _measure_start(path, Path(folder), steps)
        fresh = _measure_fresh(path, Path(folder), steps)
        theirs = _Peer(path, repeat, lanes, Path(folder), steps) if peer else None
        ours: Samples = {}
        for _ in range(ROUNDS):
            for name in ("speed", "end_to_end", "pipeline"):
                options = {} if name == "end_to_end" else {"lanes": lanes}
                _collect(ours, measure(name, tape=str(path), repeat=repeat, **options))
                steps.done(ours["rows"][-1] / ours["replay_s"][-1])
            if theirs is not None:
                theirs.sample()
    table = {"tape": str(path), **named, "repeat": repeat, **_our_table(ours, lanes), **start, **fresh}
    return table if theirs is None else {**table, **theirs.table(table)}


def _our_table(ours: Samples, lanes: int) -> dict[str, Any]:
    rows = int(ours["rows"][-1])  # end to end plays all rows; what is held in memory may be fewer
    held = int(ours["rows"][0])
    table: dict[str, Any] = {"rows": rows, "rows_in_memory": held}
    speeds = ("decode", held), ("book", held), ("replay", held), ("pipeline", held), ("end_to_end", rows)
    for name, count in speeds:
        table |= _speeds(name, count, ours[f"{name}_s"])
    for name, one, other in (("features", "", "_bare"), ("traces", "_traced", "")):
        times = [min(ours[f"pipeline{kind}_s"]) for kind in (one, other)]
        table[f"{name}_cost_pct"] = round(100 * (times[0] / times[1] - 1), 2)
    table |= {name: int(statistics.median(ours[name])) for name in ours if name.startswith("tick_")}
    table |= {"lanes": lanes, **_speeds("lane", held * lanes, ours["lanes_s"])}
    table |= _speeds("few_lane", held * min(lanes, FEW_LANES), ours["few_lanes_s"])
    table |= _speeds("pipeline_lane", held * lanes, ours["pipeline_lanes_s"])
    table["lanes_rss_mb"] = round(max(ours["lanes_rss_mb"]), 1)
    table["peak_rss_mb"] = round(max(ours["peak_rss_mb"]), 1)
    table |= {name: int(ours[name][0]) for name in ("ticks", "orders", "cancels", "fills")}
    ticks = max(table["ticks"], 1)
    return table | {"rows_per_tick": round(held / ticks, 2), "orders_per_tick": round(table["orders"] / ticks, 3)}


def _measure_start(tape: Path, folder: Path, steps: _Steps) -> dict[str, Any]:
    """Return the seconds that processes take: with no compile cache, and with it."""
    cold = python("-m", "cli", "warmup", "--json", environment={"MMSIM_CACHE_DIR": str(folder / "cache")})
    steps.done(0.0)
    helps, readies, runs = [], [], []
    measure("start", tape=str(tape), began=time.time())  # the user's own cache may be cold
    for _ in range(START_ROUNDS):
        helps.append(python("-m", "cli", "--help").wall_s)
        begin = time.perf_counter()
        readies.append(measure("start", tape=str(tape), began=time.time())["ready_s"])
        runs.append(time.perf_counter() - begin)
        steps.done(0.0)
    return {
        "cold_start_s": round(cold.wall_s, 3), "compile_s": float(cold.answer()["seconds"]),
        "warm_start_s": round(statistics.median(readies), 3), "warm_replay_s": round(statistics.median(runs), 3),
        "help_s": round(statistics.median(helps), 3),
    }  # fmt: skip


def _measure_fresh(tape: Path, folder: Path, steps: _Steps) -> dict[str, float]:
    """Return the CPU seconds of whole commands, caches warm: one pass of the maker, run folder and report included."""
    config = folder / "maker.yaml"
    config.write_text(maker_text())
    seconds: dict[str, list[float]] = {}
    for k in range(FRESH_ROUNDS):
        for name, pictures in (("fresh_cpu_s", "--no-pictures"), ("fresh_pictures_cpu_s", "--pictures")):
            out = folder / f"{name}-{k}"
            command = ("replay", str(tape), "--config", str(config), "--out", str(out), "--json", pictures)
            seconds.setdefault(name, []).append(python("-m", "cli", *command).cpu_s)
        steps.done(0.0)
    return {name: round(min(times), 3) for name, times in seconds.items()}


class _Peer:
    """hftbacktest on the same rows: exported once, measured once a round."""

    def __init__(self, tape: Path, repeat: int, lanes: int, folder: Path, steps: _Steps) -> None:
        self._interpreter = peers.peer_python()
        self._steps = steps
        self._sets = min(lanes, FEW_LANES) if lanes > 1 else 0
        data = folder / "peer.npz"
        tape_facts = measure("export", tape=str(tape), repeat=repeat, out=str(data))
        self._tape_rows = int(tape_facts.pop("tape_rows"))
        self._config = {**tape_facts, "data": str(data), "sets": self._sets}
        self._samples: Samples = {}
        self._fresh: list[float] = []
        once = data if repeat == 1 else folder / "peer-once.npz"
        if repeat > 1:
            measure("export", tape=str(tape), repeat=1, out=str(once))
        self._once = {**self._config, "data": str(once), "depth": peers.DEPTHS["range"]}
        steps.done(0.0)

    def sample(self) -> None:
        """Run the peer once: a process that measures, and one that plays one pass as its user's would."""
        _collect(self._samples, peers.run_peer(self._interpreter, "bench", self._config))
        self._fresh.append(peers.cpu_s_of(self._interpreter, "once", self._once))
        self._steps.done(0.0)

    def table(self, ours: dict[str, Any]) -> dict[str, Any]:
        """Return the peer's figures, in tape rows, and the ratios of ours to its."""
        seen, rows = self._samples, self._tape_rows
        table: dict[str, Any] = {
            "peer": peers.PEER, "peer_events": int(seen["rows"][0]), **_speeds("peer_load", rows, seen["load_s"]),
            "peer_fresh_cpu_s": round(min(self._fresh), 3), "peer_peak_rss_mb": round(max(seen["peak_rss_mb"]), 1),
        }  # fmt: skip
        for name, depth in peers.DEPTHS.items():
            for ours_name, step in _STEPS:
                table |= _speeds(f"peer_{name}_{ours_name}", rows, seen[f"{depth}_{step}_s"])
            table[f"peer_{name}_compile_s"] = round(statistics.median(seen[f"{depth}_first_call_s"]), 3)
            if self._sets:
                for step in _LANE_STEPS:
                    table |= _speeds(f"peer_{name}_{step}", rows * self._sets, seen[f"{depth}_{self._sets}_sets_s"])
        steps = [*(step for step, _ in _STEPS), *(_LANE_STEPS if self._sets else [])]
        for name, step, end in itertools.product(peers.DEPTHS, steps, ("", "_best")):
            key = f"{step}_rows_per_s{end}"
            table[f"ratio_{step}_{name}{end}"] = round(ours[key] / table[f"peer_{name}_{key}"], 2)
        return table | {f"ratio_load{end}": round(ours[f"decode_rows_per_s{end}"] / table[f"peer_load_rows_per_s{end}"], 2) for end in ("", "_best")}


class _Steps:
    """Counts finished steps for the progress callback."""

    def __init__(self, total: int, progress: ProgressCallback | None) -> None:
        self._done, self._total, self._progress = 0, total, progress
        self.done(0.0, 0)

    def done(self, rows_per_s: float, count: int = 1) -> None:
        self._done += count
        if self._progress is not None:
            self._progress(Step(self._done, self._total, rows_per_s))


def _count_steps(peer: bool) -> int:
    return 1 + START_ROUNDS + FRESH_ROUNDS + 3 * ROUNDS + (1 + ROUNDS if peer else 0)


def _collect(samples: Samples, answer: dict[str, Any]) -> None:
    for name, value in answer.items():
        samples.setdefault(name, []).append(float(value))


def _speeds(name: str, rows: int, seconds: Sequence[float]) -> dict[str, int]:
    """Return rows a second: of the median sample, and of the best."""
    return {f"{name}_rows_per_s": round(rows / statistics.median(seconds)), f"{name}_rows_per_s_best": round(rows / min(seconds))}
