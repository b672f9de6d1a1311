"""A whole test: both arms on tapes, figures that are those of `mmsim replay`, the folder, the command."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from simcore import engine
from simcore.calibrate.ab import lanes
from simcore.calibrate.ab.cells import FIELDS, money_factors
from simcore.calibrate.ab.figures import figures
from simcore.calibrate.ab.gates import Rollback, Watch
from simcore.calibrate.ab.run import ADOPT, KEEP, MIXED, NOTHING_SHOWN, ROLLED_BACK, AbResult, decide, run_ab
from simcore.calibrate.ab.settings import load_settings
from simcore.calibrate.ab.stats import BETTER, METRICS, NO_DIFFERENCE, WORSE, Judged, one_sided
from simcore.config.load import load_config
from simcore.config.model import Config
from simcore.errors import MmsimError
from simcore.report import RunResult
from simcore.report.statistics import summary
from tests.blackbox.command import assert_refused, limit_file_size, mmsim, mmsim_here, names_under
from tests.calibrate.ab.test_units import write

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "datasets" / "synbtc-perp-20240101-l2.parquet"
# A random market in which the demo maker trades a lot: rows are a second apart, ticks a price step.
MAKER = (
    "strategy.name=demo_maker", "strategy.params.spread.half_spread_bps=0", "strategy.params.spread.half_spread_ticks=0.5", "book.window_ticks=256",
    "strategy.params.emit.order_lots=3", "strategy.params.inventory.max_position_lots=20", "fees.maker_bps=1", "node.tick_interval_ms=2000",
)  # fmt: skip
WIDE = "strategy.params.spread.half_spread_ticks=1.5"
KINDS: dict[str, dict[str, str]] = {
    "linear": {},
    "inverse": {"kind": "inverse", "tick_size": "0.5", "lot_size": "1", "contract_size": "100"},
    "spot": {"kind": "spot", "tick_size": "0.01", "lot_size": "0.00001"},
}


def config(*sets: str) -> Config:
    return load_config(None, [*MAKER, *sets])


def outcome(tapes: list[Path], b: Config, a: Config | None = None, **settings: Any) -> AbResult:
    return run_ab(tapes, a or config(), b, load_settings(None, {"window_s": 60, "repetitions": 400, **settings}))


@pytest.fixture(scope="module")
def tapes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two symbols on two days; the second lacks the second day."""
    folder = tmp_path_factory.mktemp("ab")
    return [write(folder / f"{symbol}{day}.parquet", symbol, 600 + 86_400 * day, 2500, seed) for seed, (symbol, day) in enumerate((("AAA", 0), ("BBB", 0), ("AAA", 1)), 1)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_units_figures_are_those_of_a_replay(tmp_path: Path, kind: str) -> None:
    """For each arm, profit, turnover, the five ratios and the largest drawdown equal the summary of `mmsim replay`."""
    tape = write(tmp_path / "x.parquet", "XAB", 500, 3000, 4, **KINDS[kind])
    arms = {"a": config(), "b": config(WIDE, "latency.place.ms=300", "latency.response.ms=40000", "run.seed=3")}
    cells = outcome([tape], arms["b"], arms["a"]).cells
    for number, (arm, chosen) in enumerate(arms.items()):
        found = summary(engine.replay(tape, chosen, tmp_path / arm))
        assert found["fills"] > 50
        values = (cells.a if arm == "a" else cells.b).values
        sums = {name: float(values[name].sum()) for name in FIELDS}
        assert sums["pnl"] == pytest.approx(found["pnl"], rel=1e-9)
        assert sums["turnover"] == pytest.approx(found["turnover"], rel=1e-12)
        assert [sums[name] for name in ("orders", "fills", "taker_fills")] == [found["orders"], found["fills"], found["taker_fills"]]
        metrics = one_sided(cells, arm, np.ones(len(cells.window), bool))
        for metric in METRICS[:-1]:
            assert metrics[metric.key] == pytest.approx(found[metric.key], rel=1e-9, abs=1e-12), metric.key
        assert cells.figures[0][number].max_drawdown == found["max_drawdown"]
        assert cells.figures[0][number].position == found["position"]


def test_taker_fills_have_slippage_here_too(tmp_path: Path) -> None:
    """The sample's first hours with orders that may take: taker share and slippage are the replay's, and not 0."""
    chosen = load_config(None, ["strategy.params.emit.post_only=0", "latency.place.ms=400", "run.to=2024-01-01T03:00:00Z"])
    found = summary(engine.replay(SAMPLE, chosen, tmp_path / "run"))
    assert found["taker_fills"] > 0
    cells = run_ab([SAMPLE], chosen, chosen, load_settings(None, {"repetitions": 400})).cells
    metrics = one_sided(cells, "b", np.ones(len(cells.window), bool))
    assert metrics["taker_share"] == found["taker_share"]
    assert metrics["slippage_bps"] == pytest.approx(found["slippage_bps"], rel=1e-9)


def test_the_length_of_windows_changes_no_sum(tapes: list[Path]) -> None:
    """Sums over a unit are the same with windows of 10 s and of a day; drawdown, which looks inside windows, grows with them."""
    short, long = (outcome(tapes[:1], config(WIDE), window_s=length).cells for length in (10, 86_400))
    assert len(short.window) > 100
    assert len(long.window) == 1
    for name in FIELDS:
        values = [float(cells.b.values[name].sum()) for cells in (short, long)]
        if name == "drawdown":
            assert short.b.values[name].max() <= long.b.values[name].max() == pytest.approx(long.figures[0][1].max_drawdown)
        else:
            assert values[0] == pytest.approx(values[1], rel=1e-9)
    assert len(short.b.ticks_ms) == len(long.b.ticks_ms) > 0


def test_one_pass_and_two_give_the_same(tapes: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Lanes that share a pass are what they are alone."""
    together = outcome(tapes, config(WIDE))
    assert together.one_pass
    monkeypatch.setattr(lanes, "may_share", lambda a, b: False)
    alone = outcome(tapes, config(WIDE))
    for arm in ("a", "b"):
        for name in FIELDS:
            assert np.array_equal(getattr(together.cells, arm).values[name], getattr(alone.cells, arm).values[name])


def test_different_strategies_take_two_passes(tapes: list[Path]) -> None:
    """Another strategy, and a book of another size, are another engine."""
    result = outcome(tapes[:1], load_config(None, ["strategy.name=adaptive", "book.window_ticks=512", "node.tick_interval_ms=2000"]))
    assert not result.one_pass
    assert float(result.cells.b.values["orders"].sum()) > 0


def test_a_test_of_a_against_itself_shows_exactly_nothing(tapes: list[Path]) -> None:
    """Every difference is 0, every gate holds, and the report says that it is an A/A test."""
    found = figures(outcome(tapes, config()))
    assert found["is_aa"]
    assert found["decision"] == NOTHING_SHOWN
    assert {row["difference"] for row in found["metrics"] if row["difference"] is not None} == {0.0}
    assert {row["verdict"] for row in found["metrics"]} == {NO_DIFFERENCE}
    assert found["profit"][0]["difference"] == 0
    assert found["warnings"][0].startswith("A and B are the same configuration: an A/A test.")
    assert [row["pnl"] for row in found["live"]] == [found["live"][0]["pnl"]] * 4
    assert found["gates"][0]["rollback"] is None


def test_other_draws_of_latency_are_no_difference(tapes: list[Path]) -> None:
    """The same configuration with another seed of random latencies does other things, but neither is better."""
    random = ("latency.place.model=lognormal", "latency.place.ms=2000", "latency.cancel.model=lognormal", "latency.cancel.ms=2000")
    result = outcome(tapes, config(*random, "run.seed=2"), config(*random, "run.seed=1"))
    assert not result.is_aa
    assert not np.array_equal(result.cells.a.values["pnl"], result.cells.b.values["pnl"])
    assert {one.verdict for one in result.paired} == {NO_DIFFERENCE}


def test_a_planted_better_b_is_adopted(tapes: list[Path]) -> None:
    """B pays a basis point less in fees and does the same otherwise: it is better by exactly that, and nothing else is."""
    result = outcome(tapes, config("fees.maker_bps=0"))
    net = result.paired[0]
    assert net.verdict == BETTER
    assert net.difference == pytest.approx(1.0, abs=1e-6)
    assert {one.verdict for one in result.paired[1:-1]} == {NO_DIFFERENCE}
    assert result.decision == ADOPT


def test_pairs_without_a_tape_are_counted(tapes: list[Path]) -> None:
    """The figures hold three units of four, and say which is missing."""
    found = figures(outcome(tapes, config(WIDE)))
    assert [(unit["day"], unit["symbol"]) for unit in found["units"]] == [("2023-12-09", "AAA"), ("2023-12-09", "BBB"), ("2023-12-10", "AAA")]
    assert found["missing"] == [{"symbol": "BBB", "day": "2023-12-10"}]
    assert any("1 of 4 pairs" in text for text in found["warnings"])


def test_more_symbols_move_no_unit_to_another_arm(tapes: list[Path]) -> None:
    """Each unit is where it was when it was tested alone, and does the same."""
    whole = figures(outcome(tapes, config(WIDE), route="window"))
    alone = figures(outcome(tapes[1:2], config(WIDE), route="window"))
    assert alone["units"][0] == whole["units"][1]


def test_views_of_what_was_live(tapes: list[Path]) -> None:
    """A everywhere, B everywhere, as routed and after rollbacks: each is the sum of the cells that it names."""
    result = outcome(tapes, config(WIDE), route="window", **{"gates.slippage_bps": None, "gates.taker_share": None, "gates.deadline_misses": 0.0, "gates.deadline_ms": 0.0, "gates.sustain_s": 0.0})
    found = figures(result)
    cells, cash = result.cells, result.cells.cash[0]
    assert 0 < result.arms.sum() < len(result.arms)
    sums = [float(np.where(mask, cells.b.values["pnl"], cells.a.values["pnl"]).sum()) for mask in (result.arms & False, result.arms | True, result.arms, result.live)]
    assert [row["pnl"][cash] for row in found["live"]] == pytest.approx(sums)
    for row in found["routed"]:
        wanted = [one_sided(cells, arm, use)[row["key"]] for arm, use in (("a", ~result.arms), ("b", result.arms))]
        assert [row["a"], row["b"]] == pytest.approx(wanted)
    assert [row["net_bps"] for row in found["live"][:2]] == pytest.approx([found["metrics"][0]["a"], found["metrics"][0]["b"]])


def test_a_rollback_is_simulated_in_time(tapes: list[Path]) -> None:
    """Where B waits for its data and A does not, the gate of ticks rolls it back: from then on all is A's."""
    a = load_config(None, ["node.tick_interval_ms=2000", "strategy.params.fetch_md.enabled=0"])
    b = load_config(None, ["node.tick_interval_ms=2000", "strategy.params.fetch_md.ttl_ms=0", "strategy.params.fetch_md.stale_ok=0"])
    result = outcome(tapes, b, a, split=100.0, trace_every=1, **{"gates.sustain_s": 180.0})
    back = result.watches[0].rollback
    assert back is not None
    assert back.gate == "tick_p95"
    assert len(back.readings) == 3
    assert not result.live[result.cells.window >= back.window].any()
    assert result.live[result.cells.window < back.window].all()
    found = figures(result)
    assert found["decision"] == ROLLED_BACK
    assert [row["rollback"]["windows_back"] for row in found["symbols"]] == [int((result.cells.of_symbol(row["key"]) & ~result.live).sum()) for row in found["symbols"]]
    assert all(row["rollback"]["handover"] >= 0 for row in found["symbols"] if row["rollback"]["position_b"] is not None)
    assert found["live"][3]["cells_of_b"] == int(result.live.sum()) < found["live"][2]["cells_of_b"]


def test_drawdown_and_profit_of_a_window(tapes: list[Path], tmp_path: Path) -> None:
    """From the equity at the end of the window before: the largest fall of its samples, and the change to its last one."""
    cells = outcome(tapes[:1], config(WIDE)).cells
    samples = RunResult(engine.replay(tapes[0], config(WIDE), tmp_path / "run")).samples
    numbers = samples["ts"].astype("int64") // (60 * 10**9)
    before, falls, changes = 0.0, [], []
    for window in cells.window.tolist():
        path = [before, *samples["equity"][numbers == window]]
        falls.append(max(max(path[: k + 1]) - value for k, value in enumerate(path)))
        changes.append(path[-1] - before)
        before = path[-1]
    assert cells.b.values["drawdown"].tolist() == pytest.approx(falls, abs=1e-9)
    assert cells.b.values["pnl"].tolist()[:-1] == pytest.approx(changes[:-1], abs=1e-9)
    assert max(falls) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_handover_costs(tmp_path: Path, kind: str) -> None:
    """From B's position to A's at the last sample of a window: lots × (half the spread + taker fee at the price), each worked out by hand."""
    tape = write(tmp_path / "x.parquet", "XAB", 500, 1500, 4, **KINDS[kind])
    a, b = config(), config(WIDE, "fees.taker_bps=77")
    cells = outcome([tape], b, a).cells
    runs = [RunResult(engine.replay(tape, chosen, tmp_path / arm)) for arm, chosen in (("a", a), ("b", b))]
    size = float(runs[0].folder.money.contract_size) if kind == "inverse" else 1.0
    seen = 0
    for number, cost in zip(cells.window.tolist(), cells.handover.tolist(), strict=True):
        mine, other = (run.samples[run.samples["ts"].astype("int64") < (number + 1) * 60 * 10**9].iloc[-1] for run in runs)
        change = other["position"] - mine["position"]
        bid, ask = mine["bid"], mine["ask"]
        mid, at = (bid + ask) / 2, bid if change > 0 else ask
        lots = abs(change) * size
        wanted = lots * (abs(1 / mid - 1 / at) + 2e-4 / at) if kind == "inverse" else lots * (abs(mid - at) + 2e-4 * at)
        assert cost == pytest.approx(wanted, rel=1e-6, abs=1e-9)
        seen += change != 0
    assert seen > 5


def test_currencies_are_not_added_up() -> None:
    """Money of each currency counts in its own mean turnover a cell; with one currency it is left as it is."""
    unit = np.array([0, 0, 1, 1])
    turnover = np.array([100.0, 300, 5, 15])
    assert money_factors(["USDT", "USDT"], unit, turnover).tolist() == [1, 1, 1, 1]
    assert money_factors(["USDT", "BTC"], unit, turnover) == pytest.approx([1 / 200, 1 / 200, 1 / 10, 1 / 10])
    assert money_factors(["USDT", "BTC"], unit, np.array([100.0, 300, 0, 0])).tolist() == [1 / 200, 1 / 200, 0, 0]


def test_decisions() -> None:
    """B only when its net edge is better, nothing is worse, and no gate rolled it back."""

    def rows(*verdicts: str) -> list[Judged]:
        whole = [*verdicts, *[NO_DIFFERENCE] * (len(METRICS) - len(verdicts))]
        return [Judged(metric, 0, 0, 0, 0, 0, 1, 1, 1, 9, 9, verdict) for metric, verdict in zip(METRICS, whole, strict=True)]

    still, back = Watch("all", (), None), Watch("all", (), Rollback(0, 0, "slippage", ()))
    assert decide(rows(BETTER), [still]) == ADOPT
    assert decide(rows(BETTER), [still, back]) == ROLLED_BACK
    assert decide(rows(BETTER, WORSE), [still]) == MIXED
    assert decide(rows(WORSE), [still]) == KEEP
    assert decide(rows(NO_DIFFERENCE, BETTER), [still]) == NOTHING_SHOWN


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command, files and Python of docs/ab.md, as they stand; what the page says of the result is true."""
    page = (ROOT / "docs" / "ab.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    a, b, settings = [text for kind, text in blocks if kind == "yaml"]
    for name, text in (("A.yaml", a), ("B.yaml", b), ("ab.yaml", settings)):
        (tmp_path / name).write_text(text)
    (tmp_path / "datasets").symlink_to(ROOT / "datasets")
    monkeypatch.chdir(tmp_path)
    (command,) = [text for kind, text in blocks if not kind]
    done = mmsim_here(*shlex.split(command)[1:], "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["symbols"][0]["rollback"]["time"] == "2024-01-01 00:30:00.000 UTC"  # "after half an hour"
    assert found["symbols"][0]["rollback"]["gate"] == "taker_share"
    (code,) = [text for kind, text in blocks if kind == "python"]
    names: dict[str, Any] = {}
    exec(code, names)
    assert figures(names["result"])["metrics"] == found["metrics"]
    assert load_settings(tmp_path / "ab.yaml").gates.scope == "symbol"


def test_what_goes_wrong_says_in_which_arm(tapes: list[Path]) -> None:
    """Before a run each arm is checked by itself; what fails in it has the unit, and a lane that is an arm."""
    cases = (
        (config("strategy.params.spread.nope=3"), "B, AAA on 2023-12-09: strategy.params.spread.nope"),
        (load_config(None, ["strategy.name=nope"]), "B, AAA on 2023-12-09: nope"),
        (config("venue.queue_model=fifo"), "B, AAA on 2023-12-09: venue.queue_model"),
        (config("strategy.params.emit.order_lots=-3"), "AAA on 2023-12-09, lane 0 is A and lane 1 is B: .*lane 1"),
        (load_config(None, ["strategy.params.emit.order_lots=-3"]), "B, AAA on 2023-12-09: .*lane 0"),
    )
    for b, cause in cases:
        with pytest.raises(MmsimError, match=cause):
            outcome(tapes[:1], b)


def test_a_full_disk_stops_the_report(tapes: list[Path], arms: tuple[Path, Path], tmp_path: Path) -> None:
    """JRNL-005 with the file, nothing half-written, and no ab.json, which comes last."""
    assert mmsim_here(*words(arms, tapes[0], "--out", tmp_path / "before")).returncode == 0  # compiled code and fonts are kept
    done = mmsim(*words(arms, *tapes, "--out", tmp_path / "out"), before=limit_file_size(30_000))
    assert_refused(done, "JRNL-005", "out/")
    assert not [name for name in names_under(tmp_path / "out") if name.endswith(".part") or name == "ab.json"]


# --- the command ---------------------------------------------------------------------------------------


@pytest.fixture
def arms(tmp_path: Path) -> tuple[Path, Path]:
    """Configuration files of A and of a wider B."""
    lines = [text.partition("=") for text in MAKER]
    plain = {key: value for key, _, value in lines}
    for name, more in (("A", {}), ("B", {WIDE.partition("=")[0]: "1.5"})):
        sections: dict[str, list[str]] = {}
        for key, value in {**plain, **more}.items():
            section, _, rest = key.partition(".")
            rest = f"{{{rest.removeprefix('params.')}: {value}}}" if rest.startswith("params.") else f"{rest}: {value}"
            sections.setdefault(section, []).append(rest)
        params = ", ".join(text.strip("{}") for text in sections["strategy"] if text.startswith("{"))
        sections["strategy"] = [text for text in sections["strategy"] if not text.startswith("{")] + [f"params: {{{params}}}"]
        (tmp_path / f"{name}.yaml").write_text("version: 2\n" + "".join(f"{key}:\n" + "".join(f"  {text}\n" for text in texts) for key, texts in sections.items()))
    return tmp_path / "A.yaml", tmp_path / "B.yaml"


def words(arms: tuple[Path, Path], *more: str | Path) -> tuple[str | Path, ...]:
    return ("ab", "--a", arms[0], "--b", arms[1], "--window", "60", *more)


def test_the_folder_is_the_same_each_time(tapes: list[Path], arms: tuple[Path, Path], tmp_path: Path) -> None:
    """Every file has the same bytes, whatever the order of the tapes; nothing is left half-written."""
    for name, order in (("one", tapes), ("two", tapes[::-1])):
        done = mmsim_here(*words(arms, *order, "--route", "window", "--out", tmp_path / name))
        assert done.returncode == 0, done.stderr
        assert "A against B, paired" in done.stdout
        assert max(map(len, done.stdout.replace(str(tmp_path), "").splitlines())) <= 80
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert [str(path) for path in files] == ["A.yaml", "B.yaml", "ab.json", "ab.parquet", "plots/gates.png", "plots/metrics.png", "plots/profit.png", "report.html", "report.md"]
    for path in files:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes(), path


def test_what_the_files_hold(tapes: list[Path], arms: tuple[Path, Path], tmp_path: Path) -> None:
    """--json is ab.json and the folder; the table has a row a cell; pages name the arms, and the configurations can be run."""
    out = tmp_path / "out"
    done = mmsim_here(*words(arms, *tapes, "--split", "30", "--gate", "sustain_s=120", "--gate", "taker_share=null", "--out", out, "--json"))
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert printed.pop("folder") == str(out)
    assert printed == json.loads((out / "ab.json").read_text(encoding="utf-8"))
    assert printed["settings"]["split"] == 30
    assert printed["settings"]["gates"]["taker_share"] is None
    assert printed["gate_windows"] == 2
    assert printed["differs"] == [{"key": "strategy.params.spread.half_spread_ticks", "a": 0.5, "b": 1.5}]
    table = pq.read_table(out / "ab.parquet")
    assert table.num_rows == sum(unit["windows"] for unit in printed["units"])
    assert sum(table["a_fills"].to_pylist()) == sum(row["a_fills"] for row in printed["symbols"])
    assert sum(table["b_pnl"].to_pylist()) == pytest.approx(printed["profit"][0]["b"])
    page, text = (out / "report.html").read_text(encoding="utf-8"), (out / "report.md").read_text(encoding="utf-8")
    for part in ("BBB 2023-12-10", "Paired: both on all of the market", "30 % by a hash"):
        assert part in page
        assert part in text
    assert load_config(out / "B.yaml").strategy.params["spread.half_spread_ticks"] == 1.5


def test_what_the_command_refuses(tapes: list[Path], arms: tuple[Path, Path], tmp_path: Path) -> None:
    """Each with its code, and without a folder left behind."""
    a, b = arms
    full = tmp_path / "full"
    full.mkdir()
    (full / "x").write_text("")
    out = ("--out", tmp_path / "out")
    assert_refused(mmsim_here(*words(arms, *tapes, "--split", "101", *out)), "AB-003", "split")
    assert_refused(mmsim_here(*words(arms, tapes[0], tapes[0], *out)), "AB-002", "again")
    assert_refused(mmsim_here(*words((a, tmp_path / "none.yaml"), *tapes, *out)), "CONF-001", "none.yaml")
    assert_refused(mmsim_here(*words(arms, *tapes, "--set", "run.from=2030-01-01", *out)), "AB-004", "run.from")
    assert_refused(mmsim_here(*words(arms, *tapes, "--gate", "sustain=3", *out)), "CONF-002", "sustain_s")
    assert_refused(mmsim_here(*words(arms, *tapes, "--out", full)), "JRNL-002", "empty")
    assert_refused(mmsim_here(*words(arms, *tapes, *out, "--set", "strategy.params.spread.widht=3")), "CONF-002", "A, AAA on 2023-12-09: strategy.params.spread.widht")
    settings = tmp_path / "ab.yaml"
    settings.write_text("ab:\n  whitelist: [NOPE]\n")
    assert_refused(mmsim_here(*words(arms, *tapes, "--settings", settings, *out)), "CONF-003", "NOPE")
    b.write_text(b.read_text() + "run:\n  to: 2023-12-10\n")
    assert_refused(mmsim_here(*words((a, b), *tapes, *out)), "AB-001", "run.to")
    assert not (tmp_path / "out").exists()


