"""Base and quote from a symbol's letters."""

from __future__ import annotations

import pytest

from simcore.tape.instruments import currencies, split_symbol


@pytest.mark.parametrize(
    ("symbol", "pair"),
    [
        ("BTCTUSD", ("BTC", "TUSD")), ("BTCUSDE", ("BTC", "USDE")), ("BTCFDUSD", ("BTC", "FDUSD")), ("ETHUSDC", ("ETH", "USDC")),
        ("BTCTRY", ("BTC", "TRY")), ("BTCJPY", ("BTC", "JPY")), ("USDTBRL", ("USDT", "BRL")), ("BTCEUR", ("BTC", "EUR")),
        ("ETHDAI", ("ETH", "DAI")), ("HOTBTC", ("HOT", "BTC")), ("WBTCBTC", ("WBTC", "BTC")), ("BNBETH", ("BNB", "ETH")),
        ("CAKEBNB", ("CAKE", "BNB")), ("BTCBUSD", ("BTC", "BUSD")), ("BTCUSD_PERP", ("BTC", "USD")), ("ETHUSDT_260626", ("ETH", "USDT")),
        ("DOTUSD", ("DOT", "USD")), ("BTCIDRT", ("BTC", "IDRT")), ("BTCBIDR", ("BTC", "BIDR")), ("1000PEPEUSDT", ("1000PEPE", "USDT")),
        ("BTC-USD", ("BTC", "USD")), ("btc/usd", ("BTC", "USD")), ("BTCUSD1", ("BTC", "USD1")), ("EURUSDT", ("EUR", "USDT")),
    ],
)  # fmt: skip
def test_base_and_quote_are_read_by_the_longest_quote_and_known_bases(symbol: str, pair: tuple[str, str]) -> None:
    assert currencies(symbol) == pair
    assert len(split_symbol(symbol)) == 1


def test_a_symbol_of_several_readings_gives_all_longest_quote_first() -> None:
    assert split_symbol("USDTTUSD") == [("USDT", "TUSD")]
    assert split_symbol("QQTUSD") == [("QQ", "TUSD"), ("QQT", "USD")]


@pytest.mark.parametrize("symbol", ["ESH4", "AMZN", "USDT", "", "-", "A-B-C", "BTC-", "[/x]"])
def test_a_symbol_that_tells_nothing_has_no_reading(symbol: str) -> None:
    assert split_symbol(symbol) == []
    assert currencies(symbol) == ("", "")
