"""Names that nothing defines are found in a strategy's file, without compiling it."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from simcore import names
from simcore.errors import StrategyError
from simcore.link import known_strategies, link, strategy_path

HEAD = """from typing import NamedTuple
from simcore.jit import kernel
from simcore.kernels.context import QuoteContext, with_half_spread
from simcore.kernels.stages import simple

class Own(NamedTuple):
    bps: float = 1.0

@kernel
def spread(context: QuoteContext, params: Own) -> QuoteContext:
"""
LINE = HEAD.count("\n") + 1


def faults(body: str) -> list[tuple[int, str]]:
    source = HEAD + body
    module = ModuleType("mine")
    exec(compile(source, "mine.py", "exec"), vars(module))
    return list(names.unknown_names(source, module))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("    return with_half_spraed(context, 1.0)\n", "with_half_spraed is not defined; did you mean with_half_spread?"),
        ("    return with_half_spread(context, parms.bps)\n", "parms is not defined; did you mean params?"),
        ("    return with_half_spread(context, params.bsp)\n", "params (Own) has no bsp; did you mean bps?"),
        ("    return with_half_spread(context, context.market.zzz)\n", "context.market (MarketView) has no zzz"),
    ],
)
def test_a_typo_is_named_with_its_line(body: str, text: str) -> None:
    assert faults(body) == [(LINE, text)]


@pytest.mark.parametrize(
    "body",
    [
        "    half = params.bps\n    for step in range(3):\n        half += step\n    return with_half_spread(context, half)\n",
        "    params = context\n    return with_half_spread(params, params.bps)\n",  # it is another thing by then
        "    total = sum([bps for bps in (1.0, params.bps)])\n    return with_half_spread(context, max(total, float(len(simple.__name__))))\n",
        "    return later(context)\n\ndef later(context: QuoteContext) -> QuoteContext:\n    return context\n",
    ],
)
def test_what_is_defined_is_no_fault(body: str) -> None:
    assert faults(body) == []


@pytest.mark.parametrize("name", known_strategies())
def test_the_strategies_that_come_with_mmsim_have_no_fault(name: str) -> None:
    linked = link(name)
    assert list(names.unknown_names(strategy_path(name).read_text(), linked.strategy)) == []
    names.refuse_unknown(linked)


def test_a_typo_is_refused_before_anything_is_compiled(tmp_path: Path) -> None:
    """STRAT-009 names the user's file, not the copy that is linked."""
    own = tmp_path / "mine.py"
    own.write_text(HEAD + "    return with_half_spread(context, parms.bps)\n\nSTAGES = {'spread': spread, 'quote': simple.quote_one}\n")
    text = own.read_text().replace("'quote': simple.quote_one", "'again': spread")
    own.write_text(text)
    with pytest.raises(StrategyError, match=rf"STRAT-009.*mine\.py: line {LINE}: parms is not defined; did you mean params\?"):
        names.refuse_unknown(link(str(own)))
