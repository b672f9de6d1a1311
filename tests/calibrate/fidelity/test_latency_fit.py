"""Latency models from recorded times: planted ones come back, and bad records are refused."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from simcore import engine
from simcore.calibrate.draws import uniforms
from simcore.calibrate.fidelity.latency_fit import CONSTANT, LOGNORMAL, SAMPLED, distribution, fit_latency, samples
from simcore.calibrate.fidelity.latency_law import Law, distance, fit_law
from simcore.calibrate.fidelity.latency_pages import config_text, figures, verdict, write_latency
from simcore.calibrate.fidelity.latency_records import NEVER, Leg, Recorded, milliseconds, read_recorded
from simcore.config.load import load_config
from simcore.errors import CalibrateError
from simcore.jit import expose
from simcore.kernels.dmath import normal_quantile
from tests.truth.captures import ROOT

SAMPLE = Path(__file__).parents[3] / "datasets" / "synes-20240101-l2.parquet"
CYCLES = ROOT / "latency" / "own_order_latency_100.csv"
quantile = expose(normal_quantile)


def normals(count: int, stream: int) -> np.ndarray:
    return np.array([quantile(float(u)) for u in uniforms(7, stream, np.arange(count))])


def write(path: Path, columns: dict[str, object]) -> Path:
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(columns)
        out.writerows(zip(*columns.values(), strict=True))  # type: ignore[arg-type]
    return path


def test_planted_models_come_back_leg_by_leg(tmp_path: Path) -> None:
    """Lognormal places, cancels with two humps, a constant response; 2,000 of each."""
    count = 2000
    sent = 1_704_067_200_000_000_000 + np.arange(2 * count) * 1_000_000_000
    kind = ["place", "cancel"] * count
    place = 12e6 * np.exp(0.4 * normals(count, 1))
    cancel = np.where(uniforms(7, 2, np.arange(count)) < 0.8, 20e6, 600e6) * np.exp(0.05 * normals(count, 3))
    arrived = sent + np.stack([place, cancel], axis=1).reshape(-1).astype(np.int64)
    path = write(tmp_path / "times.csv", {"kind": kind, "sent_ns": sent, "arrived_ns": arrived, "answered_ns": arrived + 4_000_000})
    found = fit_latency(read_recorded(path))
    legs = {leg.name: leg for leg in found.legs}
    assert {name: leg.chosen for name, leg in legs.items()} == {"place": LOGNORMAL, "cancel": SAMPLED, "response": CONSTANT}
    assert legs["response"].median_ms == 4.0
    write_latency(found, tmp_path / "fit")
    config = load_config(tmp_path / "fit" / "best_latency.yaml").latency
    assert (config.place.model, config.place.ms, config.place.sigma) == ("lognormal", pytest.approx(12, rel=0.03), pytest.approx(0.4, rel=0.06))
    assert (config.cancel.model, config.cancel.sampling) == ("recorded", "sample")
    assert config.response.ms == 4.0
    drawn = np.loadtxt(tmp_path / "fit" / "cancel.csv", skiprows=1)
    assert sorted(drawn) == sorted((arrived - sent)[1::2])


def test_intervals_hold_what_was_planted_as_often_as_they_say() -> None:
    """300 samples of 80 latencies: 95 % intervals of median and sigma hold the truth in 91 to 98 % of them."""
    inside = np.zeros(2)
    for stream in range(300):
        ns = (12e6 * np.exp(0.4 * normals(80, stream))).astype(np.int64)
        leg = fit_latency(Recorded("", (Leg("place", ns, np.zeros(80, bool), np.arange(80)),)), model=LOGNORMAL).legs[0]
        inside += (leg.median_low_ms < 12 < leg.median_high_ms, leg.sigma_low < 0.4 < leg.sigma_high)
    assert ((inside / 300 > 0.91) & (inside / 300 < 0.98)).all()


def test_a_lognormal_law_is_seldom_refused_and_another_one_nearly_always() -> None:
    """Of 200 lognormal samples about 5 % are refused; of 200 with uniform latencies nearly all."""
    refused = np.zeros(2)
    for stream in range(200):
        law = 12e6 * np.exp(0.4 * normals(150, stream))
        flat = 1e6 + 20e6 * uniforms(9, stream, np.arange(150))
        for k, ns in enumerate((law, flat)):
            leg = fit_latency(Recorded("", (Leg("place", ns.astype(np.int64), np.zeros(150, bool), np.arange(150)),))).legs[0]
            refused[k] += leg.chosen == SAMPLED
    assert refused[0] <= 20
    assert refused[1] >= 190


@pytest.mark.parametrize("sigma", [0.2, 0.6])
def test_the_wire_of_a_run_is_found_again(tmp_path: Path, sigma: float) -> None:
    """A replay with lognormal latencies on both ways: messages that were held up do not bend the fit."""
    sets = ["strategy.name=demo_maker", "strategy.params.spread.half_spread_bps=0", "run.seed=5"]
    for leg, ms in (("place", 15), ("cancel", 25), ("response", 8)):
        sets += [f"latency.{leg}.model=lognormal", f"latency.{leg}.ms={ms}", f"latency.{leg}.sigma={sigma}"]
    engine.replay(SAMPLE, load_config(None, sets), tmp_path / "run")
    found = fit_latency(read_recorded(tmp_path / "run"), model=LOGNORMAL)
    for leg, ms in zip(found.legs, (15, 25, 8), strict=True):
        assert leg.median_ms == pytest.approx(ms, rel=0.03)
        assert leg.sigma == pytest.approx(sigma, rel=0.06)
    assert found.legs[2].held_up > 100


def test_the_fitted_folder_replays(tmp_path: Path) -> None:
    """A constant wire of 10 ms, fitted and replayed: the same run."""
    sets = ["strategy.name=demo_maker", "run.to=2024-01-01T02:00:00Z"]
    engine.replay(SAMPLE, load_config(None, sets), tmp_path / "run")
    found = fit_latency(read_recorded(tmp_path / "run"))
    assert {leg.chosen for leg in found.legs} == {CONSTANT}
    write_latency(found, tmp_path / "fit")
    engine.replay(SAMPLE, load_config(tmp_path / "fit" / "best_latency.yaml", sets), tmp_path / "again")
    for name in ("requests", "reports", "fills"):
        assert (tmp_path / "run" / "journal" / f"{name}.parquet").read_bytes() == (tmp_path / "again" / "journal" / f"{name}.parquet").read_bytes()


@pytest.mark.real
@pytest.mark.skipif(not CYCLES.exists(), reason="no recorded cycles (MMSIM_REAL_DATA)")
def test_real_cycles_are_drawn_where_no_law_holds(tmp_path: Path) -> None:
    """100 real round trips of each kind: submits are lognormal, effective cancels have two humps."""
    with CYCLES.open() as file:
        cycles = list(csv.DictReader(file))
    columns: dict[str, object] = {
        "kind": ["place"] * len(cycles) + ["cancel"] * len(cycles),
        "round_trip_us": [row["submit_rtt_us"] for row in cycles] + [row["cancel_effective_us"] for row in cycles],
    }
    found = fit_latency(read_recorded(write(tmp_path / "cycles.csv", columns)))
    assert [(leg.name, leg.chosen) for leg in found.legs] == [("place", LOGNORMAL), ("cancel", SAMPLED)]
    assert "response: {model: constant, ms: 0.000001}" in config_text(found)
    assert any("round trips are recorded" in text for text in found.warnings)
    assert any(text.startswith("amend: not recorded") for text in found.warnings)
    assert figures(found)["missing"] == ["amend", "response"]


GOOD = {"kind": ["place"] * 3, "sent_ms": [1000.0, 2000.0, 3000.0], "arrived_ms": [1010.0, 2011.0, 3009.0]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": ["place", "plaice", "place"]}, "row 2, kind: plaice"),
        ({"arrived_ms": [1010.0, 1990.0, 3009.0]}, "1 of 3 latencies are negative, the first -10 ms"),
        ({"sent_ms": [1000.0, float("nan"), 3000.0]}, "row 2, sent_ms: None"),
        ({"sent_ms": [1000.0, float("inf"), 3000.0]}, "row 2, sent_ms: inf"),
        ({"sent_ms": [1000.0, -1.0, 3000.0]}, "row 2, sent_ms: -1"),
        ({"sent_ms": ["a", "b", "c"]}, "sent_ms holds string"),
        ({"arrived_ms": [90_000_000.0] * 3}, "another unit"),
        ({"arrived_ms": [1000.0000001, 2000.0000001, 3000.0000001]}, "another unit"),
        ({"arrived_ms": [None] * 3}, "no request has an answer"),
    ],
)
def test_bad_records_are_refused(tmp_path: Path, change: dict[str, object], said: str) -> None:
    with pytest.raises(CalibrateError, match=f"CAL-035.*{said}"):
        fit_latency(read_recorded(write(tmp_path / "times.csv", {**GOOD, **change})))


def test_missing_columns_and_files_are_refused(tmp_path: Path) -> None:
    for columns, said in (({"sent_ns": [1]}, "no column arrived"), ({"arrived_ns": [1]}, "no column sent_…, nor round_trip_"), ({"sent_ns": []}, "no rows")):
        with pytest.raises(CalibrateError, match=f"CAL-035.*{said}"):
            read_recorded(write(tmp_path / "times.csv", columns))
    with pytest.raises(CalibrateError, match="CAL-035"):
        read_recorded(tmp_path / "nothing.csv")


def test_disorder_and_silence_are_counted(tmp_path: Path) -> None:
    """Rows out of order are sorted, requests without an answer left out; both are said."""
    columns = {"sent_ms": [2000.0, 1000.0, 3000.0], "answered_ms": [2010.0, 1012.0, None]}
    found = fit_latency(read_recorded(write(tmp_path / "times.csv", columns)))
    assert found.legs[0].count == 2
    assert any("sorted" in text for text in found.warnings)
    assert any("1 requests have no answer" in text for text in found.warnings)


def held_up_leg(stream: int, count: int, gap_ms: float, *, second: bool = False) -> Leg:
    """Messages of a lognormal wire that keeps their order, sent at random; second: one in seven takes four times as long."""
    at = np.arange(count)
    sent = np.cumsum(-gap_ms * 1e6 * np.log(uniforms(5, stream, at))).astype(np.int64)
    own = 12e6 * np.exp(0.4 * normals(count, stream + 1))
    if second:
        own = np.where(uniforms(5, stream + 2, at) < 0.85, own, 4 * own)
    arrival = np.maximum.accumulate(sent + own.astype(np.int64))
    return Leg("place", arrival - sent, np.concatenate([[False], arrival[1:] == arrival[:-1]]), sent)


def refused(repetitions: int, count: int, gap_ms: float, *, second: bool = False, first: int = 100) -> tuple[int, float]:
    """How many samples of a wire are refused as lognormal, and the share of messages that were held up."""
    legs = [held_up_leg(first + 3 * k, count, gap_ms, second=second) for k in range(repetitions)]
    drawn = sum(fit_latency(Recorded("times.csv", (leg,))).legs[0].chosen == SAMPLED for leg in legs)
    return drawn, float(np.mean([leg.at_most.mean() for leg in legs]))


def test_a_law_is_seldom_refused_where_most_messages_are_held_up() -> None:
    """Of 40 true samples 5 % are 2; of 12 with two humps nearly all are found."""
    true, held = refused(40, 400, 2.0)
    assert held > 0.6
    assert true <= 6
    assert refused(12, 1000, 2.0, second=True)[0] >= 10


@pytest.mark.slow
@pytest.mark.parametrize(("count", "gap_ms", "least_held", "most_held"), [(150, 1000.0, 0.0, 0.01), (300, 5.0, 0.3, 0.5), (300, 2.0, 0.55, 0.75)])
def test_five_percent_of_true_laws_are_refused(count: int, gap_ms: float, least_held: float, most_held: float) -> None:
    """Of 1,000 samples 50, give or take 3 standard errors of 6.9; whether none, a third or more than half is held up."""
    drawn, held = refused(1000, count, gap_ms, first=10_000)
    assert least_held <= held <= most_held
    assert 29 <= drawn <= 71


def test_messages_of_other_legs_hold_up_too(tmp_path: Path) -> None:
    """Places behind slow cancels: what the cancels hold up is known of the cancels, and drawn samples wait for them as well."""
    count = 600
    at = np.arange(count)
    sent = 1_704_067_200_000_000_000 + np.cumsum(-6e6 * np.log(uniforms(5, 1, at))).astype(np.int64)
    is_cancel = uniforms(5, 2, at) < 0.3
    own = np.where(is_cancel, 40e6, 12e6) * np.exp(0.4 * normals(count, 4))
    arrival = np.maximum.accumulate(sent + own.astype(np.int64))
    path = write(tmp_path / "times.csv", {"kind": np.where(is_cancel, "cancel", "place").tolist(), "sent_ns": sent, "arrived_ns": arrival})
    legs = {leg.name: leg for leg in read_recorded(path).legs}
    others = legs["place"].others_ns
    assert others is not None
    held = legs["place"].at_most
    known = [arrival[:k][is_cancel[:k]].max(initial=0) - sent[k] for k in np.flatnonzero(~is_cancel)]
    assert np.where(others == NEVER, 0, others).tolist() == [0 if value < -(1 << 60) else value for value in known]
    assert (legs["place"].ns[held] >= others[held]).all()
    assert 0.4 < held.mean() < 0.95
    assert {leg.name: leg.chosen for leg in fit_latency(read_recorded(path)).legs} == {"place": LOGNORMAL, "cancel": LOGNORMAL}


@settings(max_examples=25, deadline=None)
@given(some.integers(0, 10**6), some.floats(0.05, 2.0), some.integers(5, 60), some.floats(0.5, 50.0))
def test_the_law_is_the_likeliest(seed: int, sigma: float, count: int, gap_ms: float) -> None:
    """No step of mean or deviation makes the records likelier, whatever is held up."""
    sent = np.cumsum(-gap_ms * np.log(uniforms(seed, 1, np.arange(count))))
    own = np.exp(2.0 + sigma * np.array([quantile(float(u)) for u in uniforms(seed, 2, np.arange(count))]))
    arrival = np.maximum.accumulate(sent + own)
    held = (arrival > sent + own).astype(np.int64)
    logs = np.log(arrival - sent)
    law = fit_law(logs, held)

    def plain(mean: float, deviation: float) -> float:
        z = (logs - mean) / deviation
        told = [math.log(0.5 * math.erfc(-x / math.sqrt(2.0))) if late else -0.5 * x * x - math.log(deviation) - 0.5 * math.log(2 * math.pi) for x, late in zip(z.tolist(), held.tolist(), strict=True)]
        return sum(told) - float(logs[held == 0].sum())

    if law.sigma > 1e-9:
        best = plain(law.mean, law.sigma)
        assert law.likelihood == pytest.approx(best, rel=1e-9, abs=1e-6)
        for mean, factor in ((0.01, 1.0), (-0.01, 1.0), (0.0, 1.01), (0.0, 0.99)):
            assert plain(law.mean + mean * law.sigma, law.sigma * factor) <= best + 1e-9


def test_without_held_up_messages_the_distance_is_that_of_kolmogorov() -> None:
    logs = normals(200, 3)
    law = Law(float(np.mean(logs)), float(np.std(logs)), 0.0)
    rank, below = np.arange(1, 201) / 200, np.array([0.5 * math.erfc(-(x - law.mean) / law.sigma / math.sqrt(2.0)) for x in np.sort(logs).tolist()])
    found = distance(logs, np.zeros(200, np.int64), law)
    assert found.gap == pytest.approx(max((rank - below).max(), (below - rank + 1 / 200).max()))
    assert found.worth == pytest.approx(200)


def test_times_that_are_missing_are_counted_leg_by_leg(tmp_path: Path) -> None:
    """A request with an arrival and no answer counts for its own leg only; a round trip that never came back for none."""
    columns = {"sent_ms": [1000.0, 2000.0, 3000.0], "arrived_ms": [1010.0, 2011.0, None], "answered_ms": [1012.0, None, 3015.0]}
    found = fit_latency(read_recorded(write(tmp_path / "times.csv", columns)))
    assert {leg.name: leg.count for leg in found.legs} == {"place": 2, "response": 1}
    assert {text.partition(":")[0] for text in found.warnings} >= {"1 requests have no answer", "1 requests have no time of arrival"}
    found = fit_latency(read_recorded(write(tmp_path / "trips.csv", {"kind": ["place"] * 3, "round_trip_ms": [10.0, None, 12.0]})))
    assert found.legs[0].count == 2
    assert any("1 requests have no answer" in text for text in found.warnings)


def test_records_that_a_law_would_fit_are_not_said_to_refuse_it() -> None:
    """`--model recorded` draws from whatever was recorded; what the distance says stays true."""
    ns = (12e6 * np.exp(0.4 * normals(200, 5))).astype(np.int64)
    leg = Leg("place", ns, np.zeros(len(ns), bool), np.arange(len(ns), dtype=np.int64))
    asked = verdict(fit_latency(Recorded("times.csv", (leg,)), model=SAMPLED))[0]
    assert asked.startswith("place: drawn from the records; a lognormal law would do, too")


def test_held_up_messages_do_not_bend_the_distribution() -> None:
    """Two humps behind one another on one connection: the estimate is that of the wire, the plain records are not."""
    count = 4000
    own = np.where(uniforms(3, 1, np.arange(count)) < 0.7, 5e6, 40e6) * np.exp(0.05 * normals(count, 2))
    sent = np.arange(count, dtype=np.int64) * 10_000_000
    arrival = np.maximum.accumulate(sent + own.astype(np.int64))
    held = np.concatenate([[False], arrival[1:] == arrival[:-1]])
    leg = Leg("place", arrival - sent, held, sent)
    assert 0.2 < held.mean() < 0.8
    values, share = distribution(leg)
    at_20 = share[np.searchsorted(values, 20.0) - 1]
    assert at_20 == pytest.approx(0.7, abs=0.04)
    assert (milliseconds(leg.ns) < 20).mean() < 0.5
    drawn = samples(leg)
    assert (drawn < 20e6).mean() == pytest.approx(0.7, abs=0.04)
    assert fit_latency(Recorded("", (leg,))).legs[0].chosen == SAMPLED
