"""Configuration: what is read, what is refused and how, and that writing it back loses nothing."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from simcore.config import build_config, config_hash, dump_config, load_config, parse_latency
from simcore.config.model import QUEUE_MODELS, TIERS_MAX, config_keys
from simcore.config.reference import config_reference
from simcore.errors import ConfigError
from simcore.kernels import queue
from simcore.kernels import state as st

ROOT = Path(__file__).parent.parent.parent


def refusal(*sets: str, **overrides: object) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_config(sets=sets, overrides=overrides)
    return caught.value


def test_defaults_are_those_of_the_reference() -> None:
    """An empty configuration has the documented defaults."""
    config = load_config()
    assert config.strategy.name == "adaptive"
    assert config.venue.queue_model == "power"
    assert config.latency.response.ms == 10.0
    assert config.run.from_ts is None


def test_docs_are_generated() -> None:
    """docs/config.md is what the models say."""
    assert (ROOT / "docs" / "config.md").read_text(encoding="utf-8") == config_reference()


def test_every_key_has_a_description() -> None:
    """No key is undocumented."""
    assert [key for key, field in config_keys() if not field.description] == []


def test_queue_models_are_those_of_the_kernels() -> None:
    """The list that is written twice is the same."""
    assert queue.NAMES[: queue.CUSTOM] == QUEUE_MODELS


def test_tiers_fit_the_kernels() -> None:
    """The kernels hold the base fees and all tiers."""
    assert TIERS_MAX + 1 == st.MAX_TIERS


def test_later_sources_win(tmp_path: Path) -> None:
    """YAML over defaults, --set over YAML, overrides over --set."""
    path = tmp_path / "c.yaml"
    path.write_text("run: {seed: 1, repeat: 2, checkpoint_s: 3}\n")
    config = load_config(path, ["run.seed=5", "run.repeat=6"], {"run.seed": 7})
    assert (config.run.seed, config.run.repeat, config.run.checkpoint_s) == (7, 6, 3.0)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("venue.queue_modle=power", "did you mean venue.queue_model?"),
        ("queue_model=power", "did you mean node.queue_model or venue.queue_model?"),
        ("vanue.queue_model=power", "did you mean venue?"),
        ("latency.place.sigmma=1", "did you mean latency.place.sigma?"),
        ("fees.tiers=[{turnover: 1, makr_bps: 1}]", "did you mean fees.tiers.0.maker_bps?"),
        ("zzz=1", "known here: version, strategy"),
    ],
)
def test_unknown_keys_name_the_nearest(text: str, part: str) -> None:
    """CONF-002 says where the key is, and what was probably meant."""
    error = refusal(text)
    assert error.code == "CONF-002"
    assert part in error.cause


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("run.seed=x", "run.seed is 'x': expected an integer"),
        ("run.seed=-1", "run.seed is -1: expected a number >= 0"),
        ("run.seed=true", "run.seed is True: expected an integer"),
        ("run.seed=1.5", "expected an integer"),
        ("run.seed=9223372036854775808", "expected a number <= 9223372036854775807"),
        ("run.checked=yes", "expected true or false"),
        ("venue=3", "venue is 3: expected a mapping of keys"),
        ("venue.queue_model=pwoer", "expected one of risk_averse, power"),
        ("venue.self_trade=refus", "did you mean refuse?"),
        ("venue.max_open_orders=257", "expected a number <= 256"),
        ("venue.leverage=1.5", "expected an integer"),
        ("venue.balance=.nan", "not a finite number"),
        ("venue.balance=-1", "venue.balance is -1"),
        ("venue.queue_n=.inf", "expected a finite number"),
        ("node.tick_interval_ms=0", "expected a number >= 1e-06"),
        ("fees.maker_bps=0.00001", "in steps of 0.0001"),
        ("fees.tiers=[{turnover: 5}, {turnover: 5}]", "expected tiers of increasing turnover"),
        ("fees.tiers=5", "fees.tiers is 5: expected a list"),
        ("fees.tiers=[{maker_bps: 1}]", "fees.tiers.0.turnover is missing"),
        ("latency.place.model=recorded", "model recorded without a file"),
        ("latency.place.file=x.csv", "model constant with a file"),
        ("book.window_ticks=1000", "expected a power of two"),
        ("run.from=yesterday", "expected an ISO 8601 time"),
        ("run.from=2024-13-01", "run.from is '2024-13-01'"),
        ("version=true", "version is True: expected a whole number"),
        ("strategy.params=3", "expected a mapping of parameter names"),
        ("strategy.params.a=text", "a is 'text'; expected a finite number"),
        ("strategy.params.a=.nan", "expected a finite number"),
    ],
)
def test_bad_values_name_path_value_and_expectation(text: str, part: str) -> None:
    """CONF-003 says what was found where, and what is expected."""
    error = refusal(text)
    assert (error.code, part in error.cause) == ("CONF-003", True), error.cause


def test_from_must_be_before_to() -> None:
    """A run that ends before it starts is refused."""
    assert "before" in refusal("run.from=2024-05-02", "run.to=2024-05-01").cause


@pytest.mark.parametrize("text", ["foo", "=1", "run..seed=1", "run.seed=[1"])
def test_bad_sets_are_refused(text: str) -> None:
    """CONF-005 for what is no key=value."""
    assert refusal(text).code == "CONF-005"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("run:\n  seed: [1", "line 2"),
        ("run:\n  seed: 1\n  seed: 2\n", "line 3, column 3: key 'seed' stands twice"),
        ("- 1\n", "expected a mapping of keys"),
        ("a: !!python/object:os.system {}\n", "line 1"),
        ("1: 2\n", "key 1, expected text"),
        ("a: \x07\n", "c.yaml"),
    ],
)
def test_bad_yaml_names_the_line(text: str, part: str, tmp_path: Path) -> None:
    """CONF-004 says where."""
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=part) as caught:
        load_config(path)
    assert caught.value.code == "CONF-004"


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    """CONF-001: not there, a folder, not text."""
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "none.yaml", tmp_path, tmp_path / "binary.yaml"):
        with pytest.raises(ConfigError) as caught:
            load_config(path)
        assert caught.value.code == "CONF-001"


def test_the_configuration_cannot_be_changed() -> None:
    """Models are frozen."""
    with pytest.raises(ValueError, match="frozen"):
        load_config().run.seed = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "ts_ns"),
    [
        ("2024-05-01", 1_714_521_600_000_000_000),
        ("2024-05-01T00:00:00Z", 1_714_521_600_000_000_000),
        ("2024-05-01 00:00", 1_714_521_600_000_000_000),
        ("2024-05-01T02:00:00.123456789+02:00", 1_714_521_600_123_456_789),
        ("2024-04-30T22:30:00-01:30", 1_714_521_600_000_000_000),
        ("1714521600123456789", 1_714_521_600_123_456_789),
    ],
)
def test_times_are_exact_to_the_nanosecond(text: str, ts_ns: int) -> None:
    """ISO 8601 with any zone, or nanoseconds."""
    assert load_config(sets=[f"run.from={text}"]).run.from_ts == ts_ns


def test_parameters_nest_or_are_dotted() -> None:
    """Both spellings are one parameter; later sources win."""
    nested = load_config(overrides={"strategy": {"params": {"spread": {"half_bps": 1, "on": True}}}})
    assert nested.strategy.params == {"spread.half_bps": 1, "spread.on": True}
    later = load_config(sets=["strategy.params={spread: {half_bps: 1, x: 2}}", "strategy.params.spread.half_bps=3"])
    assert later.strategy.params == {"spread.half_bps": 3, "spread.x": 2}


def test_paths_in_yaml_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a folder of configurations can be moved; the written configuration works from anywhere."""
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "c.yaml").write_text("strategy: {name: mine.py}\nlatency: {place: {model: recorded, file: l.csv}}\n")
    monkeypatch.chdir(tmp_path)
    config = load_config("a/c.yaml", ["venue.queue_model=q.py"])
    assert config.strategy.name == str(folder / "mine.py")
    assert config.latency.place.file == str(folder / "l.csv")
    assert config.venue.queue_model == str(tmp_path / "q.py")


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("10ms", "cancel", {"model": "constant", "ms": 10.0}),
        ("250us", "place", {"model": "constant", "ms": 0.25}),
        ("1ns", "place", {"model": "constant", "ms": 0.000001}),
        ("place=1s,response=lognormal:5ms:0.4", "place", {"model": "constant", "ms": 1000.0}),
        ("place=1s,response=lognormal:5ms:0.4", "response", {"model": "lognormal", "ms": 5.0, "sigma": 0.4}),
        ("feed:1.5", "amend", {"model": "feed", "scale": 1.5, "ms": 0.0}),
        ("feed:1.5:2ms", "amend", {"model": "feed", "scale": 1.5, "ms": 2.0}),
        ("recorded:/x/a,b.csv", "amend", {"model": "recorded", "file": "/x/a,b.csv"}),
    ],
)
def test_latency_texts(text: str, kind: str, expected: dict[str, object]) -> None:
    """--latency stands for configuration keys."""
    model = getattr(load_config(overrides=parse_latency(text)).latency, kind)
    assert {name: getattr(model, name) for name in expected} == expected


