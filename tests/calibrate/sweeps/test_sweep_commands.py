"""`mmsim sweep`, `mmsim dataset build` and `mmsim replay --queue-band` as a user meets them."""

from __future__ import annotations

import json

import pytest

from tests.blackbox.command import SAMPLE, assert_refused, mmsim_here

OTHER = SAMPLE.with_name("synes-20240101-l2.parquet")
HALF_HOUR = ("--strategy", "demo_maker", "--to", "2024-01-01T00:30:00Z")


def test_a_latency_sweep_prints_a_table_and_its_verdict(tmp_path):
    """One line a point; break-even or that there is none; the folder."""
    out = tmp_path / "sweep"
    done = mmsim_here("sweep", "latency", SAMPLE, *HALF_HOUR, "--ms", "0,10,100", "--repetitions", "200", "--out", out)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines if line.strip()[:3].strip() in ("0", "10", "100")] == ["0", "10", "100"]
    assert any("Break-even" in line or "at every point" in line for line in lines)
    note = next(i for i, line in enumerate(lines) if line.startswith("Intervals at 95 %"))
    assert max(len(line.rstrip()) for line in lines[:note]) <= 80
    assert lines[-1] == f"folder: {out}"
    assert "Synthetic tape" in done.stderr
    assert (out / "sweep.csv").is_file()


def test_json_is_one_object_with_all_points(tmp_path):
    """What sweep.json holds, and where it is."""
    out = tmp_path / "sweep"
    done = mmsim_here("sweep", "fees", SAMPLE, *HALF_HOUR, "--maker-bps", "-1,0,1.5", "--taker-bps", "4", "--repetitions", "200", "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told.pop("folder") == str(out)
    assert told == json.loads((out / "sweep.json").read_text())
    assert [point["values"] for point in told["points"]] == [{"maker_bps": rate, "taker_bps": 4.0} for rate in (-1.0, 0.0, 1.5)]
    assert all(point["net"]["low"] <= point["net"]["high"] for point in told["points"])


def test_the_seed_of_the_draws_is_not_that_of_the_runs(tmp_path):
    """Another --seed moves the intervals, and no profit."""
    told = []
    for seed in ("1", "2"):
        done = mmsim_here("sweep", "latency", SAMPLE, *HALF_HOUR, "--ms", "5", "--seed", seed, "--repetitions", "200", "--out", tmp_path / seed, "--json")
        told.append(json.loads(done.stdout)["points"][0]["net"])
    assert told[0]["estimate"] == told[1]["estimate"]
    assert told[0]["low"] != told[1]["low"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("latency", SAMPLE, "--ms", "5,5"), "CAL-003"),
        (("latency", SAMPLE, "--ms", "-5"), "CONF-003"),
        (("latency", SAMPLE, OTHER), "CAL-002"),
        (("latency", "no-such-tape.parquet"), "TAPE-001"),
        (("latency", SAMPLE, "--to", "2023-01-01"), "CONF-003"),
        (("latency", SAMPLE, "--interval", "1e9"), "CONF-003"),
        (("fees", SAMPLE), "CAL-003"),
        (("fees", SAMPLE, "--tiers", "nowhere"), "CONF-008"),
        (("fees", SAMPLE, "--maker-bps", "1,2", "--taker-bps", "1,2,3"), "CAL-003"),
        (("fees", SAMPLE, "--maker-bps", "100000", "--taker-bps", "1"), "CONF-003"),
    ],
)
def test_what_a_sweep_refuses(tmp_path, arguments, code):
    """A code, a cause, a remedy; nothing on stdout, no folder left."""
    out = tmp_path / "sweep"
    assert_refused(mmsim_here("sweep", *arguments, "--out", out), code)
    assert not out.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("sweep", "latency", SAMPLE, "--ms", "a,b"),
        ("sweep", "latency", SAMPLE, "--ms", "nan"),
        ("sweep", "fees", SAMPLE, "--maker-bps", "1"),
        ("sweep", "fees", SAMPLE, "--maker-bps", "1", "--taker-bps", "2", "--tiers", "hyperliquid"),
        ("replay", SAMPLE, "--band-models", "front,risk_averse"),
    ],
)
def test_options_that_make_no_sense_are_usage_errors(arguments):
    """click's message, exit code 2."""
    done = mmsim_here(*arguments)
    assert done.returncode == 2
    assert "Usage:" in done.stderr
    assert done.stdout == ""


