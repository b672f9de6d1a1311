"""Queue models from own orders: planted parameters come back, and what does not belong together is refused."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simcore import engine
from simcore.calibrate.fidelity.own_fills import read_own
from simcore.calibrate.fidelity.own_fit import OwnFit, fit_own, own_sample
from simcore.calibrate.fidelity.own_pages import figures, write_own_fit
from simcore.calibrate.fidelity.own_table import NONE, OwnOrders
from simcore.calibrate.fidelity.queue_family import FAMILIES, UNFITTED, QueueModel, models_named
from simcore.calibrate.fidelity.queue_file import write_queue
from simcore.calibrate.fidelity.rolling import lean
from simcore.calibrate.fidelity.simplex import minimise
from simcore.config.load import load_config
from simcore.errors import CalibrateError
from simcore.records import ASK_BIT, BOTH_BITS, OWN_CANCEL, OWN_FILL, OWN_ORDER
from simcore.tape.convert import ConvertOptions, convert
from simcore.tape.read import Tape
from simcore.tape.schema import TapeMeta
from simcore.tape.write import TapeWriter
from tests.blackbox.command import assert_refused, mmsim_here
from tests.support import rows
from tests.truth.captures import ROOT

SAMPLE = Path(__file__).parents[3] / "datasets" / "synes-20240101-l2.parquet"
SETS = ("strategy.name=demo_maker", "strategy.params.spread.half_spread_bps=0")


def tape() -> Tape:
    return Tape.open(SAMPLE)


@cache
def played(folder: Path, *sets: str) -> OwnOrders:
    """The own orders of a run on the sample day."""
    engine.replay(SAMPLE, load_config(None, [*SETS, *sets]), folder)
    return read_own(folder, tape().instrument)


def planted(tmp_path_factory: pytest.TempPathFactory, *sets: str) -> OwnOrders:
    return played(tmp_path_factory.getbasetemp() / f"own-{'-'.join(sets)}".replace("/", "_"), *sets)


@pytest.mark.parametrize(
    ("family", "n"),
    [
        ("power", 1.7),
        *(pytest.param(*each, marks=pytest.mark.slow) for each in (("power", 0.5), ("power", 4.0), ("power2", 0.5), ("power2", 1.7), ("power2", 4.0), ("power3", 0.5), ("power3", 1.7), ("power3", 4.0))),
    ],
)  # fmt: skip
def test_a_planted_exponent_comes_back(tmp_path_factory: pytest.TempPathFactory, family: str, n: float) -> None:
    """A day of our own maker by a model: the fit finds the model's exponent, and its interval holds it, nearly."""
    own = planted(tmp_path_factory, f"venue.queue_model={family}", f"venue.queue_n={n}")
    found = fit_own(tape(), own, models_named(UNFITTED), family=family)
    assert found.fit.model.values[0] == pytest.approx(n, rel=0.03)
    (interval,) = found.profiles
    assert interval.low is not None
    assert interval.high is not None
    assert 0.98 * interval.low <= n <= 1.02 * interval.high
    assert interval.high - interval.low < 0.2 * n
    assert found.scores[0].model.fitted
    assert (found.outside, found.unmatched) == (0, 0)


@pytest.mark.parametrize("model", ["power", "log2", "front", *(pytest.param(name, marks=pytest.mark.slow) for name in ("risk_averse", "power2", "power3", "log"))])
def test_shadows_fill_exactly_when_the_engine_fills(tmp_path_factory: pytest.TempPathFactory, model: str) -> None:
    """By the run's own model every order's shadow fills at its very time, and no other."""
    own = planted(tmp_path_factory, f"venue.queue_model={model}", "venue.queue_n=1.7")
    sample = own_sample(tape(), own, 0).sample
    values = (1.7,) if FAMILIES[model].parameters else ()
    said = sample.said(QueueModel(FAMILIES[model], values))
    assert (said.filled == sample.counted.filled).all()
    real = sample.counted.filled
    assert real.sum() > 1000
    assert (said.ts[real] == sample.counted.fill_ts[real]).all()