def test_a_latency_text_leaves_other_kinds_alone() -> None:
    """Only the kinds that are named change."""
    assert {key.split(".")[1] for key in parse_latency("place=1ms,cancel=2ms")} == {"place", "cancel"}


@pytest.mark.parametrize("text", ["10", "", "lognormal:10ms", "plac=10ms", "feed:x", "place=1ms,cancl=2ms", "-5ms", "recorded:"])
def test_bad_latency_texts_are_refused(text: str) -> None:
    """CONF-003 shows the forms."""
    with pytest.raises(ConfigError) as caught:
        parse_latency(text)
    assert caught.value.code == "CONF-003"


@given(
    some.integers(0, 2**63 - 1),
    some.floats(1e-6, 1e6),
    some.decimals(0, 10**9, places=8),
    some.decimals(-1000, 1000, places=4),
    some.dictionaries(some.from_regex(r"\A[a-z]+(\.[a-z]+)?\Z"), some.floats(allow_nan=False, allow_infinity=False) | some.booleans()),
    some.lists(some.integers(0, 10**12), unique=True, max_size=TIERS_MAX),
)
def test_writing_and_reading_back_loses_nothing(
    seed: int, ms: float, amount: Decimal, bps: Decimal, params: dict[str, float | bool], marks: list[int]
) -> None:
    """dump_config is canonical: equal configurations, equal text, equal hash."""
    from simcore.config.yaml_text import parse_yaml

    config = build_config({
        "strategy": {"params": params},
        "node": {"tick_interval_ms": ms},
        "venue": {"balance": amount},
        "fees": {"maker_bps": bps, "tiers": [{"turnover": mark, "taker_bps": bps} for mark in sorted(marks)]},
        "run": {"seed": seed, "from": seed // 2, "to": seed // 2 + 1},
    })
    text = dump_config(config)
    again = build_config(parse_yaml(text, "text"))
    assert again == config
    assert dump_config(again) == text
    assert config_hash(again) == config_hash(config)


def test_the_hash_sees_every_key() -> None:
    """Two configurations that differ have different hashes."""
    assert config_hash(load_config()) != config_hash(load_config(sets=["run.seed=1"]))


def test_numbers_of_money_are_exact() -> None:
    """0.1 is a tenth."""
    assert load_config(sets=["venue.min_notional=0.1"]).venue.min_notional == Decimal("0.1")


def test_parameters_named_in_the_docs_exist() -> None:
    """Each is of the strategy that its command names, else of the default one; a page's own file has its own."""
    from simcore.link import link

    named: set[tuple[str, str]] = set()
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for line in page.read_text(encoding="utf-8").splitlines():
            strategy = re.search(r"--strategy (\S+)", line)
            names = re.findall(r"strategy\.params\.([a-z_]+\.[a-z_]+)=", line)
            named |= {(strategy[1] if strategy else "adaptive", name) for name in names}
    known = {strategy: link(strategy).param_names for strategy in {each for each, _ in named} if not strategy.endswith(".py")}
    assert ("demo_maker", "spread.half_spread_bps") in named
    assert [(strategy, name) for strategy, name in sorted(named) if strategy in known and name not in known[strategy]] == []


def test_a_dotted_key_of_set_that_names_no_section_is_the_strategys_parameter():
    """As in grid files and params=: spread.base_bps is strategy.params.spread.base_bps."""
    assert load_config(None, ["spread.base_bps=2"]).strategy.params == {"spread.base_bps": 2}
    assert load_config(None, ["node.trace_every=5"]).node.trace_every == 5


def test_a_key_that_is_no_section_and_no_parameter_names_what_may_have_been_meant():
    from simcore.link import link
    from simcore.params import strategy_params

    linked = link("adaptive")
    for text, meant in {"spred.base_bps": "strategy.params.spread.base_bps", "nod.trace_every": "node.trace_every", "x.base_bps": "strategy.params.spread.base_bps"}.items():
        params = load_config(None, [f"{text}=2"]).strategy.params
        with pytest.raises(ConfigError, match=f"adaptive has no such parameter; did you mean {meant}"):
            strategy_params(params, linked)
