"""Who has the last word: defaults, profile, file, environment, `--set`, options; and values of single symbols."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from simcore.config import build_config, config_hash, dump_config, load_config, resolve_config, symbol_config
from simcore.config.environment import variables
from simcore.config.load import keys_of
from simcore.config.model import Config, config_keys
from simcore.config.trees import path_of, tree_of
from simcore.config.yaml_text import parse_yaml
from simcore.errors import ConfigError

SOURCES = ("file", "environment", "--set", "option")


@given(some.sets(some.sampled_from(SOURCES)))
def test_the_last_one_to_speak_wins(tmp_path_factory: pytest.TempPathFactory, given_by: set[str]) -> None:
    """Each source goes over those before it, and the origin names the winner."""
    path = tmp_path_factory.mktemp("layers") / "c.yaml"
    path.write_text("run: {seed: 1}\n" if "file" in given_by else "")
    made = resolve_config(
        path,
        ["run.seed=3"] if "--set" in given_by else [],
        {"run.seed": 4} if "option" in given_by else {},
        {"MMSIM__RUN__SEED": "2"} if "environment" in given_by else {},
    )
    last = max((SOURCES.index(source) for source in given_by), default=-1)
    assert made.config.run.seed == last + 1
    words = (f"file {path}", "environment MMSIM__RUN__SEED", "--set run.seed=3", "option", "default")
    assert made.origins["run.seed"] == words[last]


def test_every_value_has_an_origin() -> None:
    """And no key that the configuration does not have."""
    made = resolve_config(sets=["strategy.params.spread.half_spread_bps=2", "fees.tiers=[{turnover: 1}]"])
    assert list(made.origins) == [key for key, _ in keys_of(made.config)]
    assert made.origins["strategy.params.spread.half_spread_bps"].startswith("--set")
    assert made.origins["fees.tiers"].startswith("--set")
    assert {key for key, _ in config_keys()} - {*made.origins} == {"strategy.params"}


@pytest.mark.parametrize(
    ("name", "value", "key", "expected"),
    [
        ("MMSIM__VENUE__QUEUE_N", "2", "venue.queue_n", 2.0),
        ("MMSIM__venue__queue_n", "2", "venue.queue_n", 2.0),
        ("MMSIM__RUN__FROM", "2024-05-01", "run.from", 1_714_521_600_000_000_000),
        ("MMSIM__NODE__USE_AMEND", "true", "node.use_amend", True),
        ("MMSIM__VENUE__RATE_LIMITS", "[{count: 3}]", "venue.rate_limits", ({"count": 3, "window_ms": 1000.0, "penalty_ms": 0.0},)),
        ("MMSIM__STRATEGY__PARAMS__SPREAD__HALF_SPREAD_BPS", "1.5", "strategy.params.spread.half_spread_bps", 1.5),
        ("MMSIM__LATENCY__PLACE", "{ms: 3}", "latency.place.ms", 3.0),
        ("MMSIM__INSTRUMENTS__BTCUSDT__VENUE__QUEUE_N", "2", "instruments.BTCUSDT.venue.queue_n", 2.0),
    ],
)
def test_variables_are_keys(name: str, value: str, key: str, expected: object) -> None:
    """Two underscores are a dot; the value is YAML; symbols keep their capitals."""
    assert dict(keys_of(load_config(environ={name: value, "MMSIM_CACHE_DIR": "x", "HOME": "/"})))[key] == expected


@pytest.mark.parametrize(
    ("name", "value", "code", "part"),
    [
        ("MMSIM__VENUE__QUEUE_MODLE", "x", "CONF-002", "MMSIM__VENUE__QUEUE_MODLE: venue.queue_modle; did you mean venue.queue_model?"),
        ("MMSIM__VENEU__QUEUE_MODEL", "x", "CONF-002", "did you mean venue?"),
        ("MMSIM__INSTRUMENTS__BTC__VANUE__QUEUE_N", "1", "CONF-002", "did you mean venue?"),
        ("MMSIM__", "1", "CONF-007", "expected MMSIM__SECTION__KEY"),
        ("MMSIM____SEED", "1", "CONF-007", "expected MMSIM__SECTION__KEY"),
        ("MMSIM__RUN__SEED__", "1", "CONF-007", "expected MMSIM__SECTION__KEY"),
        ("MMSIM__RUN__SEED", "[1", "CONF-007", "MMSIM__RUN__SEED"),
        ("MMSIM__RUN__SEED", "x", "CONF-003", "run.seed is 'x'"),
    ],
)
def test_bad_variables_are_named(name: str, value: str, code: str, part: str) -> None:
    """By the variable's name, the key, and the nearest one."""
    with pytest.raises(ConfigError) as caught:
        load_config(environ={name: value})
    assert (caught.value.code, part in caught.value.cause) == (code, True), caught.value.cause


def test_no_variable_counts_unless_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """A replay from Python, and the check of a run, do not depend on the environment."""
    monkeypatch.setenv("MMSIM__RUN__SEED", "5")
    assert load_config().run.seed == 0


@given(some.sampled_from([key for key, _ in config_keys() if not key.startswith(("instruments", "strategy.params"))]))
def test_every_key_has_a_variable(key: str) -> None:
    """Names of keys survive the way into a variable's name and back."""
    name = "MMSIM__" + key.upper().replace(".", "__")
    try:
        (_, tree), *_ = variables({name: "1"})
    except ConfigError as exc:
        pytest.fail(exc.cause)
    assert tree == tree_of({key: 1})


# --- symbols -----------------------------------------------------------------------------------------


def own(**keys: Any) -> Config:
    return load_config(sets=["venue.queue_n=2", "strategy.params.a.b=1"], overrides={"instruments": {"BTCUSDT": keys}})


