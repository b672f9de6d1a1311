"""The journeys of a new user through the command: real captures of every format, every option of a replay."""

from __future__ import annotations

import gzip
import itertools
import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
import pytest

from simcore import RunResult
from simcore.config.model import QUEUE_MODELS
from simcore.report import summary
from tests.blackbox.command import ROOT, SAMPLE, assert_refused, mmsim, mmsim_here
from tests.truth.captures import ROOT as REAL

SUMMARY_KEYS = [
    "digest", "rows", "wall_s", "rows_per_s", "orders", "cancels", "fills", "maker_fills", "taker_fills", "partial_fills",
    "volume", "turnover", "fees", "pnl", "net_bps", "gross_bps", "adverse_bps_1s", "max_drawdown", "position", "run_dir",
    "slippage_bps", "taker_share", "fill_ratio",
]  # fmt: skip
BENCH_KEYS = {
    "rows", "decode_rows_per_s", "book_rows_per_s", "replay_rows_per_s", "end_to_end_rows_per_s", "lanes", "lane_rows_per_s",
    "peak_rss_mb",
}  # fmt: skip
RUN_FILES = {"summary.json", "report.html", "report.md", "config.yaml", "run.json"}
PICTURES = {"equity.png", "inventory.png", "quotes.png", "markouts.png", "queue.png", "edge.png"}
STREAMS = {"requests", "reports", "fills", "samples", "markouts"}
START, END = "2024-01-01T00:10:00Z", "2024-01-01T00:40:00Z"
BUSY = ("--strategy", "demo_maker", "--to", END, "--set", "strategy.params.spread.half_spread_bps=0", "--set", "strategy.params.emit.order_lots=20")


class Source(NamedTuple):
    """A capture: format, paths under the data folder, options; lines: how much of it the quick test reads (0 = all)."""

    fmt: str
    paths: tuple[str, ...]
    options: tuple[str, ...] = ()
    lines: int = 0
    venue: str = ""
    kind: str = "linear"
    level: str = "l2"


SOURCES = {
    "usdm": Source("binance", ("binance/usdm_btcusdt_20240808.gz",), (), 12_000, "binance_usdm"),
    "coinm": Source(
        "binance", ("binance/cm_btcusd_perp_20240808.gz", "binance/cm_btcusd_perp_20240809.gz"), (), 12_000, "binance_coinm", "inverse"
    ),
    "spot": Source("binance", ("binance/spot_btcusdt_20240808.gz", "binance/spot_btcusdt_20240809.gz"), (), 12_000, "binance_spot", "spot"),
    "bybit": Source("bybit", ("bybit/xrpusdt_ob500_20241201.zip",), (), 0, "bybit"),
    "mbo": Source(
        "mbo", ("l3/esh4_mbo_20231225_first_part.parquet",), ("--symbol", "ESH4", "--venue", "cme", "--contract-size", "50"), 0, "cme",
        "linear", "l3",
    ),
    "bitstamp": Source("bitstamp", ("l3/bitstamp_2015/2015-05-01.log.xz",), (), 0, "bitstamp", "spot", "l3"),
    "lobster": Source("lobster", ("l3/lobster_AMZN_2021-04-12_message_10.csv",), ("--kind", "spot"), 0, "lobster", "spot", "l3"),
    "hyperliquid": Source("hyperliquid", ("hyperliquid/btcusd_20250126.gz",), (), 0, "hyperliquid"),
    "tardis": Source("tardis", ("tardis/quotes.csv", "tardis/trades.csv"), (), 0, "binance_usdm"),
    "cryptofeed": Source("cryptofeed", ("cryptofeed_raw/KRAKEN.ws.50.0.gz",), ("--symbol", "XMR/USD"), 0, "kraken", "spot"),
}  # fmt: skip
needs_captures = pytest.mark.skipif(
    not all((REAL / path).is_file() for source in SOURCES.values() for path in source.paths), reason="no captures (MMSIM_REAL_DATA)"
)