def test_a_folder_in_use_is_left_alone(tmp_path):
    """CAL-004, before anything is written."""
    (tmp_path / "note").write_text("mine")
    assert_refused(mmsim_here("sweep", "latency", SAMPLE, *HALF_HOUR, "--ms", "1", "--repetitions", "100", "--out", tmp_path), "CAL-004")
    assert_refused(mmsim_here("sweep", "fees", tmp_path / "none.parquet", "--out", tmp_path), "CAL-004")  # before the tape is looked at
    assert [path.name for path in tmp_path.iterdir()] == ["note"]


def test_a_band_is_printed_and_in_the_json(tmp_path):
    """The table has the three worlds; --json has the summary's band, and only with --queue-band."""
    shown = mmsim_here("replay", SAMPLE, *HALF_HOUR, "--queue-band", "--out", tmp_path / "a")
    assert shown.returncode == 0, shown.stderr
    assert [word for word in ("optimistic", "estimated", "pessimistic") if word in shown.stdout] == ["optimistic", "estimated", "pessimistic"]
    told = json.loads(mmsim_here("replay", SAMPLE, *HALF_HOUR, "--queue-band", "--band-models", "front,power:2", "--out", tmp_path / "b", "--json").stdout)
    assert [world["queue_model"] for world in told["band"]["worlds"]] == ["front", "power", "power"]
    plain = json.loads(mmsim_here("replay", SAMPLE, *HALF_HOUR, "--out", tmp_path / "c", "--json").stdout)
    assert "band" not in plain
    assert plain["digest"] == told["digest"]
    verified = mmsim_here("verify", tmp_path / "b")
    assert verified.returncode == 0, verified.stdout
    rebuilt = mmsim_here("report", tmp_path / "b", "--json")
    assert json.loads(rebuilt.stdout)["band"] == told["band"]


def test_a_band_of_several_symbols_is_refused(tmp_path):
    """CAL-002 names them; no folder is left."""
    out = tmp_path / "run"
    assert_refused(mmsim_here("replay", SAMPLE, OTHER, "--queue-band", "--out", out), "CAL-002", "SYNES")
    assert_refused(mmsim_here("replay", SAMPLE, "--queue-band", "--band-models", "best,worst", "--out", out), "CAL-005", "best")
    assert not out.exists()


def test_feeds_become_a_data_set(tmp_path):
    """Counts as tables or JSON; a day without feeds is said; a run without traces has no interval."""
    run = tmp_path / "run"
    assert mmsim_here("replay", SAMPLE, *HALF_HOUR, "--set", "node.trace_every=10", "--out", run).returncode == 0
    done = mmsim_here("dataset", "build", run, "--to", "2024-01-03", "--out", tmp_path / "set")
    assert done.returncode == 0, done.stderr
    assert "in the data set" in done.stdout
    assert "lack a feed" in done.stderr
    told = json.loads(mmsim_here("dataset", "build", run, "--interval", "600", "--out", tmp_path / "json", "--json").stdout)
    assert told["rows"] + sum(told["dropped"].values()) == 3
    assert told["interval_s"] == 600
    assert_refused(mmsim_here("dataset", "build", run, "--min-ticks", "100000", "--out", tmp_path / "none"), "CAL-009", "few_ticks")
    assert_refused(mmsim_here("dataset", "build", tmp_path / "json", "--out", tmp_path / "none"), "CAL-006")
    assert_refused(mmsim_here("dataset", "build", run, "--from", "2024-01-01T06:00", "--out", tmp_path / "none"), "CAL-008")
    assert not (tmp_path / "none").exists()