@pytest.mark.slow
def test_a_fitted_model_file_fills_in_the_engine_as_its_shadow_does(tmp_path: Path) -> None:
    """The written queue-model file, linked into the engine, and the kernel of the shadows: the same fills."""
    model = QueueModel(FAMILIES["matched"], (0.55, 1.1, 7.2, 0.86, 0.49), fitted=True)
    write_queue(tmp_path, model, "Made by a test.")
    config = load_config(tmp_path / "best_queue.yaml", [*SETS])
    engine.replay(SAMPLE, config, tmp_path / "run")
    sample = own_sample(tape(), read_own(tmp_path / "run", tape().instrument), 0).sample
    said, real = sample.said(model), sample.counted.filled
    assert (said.filled == real).all()
    assert (said.ts[real] == sample.counted.fill_ts[real]).all()


def test_the_folder_of_a_fit_is_whole_and_chooses_the_model(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    own = planted(tmp_path_factory, "venue.queue_model=power", "venue.queue_n=1.7")
    found: OwnFit = fit_own(tape(), own, models_named(["power:1"]), source="a run")
    write_own_fit(found, tmp_path / "fit")
    assert sorted(path.name for path in (tmp_path / "fit").iterdir()) == ["best_queue.yaml", "plots", "queue_fit.json", "report.html", "report.md"]
    config = load_config(tmp_path / "fit" / "best_queue.yaml")
    assert found.verdict.kind == "fitted"
    assert found.verdict.model.values[0] == pytest.approx(1.7, rel=0.06)  # half of the fit, or all of it
    assert (config.venue.queue_model, config.venue.queue_n) == ("power", found.verdict.model.values[0])
    assert figures(found)["params"] == {"n": found.fit.model.values[0]}
    assert len(figures(found)["blocks"]) == 5


def test_few_fills_are_fitted_and_not_used(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Fifteen fills are no check of a fit: the default is kept, and the page says why."""
    own = planted(tmp_path_factory, "venue.queue_model=power", "venue.queue_n=1.7")
    beyond = np.flatnonzero(own.filled_ts != NONE)[15:]
    found = fit_own(tape(), OwnOrders(*(np.delete(column, beyond) for column in own)), models_named(["power:1", "power:3"]))
    assert (found.rolled, found.gaps, found.verdict.kind) == (None, (), "default")
    assert any("fewer than 20 fills" in text for text in found.warnings)
    sample = own_sample(tape(), own, 0).sample  # of a tape of levels, too, nothing is lost with what is left out
    part, model = lean(sample), models_named(["power:2"])[0]
    seen = sample.outcomes.filled | (sample.said(model).z_at > -1e9)
    assert part.said(model).z_at.tolist() == sample.said(model).z_at[seen].tolist()
    assert part.said(model).filled.tolist() == sample.said(model).filled[seen].tolist()
    write_own_fit(found, tmp_path / "fit")
    assert load_config(tmp_path / "fit" / "best_queue.yaml").venue.queue_n == 3.0
    assert "too few to check" in (tmp_path / "fit" / "report.md").read_text()


@pytest.mark.slow
def test_orders_of_the_default_keep_the_default(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A day by `power`, n = 3: the fit finds n, and brings nothing; so it is not used."""
    own = planted(tmp_path_factory, "venue.queue_model=power", "venue.queue_n=3")
    found = fit_own(tape(), own, models_named(UNFITTED))
    assert found.fit.model.values[0] == pytest.approx(3, rel=0.03)
    assert (found.verdict.kind, found.verdict.model.values) == ("default", (3.0,))


def test_the_commands_fit_a_run_and_refuse_what_is_none(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """`calibrate queue` and `calibrate latency` on a run folder: JSON, folders that configure a replay, refusals."""
    planted(tmp_path_factory, "venue.queue_model=power", "venue.queue_n=1.7")
    run = tmp_path_factory.getbasetemp() / "own-venue.queue_model=power-venue.queue_n=1.7"
    found = json.loads(mmsim_here("calibrate", "queue", "--fills", run, SAMPLE, "--out", tmp_path / "q", "--json").stdout)
    assert found["params"]["n"] == pytest.approx(1.7, rel=0.03)
    assert load_config(tmp_path / "q" / "best_queue.yaml").venue.queue_n == found["params"]["n"]
    assert "constant, 10 ms" in mmsim_here("calibrate", "latency", run, "--out", tmp_path / "l").stdout
    assert load_config(tmp_path / "l" / "best_latency.yaml").latency.response.ms == 10.0
    assert_refused(mmsim_here("calibrate", "queue", "--fills", tmp_path / "none.csv", SAMPLE), "CAL-033")
    assert_refused(mmsim_here("calibrate", "queue", "--fills", run, SAMPLE, "--model", "log"), "CAL-032")
    assert_refused(mmsim_here("calibrate", "queue", "--fills", run, SAMPLE, "--out", tmp_path / "q"), "CAL-004")
    assert_refused(mmsim_here("calibrate", "latency", tmp_path / "none.csv"), "CAL-035")
    assert_refused(mmsim_here("calibrate", "latency", tmp_path), "JRNL-001")


def table_of(own: OwnOrders) -> pa.Table:
    """The same orders as a user would record them: prices in quote currency, times in µs."""
    tick, lot = (float(getattr(tape().instrument, name)) for name in ("tick_size", "lot_size"))

    def times(values: object) -> list[float | None]:
        return [None if value == NONE else value / 1000 for value in values.tolist()]  # type: ignore[attr-defined]

    return pa.table(
        {
            "side": ["sell" if side else "buy" for side in own.side.tolist()], "price": own.price_ticks * tick, "qty": own.lots * lot,
            "placed_ns": own.placed_ts, "filled_us": times(own.filled_ts), "ended_us": times(own.ended_ts),
        }
    )  # fmt: skip


def test_floats_keep_the_times_that_they_were_written_with(tmp_path: Path) -> None:
    """A column with empty cells is one of floats to pandas: whole milliseconds and decimals of seconds come through to the nanosecond."""
    placed = 1_704_067_215_231_000_000
    half_ms = placed + 500_000
    for unit, factor in (("ms", 10**6), ("s", 10**9)):
        each = {"side": ["buy"] * 2, "price": [100.0] * 2, "qty": [1.0] * 2, f"placed_{unit}": [placed / factor] * 2}
        table = pa.table(each | {f"filled_{unit}": [half_ms / factor, None], f"ended_{unit}": [None, half_ms / factor]})
        pq.write_table(table, tmp_path / f"{unit}.parquet")
        read = read_own(tmp_path / f"{unit}.parquet", tape().instrument)
        assert read.placed_ts.tolist() == [placed] * 2
        assert sorted([*read.filled_ts.tolist(), *read.ended_ts.tolist()]) == [NONE, NONE, half_ms, half_ms]


def test_rows_that_are_there_twice_are_said(tmp_path_factory: pytest.TempPathFactory) -> None:
    """They change no estimate, but make the interval narrower than it is."""
    own = planted(tmp_path_factory, "venue.queue_model=power", "venue.queue_n=1.7")
    order = np.argsort(np.tile(own.placed_ts, 2), kind="stable")
    twice = fit_own(tape(), OwnOrders(*(np.tile(column, 2)[order] for column in own)), [])
    once = fit_own(tape(), own, [])
    assert twice.fit.model.values == once.fit.model.values
    assert any(f"{len(own.side)} orders are equal to another one" in text for text in twice.warnings)
    assert not any("equal to another" in text for text in once.warnings)


def test_tables_tapes_and_runs_of_the_same_orders_agree(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    own = planted(tmp_path_factory, "venue.queue_model=power", "venue.queue_n=1.7")
    pq.write_table(table_of(own), tmp_path / "own.parquet")
    events = []
    for k, (side, price, lots, placed, filled, ended) in enumerate(zip(*(column.tolist() for column in own), strict=True), start=1):
        bit = ASK_BIT if side else 0
        events.append((placed, placed, OWN_ORDER | bit | BOTH_BITS, price, lots, k))
        events += [(filled, filled, OWN_FILL | bit | BOTH_BITS, price, lots, k)] * (filled != NONE)
        events += [(ended, ended, OWN_CANCEL | bit | BOTH_BITS, price, lots, k)] * (ended != NONE)
    events.sort(key=lambda event: event[0])
    writer = TapeWriter(tmp_path / "tape.parquet", TapeMeta(tape().instrument, "own"))
    writer.append(rows(*events))
    writer.finish()
    writer.close()
    for name in ("own.parquet", "tape.parquet"):
        read = read_own(tmp_path / name, tape().instrument)
        for column, wanted in zip(read, own, strict=True):
            assert np.abs(column - wanted).max() <= (1000 if name == "own.parquet" else 0)


HEAD = "side,price,qty,placed_ns,filled_ns,ended_ns\n"
GOOD = "buy,100,1,1704067200000000000,,1704067201000000000\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD, "no orders"),
        (HEAD.replace("side", "way") + GOOD, "no column side"),
        (HEAD.replace("placed_ns", "placed") + GOOD, "placed_ns, _us"),
        (HEAD + GOOD.replace("buy", "long"), "row 1, side: long"),
        (HEAD + GOOD.replace("100,", "100.1,"), "row 1, price"),
        (HEAD + GOOD.replace("100,", "nan,"), "row 1, price"),
        (HEAD + GOOD.replace(",1,", ",-1,"), "row 1, qty"),
        (HEAD + GOOD.replace("1704067200000000000", "1704067200"), r"row 1 is ended|no order was placed"),
        (HEAD + GOOD.replace("1704067200000000000", "-5"), "row 1, placed_ns"),
        (HEAD + GOOD.replace(",,", ",1704067199000000000,"), "row 1 is filled at"),
        (HEAD + GOOD.replace("1,1704067200000000000", "1,x"), "placed_ns holds string"),
        (HEAD + GOOD.replace(",1704067201000000000", ",1704067201000000000.0"), "ended_ns holds double, which rounds"),
    ],
)
def test_bad_tables_are_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "own.csv").write_text(text)
    with pytest.raises(CalibrateError, match=rf"CAL-03[34].*({said})"):
        own_sample(tape(), read_own(tmp_path / "own.csv", tape().instrument), 0)


def test_orders_of_another_tape_are_refused(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Shifted by an hour the fills meet no trades; a week later they meet no tape; ten fills are too few."""
    own = planted(tmp_path_factory, "venue.queue_model=power", "venue.queue_n=1.7")

    def shifted(ns: int) -> OwnOrders:
        return own._replace(**{name: np.where(getattr(own, name) == NONE, NONE, getattr(own, name) + ns) for name in ("placed_ts", "filled_ts", "ended_ts")})

    for ns, said in ((3600 * 10**9, "no trade at or through"), (7 * 86400 * 10**9, "no order was placed while")):
        with pytest.raises(CalibrateError, match=rf"CAL-034.*{said}"):
            fit_own(tape(), shifted(ns), [])
    beyond_nine = np.flatnonzero(own.filled_ts != NONE)[9:]
    few = OwnOrders(*(np.delete(column, beyond_nine) for column in own))
    with pytest.raises(CalibrateError, match=r"CAL-031.*9 of"):
        fit_own(tape(), few, [])
    with pytest.raises(CalibrateError, match="CAL-034"):
        read_own(tmp_path_factory.getbasetemp() / "own-venue.queue_model=power-venue.queue_n=1.7", Tape.open(SAMPLE.parent / "synbtc-perp-20240101-l2.parquet").instrument)
    with pytest.raises(CalibrateError, match="CAL-033"):
        read_own(SAMPLE, tape().instrument)
    with pytest.raises(CalibrateError, match="CAL-033"):
        read_own(tmp_path / "nothing.csv", tape().instrument)


def test_orders_that_tell_nothing_are_refused_and_nothing_is_written(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """With buys and sells swapped each exponent explains the fills as well as another: CAL-036, no folder."""
    own = planted(tmp_path_factory, "venue.queue_model=power", "venue.queue_n=1.7")
    swapped = own._replace(side=1 - own.side)
    with pytest.raises(CalibrateError, match=r"CAL-036.*bound n of power on neither side") as caught:
        fit_own(tape(), swapped, [])
    assert "swapped" in caught.value.remedy
    with pytest.raises(CalibrateError, match=r"CAL-036.*bound n of power on neither side"):
        fit_own(tape(), swapped, [], family="matched")
    pq.write_table(table_of(swapped), tmp_path / "own.parquet")
    arguments = ("calibrate", "queue", "--fills", tmp_path / "own.parquet", SAMPLE, "--tolerance-ms", "0.01", "--out", tmp_path / "q")
    assert_refused(mmsim_here(*arguments), "CAL-036")
    assert not (tmp_path / "q").exists()


def test_a_few_unknown_fills_are_counted_and_left_out(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Twenty fills moved by 137 ms: no trade there; the rest still gives the exponent. A tolerance brings them back."""
    own = planted(tmp_path_factory, "venue.queue_model=power", "venue.queue_n=1.7")
    filled = np.flatnonzero(own.filled_ts != NONE)[::80]
    moved = own.filled_ts.copy()
    moved[filled] += 137_000_000
    wrong = own._replace(filled_ts=moved)
    unmatched = own_sample(tape(), wrong, 0).unmatched
    assert len(filled) // 2 < unmatched <= len(filled)
    assert fit_own(tape(), wrong, []).fit.model.values[0] == pytest.approx(1.7, rel=0.03)
    assert own_sample(tape(), wrong, 140_000_000).unmatched == 0


def test_the_simplex_finds_the_least_of_a_valley() -> None:
    """Rosenbrock's function, from its usual start."""
    place, value = minimise(lambda x: float((1 - x[0]) * (1 - x[0]) + 100 * (x[1] - x[0] * x[0]) * (x[1] - x[0] * x[0])), (-1.2, 1.0), (0.5, 0.5), rounds=400, tolerance=1e-14)
    assert place == pytest.approx([1.0, 1.0], abs=1e-4)
    assert value < 1e-8


def exact_on(source: Path | Tape, folder: Path, *sets: str) -> int:
    """Replay with two quotes a side, follow the run's orders by its own model, and demand every fill; return the fills."""
    engine.replay(source, load_config(None, [*SETS, "strategy.params.emit.levels=2", "venue.queue_n=2", *sets]), folder)
    market = source if isinstance(source, Tape) else Tape.open(source)
    sampled = own_sample(market, read_own(folder, market.instrument), 0)
    said, outcomes = sampled.sample.said(QueueModel(FAMILIES["power"], (2.0,))), sampled.sample.counted
    assert (sampled.outside, sampled.unmatched) == (0, 0)
    assert (said.filled == outcomes.filled).all()
    assert (said.ts[outcomes.filled] == outcomes.fill_ts[outcomes.filled]).all()
    return int(outcomes.filled.sum())


def test_shadows_are_exact_on_a_tape_of_orders(tmp_path: Path) -> None:
    """By a model of levels; amends end a stay in a queue and begin another."""
    assert exact_on(SAMPLE.with_name("synes-20240101-l3.parquet"), tmp_path / "run", "node.use_amend=true") > 100


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "amend"), [("cm_btcusd_perp_20240808", "true"), ("spot_btcusdt_20240808", "false"), pytest.param("usdm_btcusdt_20240808", "true", marks=pytest.mark.slow)]
)
def test_shadows_are_exact_on_real_captures(tmp_path: Path, name: str, amend: str) -> None:
    """Quotes, snapshots, rows out of order: every fill of the engine, at its time."""
    source = ROOT / "binance" / f"{name}.gz"
    if not source.exists():
        pytest.skip("no captures (MMSIM_REAL_DATA)")
    convert([source], "binance", tmp_path / "tape.parquet", ConvertOptions())
    assert exact_on(tmp_path / "tape.parquet", tmp_path / "run", f"node.use_amend={amend}") > 300
