"""The settings of docs/portfolio.md; tests/test_pages.py runs its commands."""

from __future__ import annotations

import re
from pathlib import Path

from simcore.config.load import load_config
from tests.blackbox.command import ROOT

PAGE = (ROOT / "docs" / "portfolio.md").read_text(encoding="utf-8")


def test_the_settings_of_the_page_are_settings(tmp_path: Path) -> None:
    """Both YAML blocks of the real pair load together, the file of the synthetic one is whole; every key of the section portfolio that the page names exists."""
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 3
    (tmp_path / "synthetic.yaml").write_text(blocks[2])
    assert load_config(tmp_path / "synthetic.yaml").links[0].follower == "SPOT"
    (tmp_path / "pair.yaml").write_text("version: 2\n" + "".join(blocks[:2]))
    config = load_config(tmp_path / "pair.yaml")
    assert config.links[0].leader == "binance_usdm:BTCUSDT"
    assert config.instruments["binance_spot:BTCUSDT"]["strategy"]["name"] == "hedger"
    named = set(re.findall(r"`((?:score|weight|blacklist)_\w+|temperature|hysteresis|whitelist|blacklist)`", PAGE))
    assert len(named) > 8
    assert named <= set(type(config.portfolio).model_fields)
