"""`mmsim config` and `mmsim venue` as a user meets them: what they print, what they write, and their exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from simcore.errors import CODES
from tests.blackbox.command import assert_refused, mmsim, mmsim_here, names_under

OLD = "# mine\nversion: 1\nvenue: {rate_limit_count: 10, rate_limit_window_ms: 500}\n"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old.yaml"
    path.write_text(OLD)
    return path


def test_show_prints_what_can_be_read_again(tmp_path: Path) -> None:
    """The YAML of a configuration is a configuration, of the same hash."""
    first = mmsim_here("config", "show", "--set", "run.seed=4", "--venue", "binance_spot")
    assert first.returncode == 0
    path = tmp_path / "shown.yaml"
    path.write_text(first.stdout)
    again = mmsim_here("config", "show", "--config", path)
    assert again.stdout == first.stdout
    assert first.stdout.startswith("# hash: ")


def test_show_says_where_values_come_from(tmp_path: Path) -> None:
    """Default, profile, file, environment, --set and option, in a process with its own environment."""
    path = tmp_path / "c.yaml"
    path.write_text("run: {repeat: 2}\n")
    words = ("--config", str(path), "--set", "run.checked=true", "--venue", "hyperliquid", "--latency", "3ms", "--origin")
    done = mmsim("config", "show", *words, "--json", MMSIM__RUN__SEED="7")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    origins = shown["origins"]
    assert shown["config"]["run"]["seed"] == 7
    assert origins["run.seed"] == "environment MMSIM__RUN__SEED"
    assert origins["run.repeat"] == f"file {path}"
    assert origins["run.checked"] == "--set run.checked=true"
    assert origins["fees.taker_bps"] == "profile hyperliquid"
    assert origins["latency.place.ms"] == origins["venue.name"] == "option"
    assert origins["book.window_ticks"] == "default"
    lines = mmsim("config", "show", *words, MMSIM__RUN__SEED="7").stdout.splitlines()
    assert [line.split()[:2] for line in lines if line.startswith("run.seed")] == [["run.seed", "7"]]
    assert lines[-1] == f"hash {shown['hash']}"


def test_show_of_one_symbol() -> None:
    """Its own values over the common ones, with their origins."""
    words = ("--set", "instruments.BTCUSDT.venue.queue_n=5", "--set", "venue.fill_whole=true", "--symbol", "BTCUSDT", "--origin", "--json")
    shown = json.loads(mmsim_here("config", "show", *words).stdout)
    assert (shown["config"]["venue"]["queue_n"], shown["config"]["venue"]["fill_whole"], shown["config"]["instruments"]) == (5.0, True, {})
    assert shown["origins"]["venue.queue_n"] == "--set instruments.BTCUSDT.venue.queue_n=5"
    assert shown["origins"]["venue.fill_whole"] == "--set venue.fill_whole=true"


def test_the_environment_is_refused_by_name(tape: Path, tmp_path: Path) -> None:
    """A replay, too, reads it; the variable is named, and no folder is made."""
    done = mmsim("replay", tape, "--out", tmp_path / "out", MMSIM__VENUE__QUEUE_MODLE="power")
    assert_refused(done, "CONF-002", "MMSIM__VENUE__QUEUE_MODLE", "did you mean venue.queue_model?")
    assert_refused(mmsim("config", "show", MMSIM__RUN__SEED="[1"), "CONF-007", "MMSIM__RUN__SEED")
    assert names_under(tmp_path) == []


def test_check_tells_right_from_wrong(tmp_path: Path, old: Path) -> None:
    """Exit code 2; for each wrong file its first problem; right ones on stdout."""
    texts = {"key": "veneu: {}", "value": "run: {seed: x}", "strategy": "strategy: {name: nobody}", "params": "strategy: {params: {no.such: 1}}",
             "latency": "latency: {place: {model: recorded, file: gone.csv}}", "future": "version: 9"}  # fmt: skip
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    good = tmp_path / "good.yaml"
    good.write_text("version: 2\nrun: {seed: 1}\n")
    done = mmsim_here("config", "check", *(tmp_path / f"{name}.yaml" for name in texts), good)
    codes = [line.split()[1].rstrip(":") for line in done.stderr.splitlines() if line.startswith("error ")]
    assert (done.returncode, codes) == (2, ["CONF-002", "CONF-003", "STRAT-001", "CONF-002", "CONF-001", "CONF-006"])
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [[str(good), "ok"]]
    done = mmsim_here("config", "check", good, old, "--json")
    assert done.returncode == 0
    assert {path: each["ok"] for path, each in json.loads(done.stdout).items()} == {str(good): True, str(old): True}
    assert done.stderr.startswith(f"warning: {old}: layout of version 1")


def test_check_as_json_holds_code_and_cause(tmp_path: Path) -> None:
    """One object, by file."""
    path = tmp_path / "c.yaml"
    path.write_text("run: {sed: 1}\n")
    done = mmsim_here("config", "check", path, tmp_path / "gone.yaml", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 2
    assert [found[str(tmp_path / name)]["code"] for name in ("c.yaml", "gone.yaml")] == ["CONF-002", "CONF-001"]
    assert "run.seed" in found[str(path)]["cause"]


def test_migrate_prints_or_writes(tmp_path: Path, old: Path) -> None:
    """To stdout, to another file, in place; what changed and what is lost is said."""
    done = mmsim_here("config", "migrate", old)
    assert yaml.safe_load(done.stdout) == {"version": 2, "venue": {"rate_limits": [{"count": 10, "window_ms": 500}]}}
    assert "venue.rate_limits" in done.stderr
    assert "its comments are not in the result" in done.stderr
    assert old.read_text() == OLD
    out = tmp_path / "new.yaml"
    assert mmsim_here("config", "migrate", old, "--out", out).stdout == f"{out}: version 2, 1 changes\n"
    assert mmsim_here("config", "migrate", old, "--in-place").returncode == 0
    assert old.read_text() == out.read_text() == done.stdout
    again = mmsim_here("config", "migrate", old, "--in-place", "--json")
    assert json.loads(again.stdout) == {"from": 2, "to": 2, "changes": [], "out": str(old)}
    assert names_under(tmp_path) == ["new.yaml", "old.yaml"]


def test_migrate_refuses(tmp_path: Path, old: Path) -> None:
    """Two places to write to, the future, and a place that is none; the file stays as it is."""
    assert mmsim_here("config", "migrate", old, "--out", tmp_path / "x", "--in-place").returncode == 2
    assert_refused(mmsim_here("config", "migrate", old, "--out", old / "below"), "CONF-010", str(old))
    future = tmp_path / "future.yaml"
    future.write_text("version: 3\n")
    assert_refused(mmsim_here("config", "migrate", future, "--in-place"), "CONF-006", "version is 3")
    assert old.read_text() == OLD


def test_the_schema_is_that_of_the_keys() -> None:
    """Every section, its keys and no others; symbols have what they may have."""
    from simcore.config.model import OVERRIDES, Config

    schema = json.loads(mmsim_here("config", "schema").stdout)
    assert set(schema["properties"]) == set(Config.model_fields)
    assert schema["additionalProperties"] is False
    assert set(schema["$defs"]["RunConfig"]["properties"]) >= {"from", "to", "seed"}
    assert set(schema["properties"]["instruments"]["additionalProperties"]["properties"]) == set(OVERRIDES)


def test_venues_are_listed_and_shown() -> None:
    """As text and as one JSON object; what is not confirmed says so."""
    listed = json.loads(mmsim_here("venue", "list", "--json").stdout)
    assert {line.split()[0] for line in mmsim_here("venue", "list").stdout.splitlines()} == set(listed)
    for name in listed:
        shown = json.loads(mmsim_here("venue", "show", name, "--json").stdout)
        assert (shown["name"], shown["kind"]) == (name, listed[name]["kind"])
        text = mmsim_here("venue", "show", name).stdout
        for key, stated in {**shown["values"], **shown["facts"]}.items():
            assert f"  {key}: " in text
            assert f"{stated['source']}, {stated['date']}" in text
    assert "unconfirmed" in mmsim_here("venue", "show", "binance_spot").stdout


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("venue", "show", "binance"), "did you mean binance_coinm or binance_spot or binance_usdm?"),
        (("venue", "show", "byibt_linear"), "did you mean bybit_linear?"),
        (("config", "show", "--venue", "okx"), "did you mean okx_swap?"),
        (("warmup", "--venue", "nyse"), "known: binance_coinm"),
    ],
)
def test_unknown_venues_name_the_nearest(words: tuple[str, ...], part: str) -> None:
    """CONF-008, wherever a venue is named."""
    assert_refused(mmsim_here(*words), "CONF-008", part)
    assert CODES["CONF-008"][1] == "`mmsim venue list` lists them"


@pytest.mark.parametrize(("name", "kind"), [("binance_coinm", "inverse"), ("binance_spot", "spot")])
def test_a_profile_of_other_contracts_is_refused(name: str, kind: str, tape: Path, tmp_path: Path) -> None:
    """Its limits would be in other money: the tape's contracts are linear."""
    done = mmsim_here("replay", tape, "--venue", name, "--out", tmp_path / "out", "--json")
    assert_refused(done, "CONF-003", f"{name} is of {kind} contracts", "is linear")
    assert names_under(tmp_path) == []


def test_a_replay_stores_the_profile(tape: Path, tmp_path: Path) -> None:
    """The run folder holds the values, and the configuration of the folder is that of `config show`."""
    out = tmp_path / "out"
    words = ("--venue", "bybit_linear", "--set", "fees.maker_bps=0")
    assert_refused(mmsim_here("replay", tape, "--venue", "bybit", "--out", out), "CONF-008", "bybit_linear")
    done = mmsim("replay", tape, *words, "--out", out, "--json", NUMBA_DISABLE_JIT="1")
    assert done.returncode == 0, done.stderr
    stored = yaml.safe_load((out / "config.yaml").read_text())
    assert (stored["venue"]["name"], stored["venue"]["max_trigger_orders"], stored["fees"]) == ("bybit_linear", 10, {
        "maker_bps": 0, "taker_bps": 5.5, "per_contract": 0, "initial_turnover": 0, "tiers": []
    })  # fmt: skip
    shown = json.loads(mmsim_here("config", "show", *words, "--json").stdout)
    assert json.loads((out / "run.json").read_text())["config_hash"] == shown["hash"]
