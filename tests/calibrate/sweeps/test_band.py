"""Fill bands: the run is the run, its worlds are runs of their own, they bound the queue, and flips of sign are told."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcore import engine, manifest
from simcore.calibrate.fidelity.queue_family import FAMILIES, QueueModel
from simcore.calibrate.fidelity.queue_file import write_queue
from simcore.calibrate.sweeps import band as bd
from simcore.calibrate.sweeps.single import with_keys
from simcore.config.load import load_config
from simcore.errors import MmsimError
from simcore.jit import expose
from simcore.journal.store import STREAMS, JournalStore, read_stream
from simcore.kernels import queue, queue_matched
from simcore.kernels import state as kernel_state
from simcore.records import SAMPLE
from simcore.report import band as shown
from simcore.report.build import build_report
from simcore.report.console import console_table
from simcore.report.statistics import summary
from simcore.tape.read import Tape
from tests.property.runs import cases, make_case, outputs, simulated
from tests.property.test_law_resume import SETS, Stop, same_run, stop_at_write, write_tape
from tests.sealing import reseal

DATASETS = Path(__file__).parents[3] / "datasets"
L2 = DATASETS / "synbtc-perp-20240101-l2.parquet"
L3 = DATASETS / "synes-20240101-l3.parquet"
MINUTE_NS = 60_000_000_000
after_change = expose(queue.after_change)


def maker(tape=L2, minutes=90, **keys):
    start_ts = Tape.open(tape).start_ts
    return load_config(None, [], {"strategy.name": "demo_maker", "run.to": start_ts + minutes * MINUTE_NS, **keys})


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A run, and the same run with a band beside it; traced, so that all streams have rows."""
    folder = tmp_path_factory.mktemp("band")
    config = maker(**{"node.trace_every": 10, "strategy.params.emit.order_lots": 40})
    engine.replay(L2, config, folder / "plain")
    bd.replay_band(L2, config, folder / "band")
    return folder, config


def test_the_estimated_world_is_the_run_itself(played):
    """Law 3: journal, manifest and configuration are those of the run without a band, byte for byte."""
    folder, _ = played
    for stream in ("requests", "reports", "fills", "markouts", "samples", "features"):
        name = f"journal/{stream}.parquet"
        assert (folder / "plain" / name).read_bytes() == (folder / "band" / name).read_bytes(), stream
        assert len(read_stream(folder / "plain", stream)) > 0, stream
    assert (folder / "plain" / "config.yaml").read_bytes() == (folder / "band" / "config.yaml").read_bytes()
    first, second = (manifest.read(folder / name) for name in ("plain", "band"))
    for note in (first, second):
        note.pop("cycles_per_ns")  # measured anew by each run with traces
        note.pop("sha256")
        for name in ("counts.json", "journal/traces.parquet", *manifest.BESIDE):  # times of each run, and the band itself
            note["files"].pop(name, None)
    assert first == second
    first, second = (json.loads((folder / name / "counts.json").read_text()) for name in ("plain", "band"))
    assert {**first, "wall_s": 0} == {**second, "wall_s": 0}
    assert engine.verify(folder / "band").ok
    traces = [read_stream(folder / name, "traces")[["ts", "lane", "tick", "spread_bps"]] for name in ("plain", "band")]
    assert (traces[0] == traces[1]).all()


def test_the_other_worlds_are_runs_with_their_models(played):
    """Counters and curves of each world are those of a single run with that queue model."""
    folder, config = played
    told = json.loads((folder / "band" / "band.json").read_text())
    table = pq.read_table(folder / "band" / "band.parquet")
    assert [each["world"] for each in told["worlds"]] == list(bd.WORLDS)
    for each in told["worlds"]:
        model = {"venue.queue_model": each["queue_model"], "venue.queue_n": each["queue_n"]}
        alone = engine.simulate(Tape.open(L2), [with_keys(config, model)])
        assert each["counts"] == {name: int(alone.state.lanes[name][0]) if name != "rows" else alone.rows for name in each["counts"]}
        samples = alone.journal.rows("samples")
        place = np.minimum(np.searchsorted(samples["ts"], table["ts"].to_numpy()), len(samples) - 1)
        assert (table[f"{each['world']}_equity_units"].to_numpy() == samples["equity_units"][place]).all()
        assert each["mid2"] == int(samples[-1]["bid_ticks"] + samples[-1]["ask_ticks"])
    fills = [each["counts"]["fills"] for each in told["worlds"]]
    assert len(set(fills)) > 1, "the worlds differ"


