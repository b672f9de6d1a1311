"""docs/pipeline.md says what the stages are: every key with its default, every reason, and a strategy that links."""

import re
import sys
from pathlib import Path

import pytest

from simcore.kernels.reasons import LABELS
from simcore.link import link
from strategies import adaptive
from tests.property.plain import STAGES, memory_of, params_of

PAGE = (Path(__file__).parents[3] / "docs" / "pipeline.md").read_text()
HEADINGS = {
    "fetch_md": "FetchMD", "spread": "Spread", "guards": "Guards", "inventory": "Inventory", "queue_aware": "QueueAware",
    "emit": "Emit",
}  # fmt: skip


def section(stage):
    return re.search(rf"^## {HEADINGS[stage]}:.*?(?=^## )", PAGE, re.MULTILINE | re.DOTALL).group()


@pytest.mark.parametrize("stage", STAGES)
def test_the_table_of_a_stage_has_its_keys_and_defaults(stage):
    keys = re.findall(r"^\| key .*?(?=\n\n)", section(stage), re.MULTILINE | re.DOTALL)
    rows = dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", keys[0], re.MULTILINE))
    expected = params_of(stage)._asdict()
    assert expected.pop("enabled") == 1.0
    assert {name: float(value) for name, value in rows.items()} == expected
    assert list(rows) == list(expected)


def test_the_stages_stand_in_the_order_of_the_page():
    assert list(adaptive.STAGES) == list(HEADINGS)
    places = [PAGE.index(section(stage)) for stage in HEADINGS]
    assert places == sorted(places)


def test_the_counters_of_the_guards_are_the_reasons_of_the_page():
    named = {name for name in re.findall(r"`(\w+)`", section("guards")) if name in LABELS.values()}
    counted = {name.split("_", 1)[1] for name in memory_of("guards")._fields if name != "state"}
    assert counted == named


def test_all_reasons_are_on_the_page_but_the_one_of_other_strategies():
    assert set(LABELS.values()) - set(re.findall(r"`(\w+)`", PAGE)) == {"cold"}


def test_the_strategy_of_the_page_links(tmp_path):
    (tmp_path / "fixed_spread.py").write_text(re.search(r"```python\n(.*?)```", PAGE, re.DOTALL).group(1))
    linked = link(str(tmp_path / "fixed_spread.py"))
    assert "spread.half_bps" in linked.param_names
    assert [stage.name for stage in linked.stages] == ["fetch_md", "spread", "guards", "inventory", "emit"]


def test_adaptive_links_with_all_that_it_sees():
    linked = link("adaptive")
    chain = sys.modules[linked.strategy.__name__.replace("strategy", "chain")]
    assert chain.STAGE_NAMES == tuple(STAGES)
    assert chain.USES_SIGNALS
    assert chain.USES_QUEUE
    assert chain.USES_DEPTH
    assert chain.USES_FEED
    assert chain.CANCELS_ON_BAD_BOOK
