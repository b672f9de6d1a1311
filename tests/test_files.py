"""Names of instruments in names of files."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simcore.files import instrument_name, symbol_name

WORDS = st.text(st.sampled_from("aAbB0-_./\\: ~\0é"), max_size=5) | st.sampled_from(["synth", "SYNTH", "Synth"])


def test_usual_names_are_themselves() -> None:
    assert instrument_name("binance_usdm", "BTCUSDT") == "binance_usdm-btcusdt"
    assert instrument_name("SYNTH", "SYNBTC-PERP") == "synth-synbtc-perp"
    assert symbol_name("BTCUSD_PERP") == "btcusd_perp"


@given(st.tuples(WORDS, WORDS), st.tuples(WORDS, WORDS))
def test_different_instruments_have_different_names(one: tuple[str, str], other: tuple[str, str]) -> None:
    """Also on disks that see no difference between small letters and capitals; no name leaves its folder or is hidden."""
    names = [instrument_name(*each) for each in (one, other)]
    assert (names[0].casefold() == names[1].casefold()) == (one == other)
    assert (symbol_name(one[1]).casefold() == symbol_name(other[1]).casefold()) == (one[1] == other[1])
    for name in (*names, symbol_name(one[1])):
        assert not set(name) & set("/\\:\0 ")
        assert name[0] != "."
        assert len(name) <= 100