def test_an_l3_run_keeps_its_exact_queue_in_the_middle(tmp_path):
    """On a tape with order ids the estimated world may be exact FIFO; the others know levels only."""
    config = maker(L3, 20, **{"venue.queue_model": "fifo"})
    engine.replay(L3, config, tmp_path / "plain")
    bd.replay_band(L3, config, tmp_path / "band")
    assert manifest.read(tmp_path / "plain")["digest"] == manifest.read(tmp_path / "band")["digest"]
    models = [each["queue_model"] for each in json.loads((tmp_path / "band" / "band.json").read_text())["worlds"]]
    assert models == ["power3", "fifo", "risk_averse"]


@given(cases(max_rows=200), st.sampled_from((1, 7, 1 << 18)))
@settings(max_examples=40, deadline=None)
def test_worlds_beside_a_run_never_change_it(case, chunk_rows):
    """Law 3 on random tapes and settings, however the tape is cut."""
    config = case.config()
    worlds = [with_keys(config, bd._keys(*model)) for model in (bd.ALL_AHEAD, bd.ALL_BEHIND)]
    store = bd.BandStore(None, case.tape().start_ts, 1_000_000)
    one = engine.Run(memory_tape(case, chunk_rows), config, None, store, beside=worlds, curve_ns=1_000_000)
    one.until(kernel_state.NEVER)
    assert one.session.state.lanes["journal"].tolist() == [1, 0, 0], "the worlds keep no journal, which would cost time"
    assert {stream: store.rows(stream).tobytes() for stream in STREAMS} == outputs(simulated(case))


def memory_tape(case, chunk_rows):
    """Return a case's tape with what a run asks of one on disk."""
    tape = case.tape(chunk_rows)
    tape.files = []
    return tape


@pytest.mark.parametrize("name", ["risk_averse", "power", "power2", "power3", "log", "log2"])
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_the_worlds_bound_every_guess_about_an_order(name, data):
    """Whatever trades and changes a level sees: all ahead ≤ the model ≤ all behind, at every step, to a millionth of a lot."""
    model, n = queue.NAMES.index(name), data.draw(st.sampled_from((0.5, 1.0, 3.0)))
    worlds = [(queue.NAMES.index(each), exponent) for each, exponent in (bd.ALL_AHEAD, (name, n), bd.ALL_BEHIND)]
    assert worlds[1] == (model, n)
    level = data.draw(st.integers(0, 500))
    ahead = [float(level)] * 3
    for _ in range(data.draw(st.integers(1, 25))):
        traded = data.draw(st.integers(0, min(level, 60)))
        ahead = [max(each - traded, 0.0) for each in ahead]
        new = data.draw(st.integers(0, 600))
        ahead = [after_change(kind, exponent, each, level, new, float(traded)) for (kind, exponent), each in zip(worlds, ahead, strict=True)]
        level = new
        assert ahead[0] - 1e-6 <= ahead[1] <= ahead[2] + 1e-6


def test_only_the_front_bounds_what_fills_without_a_queue():
    """Pro rata, a user's model and the front itself get the front as the optimistic world; all others the sharper one."""
    for model in ("pro_rata", "front", "mine.py"):
        assert bd.bounds_of(model) == bd.Bounds(bd.AT_FRONT, bd.ALL_BEHIND)
    for model in ("risk_averse", "power", "log2", "fifo"):
        assert bd.bounds_of(model) == bd.Bounds(bd.ALL_AHEAD, bd.ALL_BEHIND)


