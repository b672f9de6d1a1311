"""Venue profiles: every file is right, every value has a source, and a profile stands under everything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from simcore.config import load_config
from simcore.config.venue import read_profile
from simcore.errors import ConfigError

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