def test_a_symbol_has_values_of_its_own() -> None:
    """Over the common ones; other symbols have the common ones."""
    config = own(venue={"queue_n": 5}, strategy={"params": {"a": {"c": 2}}}, latency={"place": {"ms": 1}})
    mine, other = symbol_config(config, "BTCUSDT"), symbol_config(config, "ETHUSDT")
    assert (mine.venue.queue_n, other.venue.queue_n) == (5.0, 2.0)
    assert (mine.strategy.params, other.strategy.params) == ({"a.b": 1, "a.c": 2}, {"a.b": 1})
    assert (mine.latency.place.ms, mine.latency.cancel.ms, other.latency.place.ms) == (1.0, 10.0, 10.0)
    assert mine.instruments == {}
    assert symbol_config(load_config(), "X") == load_config()


def test_symbols_are_stored_in_one_form() -> None:
    """Writing and reading back gives the same configuration, text and hash, whatever the order and the spelling."""
    one = load_config(overrides={"instruments": {"B": {"fees": {"maker_bps": "1.0"}}, "A": {"strategy": {"params": {"x": {"y": 1}}}}}})
    two = load_config(overrides={"instruments": {"A": {"strategy": {"params": {"x.y": 1}}}, "B": {"fees": {"maker_bps": 1}}}})
    assert config_hash(one) == config_hash(two)
    again = build_config(parse_yaml(dump_config(one), "text"))
    assert (again, dump_config(again)) == (one, dump_config(one))


@pytest.mark.parametrize("symbol", ["BTCUSDT", "BTC-USDT-SWAP", "ES.c.0", "BTC/USDT:USDT"])
def test_a_symbol_may_be_any_text(symbol: str) -> None:
    """Dots, too: the section's name ends the symbol."""
    config = load_config(sets=[f"instruments.{symbol}.venue.queue_n=5", f"instruments.{symbol}.strategy.params.a.b=2"])
    assert config.instruments == {symbol: {"strategy": {"params": {"a.b": 2}}, "venue": {"queue_n": 5.0}}}
    assert path_of(f"instruments.{symbol}.strategy.params.a.b") == ["instruments", symbol, "strategy", "params", "a.b"]
    assert load_config(overrides=config.model_dump(by_alias=True)) == config


@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        ("instruments.BTC.venue.queue_modle=x", "CONF-002", "instruments.BTC.venue.queue_modle; did you mean instruments.BTC.venue.queue_model?"),
        ("instruments.BTC.run.seed=1", "CONF-002", "instruments.BTC.run"),
        ("instruments.BTC.strategy.nome=x", "CONF-002", "instruments.BTC.strategy.nome; did you mean instruments.BTC.strategy.name?"),
        ("instruments.BTC.venue.queue_n=x", "CONF-003", "instruments.BTC.venue.queue_n is 'x': expected a number"),
        ("instruments.BTC=5", "CONF-003", "expected a symbol with a mapping of keys"),
        ("instruments.BTC.latency.place.model=recorded", "CONF-003", "model recorded without a file"),
        ("instruments=5", "CONF-003", "expected a mapping of symbols"),
    ],
)
def test_what_a_symbol_may_not_have(text: str, code: str, part: str) -> None:
    """The same models check it; the cause names symbol and key."""
    with pytest.raises(ConfigError) as caught:
        load_config(sets=[text])
    assert (caught.value.code, part in caught.value.cause) == (code, True), caught.value.cause


def test_a_strategy_of_its_own_starts_without_the_common_parameters() -> None:
    made = load_config(sets=["strategy.params.a.b=1", "instruments.X.strategy.name=s", "instruments.X.strategy.params.c=2"])
    assert symbol_config(made, "X").strategy.model_dump() == {"name": "s", "params": {"c": 2}}
    assert symbol_config(made, "Y").strategy.params == {"a.b": 1}


def test_paths_of_symbols_are_anchored(tmp_path: Path) -> None:
    """As those of the whole."""
    (tmp_path / "c.yaml").write_text("instruments: {A: {venue: {queue_model: q.py}, latency: {place: {model: recorded, file: l.csv}}}}\n")
    made = symbol_config(load_config(tmp_path / "c.yaml"), "A")
    assert (made.venue.queue_model, made.latency.place.file) == (str(tmp_path / "q.py"), str(tmp_path / "l.csv"))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("venue.rate_limits=[{count: 1}, {count: 1}, {count: 1}, {count: 1}]", "expected at most 3 items"),
        ("venue.rate_limits=[{count: 0}]", "venue.rate_limits.0.count is 0: expected a number >= 1"),
        ("venue.rate_limits=[{window_ms: 5}]", "venue.rate_limits.0.count is missing"),
        ("venue.amend=perhaps", "venue.amend is 'perhaps'"),
        ("portfolio.weight_min=5", "expected weight_min <= weight_max"),
        ("portfolio={whitelist: [A], blacklist: [A, B]}", "A: expected in one of whitelist and blacklist"),
        ("links=[{follower: A, leader: A}]", "expected two symbols"),
        ("links=[{follower: A}]", "links.0.leader is missing"),
        ("node.queue_model=fifo", "node.queue_model is 'fifo'"),
        ("venue.liquidation_fee_bps=-1", "venue.liquidation_fee_bps is -1"),
        ("venue.funding_rate_bps=2000", "expected basis points from -1000 to 1000"),
    ],
)
def test_new_keys_have_limits(text: str, part: str) -> None:
    """Each refusal says which key, and what is expected."""
    with pytest.raises(ConfigError) as caught:
        load_config(sets=[text])
    assert (caught.value.code, part in caught.value.cause) == ("CONF-003", True), caught.value.cause