def test_a_file_that_only_splits_cancels_has_the_sharper_bound(tmp_path):
    """The line `SPLITS_CANCELS = True` in a written `matched` file, or a user's own, chooses it; no other line does."""
    (_, path) = write_queue(tmp_path, QueueModel(FAMILIES["matched"], (0.55, 1.1, 7.2, 0.86, 0.49), fitted=True), "Made by a test.")
    assert bd.bounds_of(str(path)) == bd.Bounds(bd.ALL_AHEAD, bd.ALL_BEHIND)
    for text in ("", "SPLITS_CANCELS = False", "SPLITS_CANCELS = 1", "# SPLITS_CANCELS = True", "def f():\n    SPLITS_CANCELS = True", "SPLITS_CANCELS = True +"):
        path.write_text(text)
        assert bd.bounds_of(str(path)) == bd.Bounds(bd.AT_FRONT, bd.ALL_BEHIND), text


matched_after_change = expose(queue_matched.after_change)


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_the_sharper_bound_holds_for_the_matched_model(data):
    """All ahead ≤ `matched` ≤ all behind at every step, for any of its parameters; its memory is below a sixteenth of a lot."""
    span = [data.draw(st.floats(each.lo, each.hi)) for each in FAMILIES["matched"].parameters]
    level = data.draw(st.integers(0, 500))
    ahead = [float(level)] * 3
    for _ in range(data.draw(st.integers(1, 25))):
        traded = data.draw(st.integers(0, min(level, 60)))
        ahead = [max(each - traded, 0.0) for each in ahead]
        new = data.draw(st.integers(0, 600))
        first, last = (
            after_change(queue.NAMES.index(kind), n, each, level, new, float(traded))
            for (kind, n), each in ((bd.ALL_AHEAD, ahead[0]), (bd.ALL_BEHIND, ahead[2]))
        )
        ahead = [first, matched_after_change(ahead[1], level, new, float(traded), *span), last]
        level = new
        assert ahead[0] - 1e-6 <= ahead[1] < ahead[2] + 1.0 / queue_matched.PARTS + 1e-6


def test_models_of_the_band_are_read():
    """MODEL or MODEL:N, the exponent 3 as in the configuration."""
    assert bd.parse_bounds("front, power:2.5") == bd.Bounds(("front", 3.0), ("power", 2.5))
    for text in ("front", "front,nobody", "front,power:x", "a,b,c", ""):
        with pytest.raises(MmsimError) as caught:
            bd.parse_bounds(text)
        assert caught.value.code == "CAL-005"


# --- stopped and resumed -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def long_band(tmp_path_factory):
    """A tape of many row groups, a band run over it that nobody stopped, and how many files that run wrote."""
    folder = tmp_path_factory.mktemp("resume")
    write_tape(folder / "tape.parquet", make_case(6, 900, unit_ns=1_000_000), 60)
    with pytest.MonkeyPatch.context() as patch:
        count = stop_at_write(patch, 0, "before")
        bd.replay_band(folder / "tape.parquet", load_config(None, SETS), folder / "whole")
        total = count[0]
        engine.replay(folder / "tape.parquet", load_config(None, SETS), folder / "plain")
    same_run(folder / "whole", folder / "plain")
    return folder, total


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("write", [1, 3, 7, 8, 9, 10, 32, -12, -8, -4, -3, -2, -1])
def test_a_stopped_band_goes_on_to_the_same_bytes(long_band, tmp_path, write, moment):
    """Stopped around any write, a resumed run has the journal and the band of one that nobody stopped."""
    folder, total = long_band
    config = load_config(None, SETS)
    with pytest.MonkeyPatch.context() as patch:
        stop_at_write(patch, write if write > 0 else total + write, moment)
        with pytest.raises(Stop):
            bd.replay_band(folder / "tape.parquet", config, tmp_path / "run")
    with pytest.MonkeyPatch.context() as patch:
        stop_at_write(patch, 0, moment)
        bd.replay_band(folder / "tape.parquet", config, tmp_path / "run", resume=True)
    same_run(tmp_path / "run", folder / "whole")
    for name in ("band.json", "band.parquet"):
        assert (tmp_path / "run" / name).read_bytes() == (folder / "whole" / name).read_bytes()


def stop_band(folder, config, out, writes):
    """Leave a band run as it is after so many writes."""
    with pytest.MonkeyPatch.context() as patch:
        stop_at_write(patch, writes, "after")
        with pytest.raises(Stop):
            bd.replay_band(folder / "tape.parquet", config, out)