def said(*arguments: str | Path) -> dict[str, Any]:
    """Run a command that succeeds; return its one JSON object."""
    done = mmsim_here(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.fixture
def quick_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave pages and pictures out where a test is about something else: they take most of the time of a short run."""
    monkeypatch.setattr("simcore.report.build_report", lambda run, _: SimpleNamespace(figures=summary(run)))


def replayed(out: Path, *options: str | Path, tape: Path = SAMPLE) -> dict[str, Any]:
    """Replay a tape into a folder; return the summary, checked for its keys and what they say of each other."""
    figures = said("replay", tape, "--out", out, *options)
    assert list(figures) == SUMMARY_KEYS
    assert figures["run_dir"] == str(out)
    assert figures["fills"] == figures["maker_fills"] + figures["taker_fills"] == rows_of(out, "fills")
    assert figures["partial_fills"] <= figures["fills"]
    return figures


def rows_of(run_dir: Path, stream: str) -> int:
    return int(pq.read_metadata(run_dir / "journal" / f"{stream}.parquet").num_rows)


def head_of(paths: Sequence[Path], lines: int, folder: Path) -> list[Path]:
    """Return the captures, or a gz file of the first lines of the first one."""
    if not lines:
        return list(paths)
    short = folder / paths[0].name
    with gzip.open(paths[0]) as source, gzip.open(short, "wb", 1) as target:
        target.writelines(itertools.islice(source, lines))
    return [short]


def travel(name: str, folder: Path, lines: int) -> dict[str, Any]:
    """Convert, look, check, replay, verify, report: everything that docs/quickstart.md tells a user to do."""
    source = SOURCES[name]
    paths = head_of([REAL / path for path in source.paths], lines, folder)
    tape = folder / "tape"
    made = said("tape", "convert", *paths, "--format", source.fmt, "--out", tape, *source.options)
    assert [Path(file).is_file() for file in made["files"]] == [True] * len(made["files"])

    info = said("tape", "info", tape)
    assert (info["level"], info["rows"]) == (source.level, made["rows"])
    assert (info["instrument"]["venue"], info["instrument"]["kind"]) == (source.venue, source.kind)
    assert info["source"]["counts"] == made["counts"]

    checked = said("tape", "validate", tape)
    assert checked["ok"]
    assert checked["updates_missing"] == 0
    assert all(finding["severity"] == "warning" for finding in checked["findings"])

    shown = said("tape", "head", tape, "-n", "5")
    assert len(shown["data"]) == 5

    figures = replayed(folder / "run", tape=tape)
    assert figures["rows"] == made["rows"]
    run = folder / "run"
    assert {path.name for path in run.iterdir()} >= RUN_FILES
    assert {path.name for path in (run / "plots").iterdir()} == PICTURES
    written = {path.stem for path in (run / "journal").iterdir()}
    assert written - {"guards"} == STREAMS | {"features"}  # guards: only where one did something
    assert said("verify", run) == {"ok": True, "expected": figures["digest"], "found": figures["digest"], "first_difference": None}
    page = (run / "report.html").read_bytes()
    (run / "report.html").unlink()
    assert said("report", run) == figures
    assert (run / "report.html").read_bytes() == page
    return figures


@pytest.mark.real
@needs_captures
@pytest.mark.parametrize("name", SOURCES)
def test_a_capture_of_each_format_goes_all_the_way(name: str, tmp_path: Path) -> None:
    """From capture to report, by the command alone; quotes are sent on every tape (of Binance: its first seconds)."""
    figures = travel(name, tmp_path, SOURCES[name].lines)
    assert figures["orders"] > 0


@pytest.mark.slow
@pytest.mark.real
@needs_captures
@pytest.mark.parametrize("name", [name for name, source in SOURCES.items() if source.lines])
def test_a_whole_capture_goes_all_the_way(name: str, tmp_path: Path) -> None:
    """The same with all lines; COIN-M and spot of two files, across midnight. The demo maker is filled on each."""
    assert travel(name, tmp_path, 0)["fills"] > 50


@pytest.mark.real
@needs_captures
@pytest.mark.usefixtures("quick_reports")
def test_a_tape_becomes_npz_and_a_tape_again(tmp_path: Path) -> None:
    """hftbacktest's format out and in: best quotes become level changes, and the run is the same, digest for digest."""
    paths = head_of([REAL / path for path in SOURCES["usdm"].paths], 12_000, tmp_path)
    said("tape", "convert", *paths, "--format", "binance", "--out", tmp_path / "ours.parquet")
    written = said("tape", "export", tmp_path / "ours.parquet", "--out", tmp_path / "theirs.npz")
    data = np.load(tmp_path / "theirs.npz")["data"]
    assert (len(data), data.dtype.itemsize) == (written["events"], 64)
    options = ("--format", "hftbacktest", "--symbol", "BTCUSDT", "--venue", "binance_usdm")
    said("tape", "convert", tmp_path / "theirs.npz", "--out", tmp_path / "again.parquet", *options)
    before = replayed(tmp_path / "before", tape=tmp_path / "ours.parquet")
    after = replayed(tmp_path / "after", tape=tmp_path / "again.parquet")
    assert before["orders"] > 0
    assert before["digest"] == after["digest"]


@pytest.mark.usefixtures("quick_reports")
def test_the_quickstart_says_what_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands on the sample tapes run, in order; digest and figures on the page, and in the README, are theirs."""
    page = (ROOT / "docs" / "quickstart.md").read_text()
    (tmp_path / "datasets").symlink_to(ROOT / "datasets")
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^(?:\$ )?mmsim (replay datasets/.*|verify .*)$", page, re.MULTILINE)
    assert len(commands) == 8
    for command in commands:
        done = mmsim_here(*shlex.split(command))
        assert done.returncode == 0, (command, done.stderr)
    digest = RunResult("reports/first").headline["digest"]
    assert f"digest {digest}\n" in (ROOT / "README.md").read_text()
    assert page.count(digest) == 2
    shown = {run: RunResult(f"reports/{run}").headline for run in ("careful", "usual", "front")}
    table = [(int(row[0].replace(",", "")), float(row[1].replace("−", "-"))) for row in re.findall(r"^\| `.*\| ([\d,]+) \| (\S+) \|$", page, re.MULTILINE)]
    assert table == [(figures["fills"], round(figures["net_bps"], 2)) for figures in shown.values()]


@pytest.mark.usefixtures("quick_reports")
def test_from_and_to_replay_a_part(tmp_path: Path) -> None:
    """Both ends are kept to; nothing is sent outside; nanoseconds and ISO 8601 mean the same."""
    figures = replayed(tmp_path / "part", "--from", START, "--to", END)
    sent = pq.read_table(tmp_path / "part" / "journal" / "requests.parquet")["ts"].to_numpy()
    start, end = 1_704_067_800_000_000_000, 1_704_069_600_000_000_000
    assert start < sent.min() < start + 10 * 10**9
    assert end - 60 * 10**9 < sent.max() <= end
    assert replayed(tmp_path / "same", "--from", str(start), "--to", str(end))["digest"] == figures["digest"]


@pytest.mark.usefixtures("quick_reports")
def test_repeat_plays_the_tape_again(tmp_path: Path) -> None:
    once, thrice = replayed(tmp_path / "once"), replayed(tmp_path / "thrice", "--repeat", "3")
    assert thrice["rows"] == 3 * once["rows"]
    assert thrice["orders"] > 2 * once["orders"]


@pytest.mark.usefixtures("quick_reports")
def test_seed_decides_draws_and_nothing_else(tmp_path: Path) -> None:
    """A run without draws does not depend on the seed; one with random latencies does, and repeats for the same seed."""
    fixed = {replayed(tmp_path / f"fixed{seed}", *BUSY, "--seed", str(seed))["digest"] for seed in (1, 2)}
    drawn = [replayed(tmp_path / f"drawn{i}", *BUSY, "--latency", "lognormal:10ms:0.4", "--seed", s)["digest"] for i, s in enumerate("122")]
    assert len(fixed) == 1
    assert drawn[0] != drawn[1] == drawn[2]


@pytest.mark.usefixtures("quick_reports")
def test_queue_models_by_name_give_the_fills_that_their_order_says(tmp_path: Path) -> None:
    """Every model of the configuration by name; fewest lots for the most careful one, most at the front of the queue."""
    volumes = {}
    for model in (model for model in QUEUE_MODELS if model != "fifo"):
        figures = replayed(tmp_path / model, *BUSY, "--queue-model", model)
        volumes[model] = figures["volume"]
        assert figures["partial_fills"] > 0
    assert volumes["front"] == max(volumes.values())
    assert min(volumes, key=volumes.__getitem__) == "risk_averse"
    assert len(set(volumes.values())) >= 6


@pytest.mark.usefixtures("quick_reports")
def test_fifo_needs_orders(tmp_path: Path) -> None:
    """Exact FIFO runs on the sample of single orders, and is refused on one of levels."""
    orders = SAMPLE.with_name("synes-20240101-l3.parquet")
    assert replayed(tmp_path / "l3", "--strategy", "demo_maker", "--queue-model", "fifo", "--set", "strategy.params.spread.half_spread_bps=0", tape=orders)["fills"] > 0
    assert_refused(mmsim_here("replay", SAMPLE, "--queue-model", "fifo", "--out", tmp_path / "l2"), "CONF-003", "order ids")


@pytest.mark.usefixtures("quick_reports")
def test_each_latency_model_delays_as_it_says(tmp_path: Path) -> None:
    """Constant by leg, log-normal, proportional to the feed's, recorded: the response time of each kind of run."""
    recorded = tmp_path / "recorded.csv"
    recorded.write_text("time_ns,latency_ms\n0,5\n3600000000000,5\n")
    found = {
        spec: replayed(tmp_path / f"run{i}", *BUSY, "--latency", spec)["digest"]
        for i, spec in enumerate(
            ["5ms", "place=5ms,amend=5ms,cancel=5ms,response=5ms", "place=6ms", "lognormal:5ms:0.4", "feed:1.0", f"recorded:{recorded}"]
        )
    }
    constant, legs, *others, interpolated = found.values()
    assert constant == legs == interpolated
    assert len({constant, *others}) == 4
    reports = pq.read_table(tmp_path / "run0" / "journal" / "reports.parquet")
    assert set((reports["ts"].to_numpy() - reports["exch_ts"].to_numpy()).tolist()) == {5_000_000}


@pytest.mark.usefixtures("quick_reports")
def test_a_configuration_file_and_set_meet(tmp_path: Path) -> None:
    """--set goes over --config, options over both; the run folder holds what came out, and a run from it is the same."""
    (tmp_path / "mine.yaml").write_text("venue: {queue_model: power2, queue_n: 2}\nrun: {seed: 5}\nlatency: {place: {ms: 3}}\n")
    figures = replayed(tmp_path / "run", "--config", tmp_path / "mine.yaml", *BUSY, "--set", "venue.queue_n=4", "--seed", "6")
    kept = (tmp_path / "run" / "config.yaml").read_text()
    for line in ("queue_model: power2", "queue_n: 4.0", "seed: 6", "order_lots: 20"):
        assert line in kept
    assert replayed(tmp_path / "again", "--config", tmp_path / "run" / "config.yaml")["digest"] == figures["digest"]


def test_a_new_run_folder_is_chosen_under_reports(tmp_path: Path) -> None:
    """Without --out the folder is new each time, and the table on stdout names it."""
    for number in ("001", "002"):
        done = mmsim("replay", SAMPLE, "--strategy", "demo_maker", "--to", START, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == f"run folder: reports/demo_maker-synbtc-perp-{number}"
        assert done.stderr == ""
    assert (tmp_path / "reports" / "demo_maker-synbtc-perp-002" / "report.html").is_file()


def test_a_synthetic_tape_is_replayed_and_labelled(tmp_path: Path) -> None:
    """`tape synth` gives the same tape for the same seed, in both views; the run warns that the market is synthetic."""
    made = [
        said("tape", "synth", "--out", tmp_path / str(i), "--preset", "large-tick", "--duration", "30", "--level", "both", "--seed", seed)
        for i, seed in enumerate("778")
    ]
    hashes = [[tape["content_hash"] for tape in each["tapes"]] for each in made]
    assert hashes[0] == hashes[1] != hashes[2]
    levels, orders = made[0]["tapes"]
    assert said("tape", "info", levels["path"])["synthetic"]
    assert replayed(tmp_path / "run", "--queue-model", "fifo", tape=Path(orders["path"]))["rows"] == orders["rows"]
    assert any("Synthetic" in warning for warning in json.loads((tmp_path / "run" / "summary.json").read_text())["warnings"])


FAULTY_STAGE = """
import numpy as np

from simcore.jit import kernel
from simcore.kernels.context import QuoteContext

TABLE = np.zeros(4)


@kernel
def look(context: QuoteContext) -> QuoteContext:
    if TABLE[context.market.bid_ticks] > 1e300:
        return context
    return context


"""


@pytest.mark.slow
def test_a_faulty_strategy_gives_a_message(tmp_path: Path) -> None:
    """An index outside of an array is STRAT-004 with --checked, not a crash and not garbage; the run is not finished."""
    strategy = tmp_path / "faulty.py"
    text = (ROOT / "strategies" / "demo_maker.py").read_text()
    strategy.write_text(text.replace("STAGES = {", FAULTY_STAGE + 'STAGES = {\n    "look": look,'))
    done = mmsim("replay", SAMPLE, "--strategy", strategy, "--checked", "--out", tmp_path / "run")
    assert_refused(done, "STRAT-004", str(strategy), "IndexError", "2024-01-01T00:00:00.1", "lane 0")
    assert_refused(mmsim("report", tmp_path / "run"), ("JRNL-001", "REP-001"), "--resume")


@pytest.mark.slow
def test_bench_has_the_promised_keys() -> None:
    """One JSON object with at least the keys of docs/cli.md, on the shipped sample."""
    done = mmsim("bench", "--lanes", "4", "--repeat", "2", "--json")
    assert done.returncode == 0, done.stderr
    table = json.loads(done.stdout)
    assert set(table) >= BENCH_KEYS
    assert (table["lanes"], table["rows"]) == (4, 2 * said("tape", "info", SAMPLE)["rows"])
    assert all(isinstance(value, (int, float, str)) for value in table.values())


def test_warmup_compiles_or_loads() -> None:
    assert said("warmup")["seconds"] > 0


def test_links_between_pages_lead_somewhere() -> None:
    """Every relative link of the README and of docs/ names a file or folder that is there."""
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
            assert "://" in target or (page.parent / target).exists(), f"{page.name}: {target}"
