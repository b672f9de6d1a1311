"""Venue profiles: every file is right, every value has a source, and a profile stands under everything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from simcore.config import dump_config, load, load_config, resolve_config, symbol_config
from simcore.config.load import keys_of
from simcore.config.venue import Profile, Stated, profile, profile_names, read_profile
from simcore.config.venue_page import venues_page
from simcore.errors import ConfigError

ROOT = Path(__file__).parent.parent.parent

WHOLE = """title: Some exchange
kind: linear
values:
  venue.max_open_orders: {value: 5, source: "https://example.com/rules", date: 2024-05-01}
  fees.maker_bps: {value: -1, source: unconfirmed, date: 2024-05-01, note: its page needs an account}
facts:
  hours: {value: all, source: "https://example.com/rules", date: 2024-05-01}
"""


def test_a_file_is_a_profile(tmp_path: Path) -> None:
    """Values become configuration keys, facts do not."""
    path = tmp_path / "some.yaml"
    path.write_text(WHOLE)
    made = read_profile(path)
    assert (made.name, made.title, made.kind) == ("some", "Some exchange", "linear")
    assert made.tree() == {"venue": {"max_open_orders": 5}, "fees": {"maker_bps": -1}}
    assert made.values["fees.maker_bps"].note == "its page needs an account"
    assert made.facts["hours"].value == "all"


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("title: Some exchange\n", "", "expected facts, kind, title, values"),
        ("kind: linear", "kind: future", "kind is 'future'"),
        ("venue.max_open_orders", "venue.max_open_ordres", "did you mean venue.max_open_orders?"),
        ("value: 5", "value: 500", "venue.max_open_orders is 500"),
        ("fees.maker_bps", "run.seed", "expected keys of venue and fees"),
        ("fees.maker_bps", "venue.name", "expected keys of venue and fees"),
        (", note: its page needs an account", "", "source is 'unconfirmed'"),
        ("https://example.com/rules", "a friend", "source is 'a friend'"),
        ("date: 2024-05-01}", "date: May}", "date is 'May'"),
        (", date: 2024-05-01}", "}", "expected value, source and date"),
        ("hours: {", "hours: {when: now, ", "expected value, source and date"),
    ],
)
def test_a_damaged_file_is_refused(old: str, new: str, part: str, tmp_path: Path) -> None:
    """CONF-009 names the file and what is wrong."""
    path = tmp_path / "some.yaml"
    path.write_text(WHOLE.replace(old, new, 1))
    with pytest.raises(ConfigError, match=r"some\.yaml") as caught:
        read_profile(path)
    assert (caught.value.code, part in caught.value.cause) == ("CONF-009", True), caught.value.cause


@pytest.mark.parametrize("name", ["nasdaqq", "", "../venues/x", "BINANCE-USDM"])
def test_unknown_profiles_are_refused(name: str) -> None:
    """CONF-008, whoever names them."""
    for options in ({"sets": [f"venue.name='{name}'"]}, {"overrides": {"venue.name": name}}, {"environ": {"MMSIM__VENUE__NAME": f"'{name}'"}}):
        with pytest.raises(ConfigError) as caught:
            load_config(**options)  # type: ignore[arg-type]
        assert caught.value.code == "CONF-008"


# --- the profiles that there are ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", profile_names())
def test_every_profile_is_right(name: str) -> None:
    """Each loads, states the rules that matter, and is the configuration that it says."""
    made = profile(name)
    assert {"fees.maker_bps", "fees.taker_bps", "venue.rate_limits", "venue.amend", "venue.amend_keeps_place", "venue.self_trade"} <= {*made.values}
    assert "funding" in made.facts
    assert "venue.funding_interval_h" not in made.values  # it would silence the tape's funding
    config = load_config(overrides={"venue.name": name})
    stated = dict(keys_of(config))
    assert {key: stated[key] for key in made.values if not isinstance(stated[key], tuple)} == {
        key: each.value for key, each in made.values.items() if not isinstance(each.value, list)
    }


def test_the_profiles_are_those_of_the_plan() -> None:
    """Seven venues; spot has no margin."""
    assert profile_names() == ["binance_coinm", "binance_spot", "binance_usdm", "bybit_linear", "cme", "hyperliquid", "okx_swap"]
    assert {profile(name).kind for name in profile_names()} == {"inverse", "linear", "spot"}
    assert "venue.maintenance_bps" not in profile("binance_spot").values


def test_profiles_are_packaged() -> None:
    """What is installed holds the data files."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "**/*.yaml" in project["tool"]["setuptools"]["package-data"]["simcore"]


def test_the_page_is_generated() -> None:
    """docs/venues.md is what the profiles say."""
    assert (ROOT / "docs" / "venues.md").read_text(encoding="utf-8") == venues_page()


def test_a_profile_stands_under_everything(tmp_path: Path) -> None:
    """Over the defaults, under file, environment, `--set` and options; every field can be overridden."""
    path = tmp_path / "c.yaml"
    path.write_text("venue: {min_notional: 7}\n")
    made = resolve_config(path, ["fees.maker_bps=0"], {"venue.name": "binance_usdm"}, {"MMSIM__VENUE__LEVERAGE": "3"})
    config = made.config
    assert (config.venue.min_notional, config.venue.leverage, config.fees.maker_bps) == (7, 3, 0)
    assert (config.fees.taker_bps, config.venue.max_open_orders, config.venue.amend_keeps_place) == (5, 200, False)
    assert made.origins["fees.taker_bps"] == "profile binance_usdm"
    assert made.origins["fees.maker_bps"] == "--set fees.maker_bps=0"
    assert made.origins["venue.queue_model"] == "default"


@pytest.mark.parametrize("where", ["file", "environment", "set", "override"])
def test_any_source_may_name_the_profile(where: str, tmp_path: Path) -> None:
    """The last one that names a profile decides; values of another do not stay."""
    path = tmp_path / "c.yaml"
    path.write_text("venue: {name: hyperliquid}\n")
    name = {"file": "hyperliquid"}.get(where, "cme")
    config = load_config(
        path,
        ["venue.name=cme"] if where == "set" else [],
        {"venue.name": "cme"} if where == "override" else {},
        {"MMSIM__VENUE__NAME": "cme"} if where == "environment" else {},
    )
    assert config.venue.name == name
    assert len(config.fees.tiers) == (6 if where == "file" else 0)
    assert config.venue.amend_keeps_place == (where != "file")


def test_a_symbol_may_have_its_own_profile() -> None:
    """With its own values over it; the whole stays as it is."""
    config = load_config(sets=["instruments.BTC.venue.name=okx_swap", "instruments.BTC.fees.maker_bps=1"])
    own = symbol_config(config, "BTC")
    assert (own.venue.name, own.fees.maker_bps, own.fees.taker_bps, own.venue.self_trade) == ("okx_swap", 1, 5, "cancel_resting")
    assert (config.venue.name, config.fees.taker_bps) == (None, None)


@pytest.mark.parametrize("name", profile_names())
def test_a_stored_configuration_needs_no_profile(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A run's config.yaml holds every value: a profile that changes later changes nothing."""
    config = load_config(sets=[f"venue.name={name}", f"instruments.X.venue.name={name}"])
    (tmp_path / "config.yaml").write_text(dump_config(config))
    monkeypatch.setattr(load, "profile", lambda _: Profile(name, "", "linear", {"venue.queue_n": Stated(9, "", "")}, {}))
    assert load_config(tmp_path / "config.yaml") == config