def test_a_run_goes_on_with_its_own_band_only(long_band, tmp_path):
    """A stopped band run is not resumed without its band, nor with another; JRNL-003."""
    folder, _ = long_band
    config = load_config(None, SETS)
    stop_band(folder, config, tmp_path / "run", 20)
    with pytest.raises(MmsimError, match="JRNL-003"):
        engine.replay(folder / "tape.parquet", config, tmp_path / "run", resume=True)
    with pytest.raises(MmsimError, match="JRNL-003"):
        bd.replay_band(folder / "tape.parquet", config, tmp_path / "run", bounds=bd.parse_bounds("front,log"), resume=True)
    bd.replay_band(folder / "tape.parquet", config, tmp_path / "run", resume=True)
    same_run(tmp_path / "run", folder / "whole")


def test_a_damaged_store_of_a_stopped_band_is_refused(long_band, tmp_path):
    """JRNL-008 with the file's name."""
    folder, _ = long_band
    config = load_config(None, SETS)
    stop_band(folder, config, tmp_path / "run", 30)
    (tmp_path / "run" / "journal" / ".band.parquet").write_bytes(b"torn")
    with pytest.raises(MmsimError, match=r"JRNL-008.*\.band\.parquet"):
        bd.replay_band(folder / "tape.parquet", config, tmp_path / "run", resume=True)


def test_a_full_disk_is_told_and_the_run_goes_on_when_there_is_room(long_band, tmp_path):
    """No room for band.json: JRNL-005, the run is not done; resumed, it is the same."""
    folder, _ = long_band
    config = load_config(None, SETS)
    write = bd.write_text

    def full(path, text):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bd, "write_text", full)
        with pytest.raises(MmsimError, match="No space left") as caught:
            bd.replay_band(folder / "tape.parquet", config, tmp_path / "run")
    assert caught.value.code == "JRNL-005"
    assert bd.write_text is write
    bd.replay_band(folder / "tape.parquet", config, tmp_path / "run", resume=True)
    same_run(tmp_path / "run", folder / "whole")


def test_the_store_keeps_the_first_sample_of_each_interval_and_the_last():
    """Of lane 0 all rows go to the journal; of others none, but both have their points."""
    store = bd.BandStore(None, 0, 10)
    rows = np.zeros(8, SAMPLE)
    rows["ts"], rows["lane"] = [1, 4, 12, 19, 1, 9, 25, 29], [0, 0, 0, 0, 1, 1, 1, 1]
    store.add("samples", rows[[0, 1, 4, 5]])
    store.add("samples", rows[[2, 3, 6, 7]])
    assert store.rows("samples")["ts"].tolist() == [1, 4, 12, 19]
    assert [(int(row["lane"]), int(row["ts"])) for row in store.band_samples()] == [(0, 1), (0, 12), (0, 19), (1, 1), (1, 25), (1, 29)]
    plain = JournalStore(None)
    plain.add("samples", rows[:4])
    assert plain.digest.hex() == store.digest.hex()


# --- in the report -------------------------------------------------------------------------------------


def test_the_report_shows_the_band(played):
    """Summary, pages, picture and console have it; a run without a band has none and says why."""
    folder, _ = played
    found = summary(folder / "band")
    worlds = {world["world"]: world for world in found["band"]["worlds"]}
    assert worlds["estimated"]["pnl"] == found["pnl"]
    assert worlds["estimated"]["net_bps"] == pytest.approx(found["net_bps"], rel=1e-12)
    assert worlds["estimated"]["fills"] == found["fills"]
    assert worlds["estimated"]["max_drawdown"] == found["max_drawdown"]
    assert found["band"]["pnl_low"] <= found["pnl"] <= found["band"]["pnl_high"]
    files = build_report(folder / "band")
    assert files.plots["band"].is_file()
    assert "Fill band" in files.markdown.read_text()
    assert "all cancels behind us" in files.html.read_text()
    from rich.console import Console

    console = Console(width=100, record=True, file=(folder / "console").open("w"))
    console.print(console_table(found))
    console.file.close()
    assert "pessimistic" in console.export_text()
    plain = summary(folder / "plain")
    assert plain["band"] is None
    assert "--queue-band" in plain["missing"]["band"]
    assert "band" not in build_report(folder / "plain").plots


