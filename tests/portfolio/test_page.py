"""The commands, settings and Python of docs/portfolio.md."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from simcore.config.load import load_config
from tests.blackbox.command import ROOT, mmsim
from tests.test_api import run_at

PAGE = (ROOT / "docs" / "portfolio.md").read_text(encoding="utf-8")


def test_the_settings_of_the_page_are_settings(tmp_path: Path) -> None:
    """Both YAML blocks load together; every key of the section portfolio that the page names exists."""
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 2
    (tmp_path / "pair.yaml").write_text("version: 2\n" + "".join(blocks))
    config = load_config(tmp_path / "pair.yaml")
    assert config.links[0].leader == "binance_usdm:BTCUSDT"
    assert config.instruments["binance_spot:BTCUSDT"]["strategy"]["name"] == "hedger"
    named = set(re.findall(r"`((?:score|weight|blacklist)_\w+|temperature|hysteresis|whitelist|blacklist)`", PAGE))
    assert len(named) > 8
    assert named <= set(type(config.portfolio).model_fields)


@pytest.mark.slow
def test_the_commands_and_the_python_of_the_page_run(tmp_path: Path) -> None:
    """As they stand; the pair of real captures is not at hand."""
    commands = [line for line in re.findall(r"^mmsim (.*)$", PAGE, re.MULTILINE) if "perp.parquet" not in line]
    assert len(commands) == 3
    for words in commands:
        done = mmsim(*shlex.split(words), cwd=tmp_path, PYTHONPATH=str(ROOT))
        assert done.returncode == 0, done.stderr
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "page.py").write_text(block)
    run_at(tmp_path, [sys.executable, "page.py"])