def test_a_band_without_a_common_sign_warns(played, tmp_path):
    """Where one world earns and another loses, the first warning says so; where they only did on the way, when."""
    import shutil

    folder, _ = played
    shutil.copytree(folder / "band", tmp_path / "run")
    note = json.loads((tmp_path / "run" / "band.json").read_text())
    pnl = summary(folder / "band")["pnl"]
    counts = note["worlds"][0]["counts"]
    counts["cash_units"] += round(-2 * pnl / 1e-8) - (counts["cash_units"] - note["worlds"][1]["counts"]["cash_units"])
    counts["fee_units"], counts["position_lots"] = note["worlds"][1]["counts"]["fee_units"], note["worlds"][1]["counts"]["position_lots"]
    (tmp_path / "run" / "band.json").write_text(json.dumps(note))
    reseal(tmp_path / "run")
    found = summary(tmp_path / "run")
    assert found["band"]["worlds"][0]["pnl"] == pytest.approx(-pnl)
    assert found["band"]["sign_differs"]
    assert found["warnings"][0].startswith("The sign of the PnL depends on the queue")


def test_times_of_different_signs_are_added_up():
    """A point stands for the time before it; the longest stretch is named; zeros have no sign."""
    times = np.array([10, 20, 30, 50, 60])
    equity = np.array([[1, 1, 1, 1, 1], [1, -1, 0, 1, 0], [1, 1, 1, -1, -1]])
    found = shown._in_time(0, times, equity)
    assert found == {"sign_differs_share": 40 / 60, "sign_differs_stretches": 2, "sign_differs_longest": [30, 60]}
    assert shown._in_time(0, times, equity[:1])["sign_differs_longest"] is None
    assert shown.stretches(np.array([True, False, True, True])) == [(0, 0), (2, 3)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("band.json", "{"),
        ("band.json", "{}"),
        ("band.json", '{"worlds": []}'),
        ("band.parquet", "nothing"),
    ],
)
def test_a_damaged_band_is_refused(played, tmp_path, name, text):
    """JRNL-007 with the file's name; REP-001 if its hash is right all the same."""
    import shutil

    folder, _ = played
    shutil.copytree(folder / "band", tmp_path / "run")
    (tmp_path / "run" / name).write_text(text)
    for code, again in (("JRNL-007", lambda run: run), ("REP-001", reseal)):
        with pytest.raises(MmsimError, match=name) as caught:
            summary(again(tmp_path / "run"))
        assert caught.value.code == code


def test_a_band_of_another_run_is_refused(played, tmp_path):
    """Its estimated world has other counters than the run."""
    import shutil

    folder, _ = played
    shutil.copytree(folder / "band", tmp_path / "run")
    note = json.loads((tmp_path / "run" / "band.json").read_text())
    note["worlds"][1]["counts"]["fills"] += 1
    (tmp_path / "run" / "band.json").write_text(json.dumps(note))
    reseal(tmp_path / "run")
    with pytest.raises(MmsimError, match="not the band of this run"):
        summary(tmp_path / "run")


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda out: bd.replay_band([L2, DATASETS / "synes-20240101-l2.parquet"], maker(), out), "CAL-002"),
        (lambda out: bd.replay_band(L2, maker(), out, bounds=bd.parse_bounds("front,fifo")), "CONF-003"),
        (lambda out: bd.replay_band(L2, maker(), out, bounds=bd.parse_bounds("front,power:0")), "CONF-003"),
    ],
)
def test_what_has_no_band_is_refused_and_leaves_no_folder(tmp_path, call, code):
    """Several symbols; a model that the tape or the exponent does not allow."""
    with pytest.raises(MmsimError) as caught:
        call(tmp_path / "run")
    assert caught.value.code == code
    assert list(tmp_path.iterdir()) == []


def test_streams_are_those_of_a_plain_run(played):
    """No file of the journal folder is the band's."""
    folder, _ = played
    plain, band = ({path.name for path in (folder / name / "journal").iterdir()} for name in ("plain", "band"))
    assert band == plain
