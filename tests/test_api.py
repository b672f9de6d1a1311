"""The public names of the package: complete, sorted, loaded when used; and the examples of docs/python.md."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import simcore
from simcore.config import Config
from simcore.errors import ConfigError

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "datasets" / "synbtc-perp-20240101-l2.parquet"
END = "2024-01-01T00:10:00Z"


def test_all_is_sorted_and_complete() -> None:
    """`__all__` holds each public name once, in order, and nothing that is not there."""
    assert simcore.__all__ == sorted(set(simcore.__all__))
    assert set(simcore.__all__) == set(simcore._HOMES)
    assert set(simcore.__all__) <= set(dir(simcore))
    for name in simcore.__all__:
        assert getattr(simcore, name).__module__.startswith("simcore."), name


def test_names_for_type_checkers_are_those_that_are_loaded() -> None:
    source = (ROOT / "simcore" / "__init__.py").read_text()
    block = source.split("if TYPE_CHECKING:")[1].split("\n\n")[0]
    stated = {
        name.strip(): home for home, names in re.findall(r"from (simcore[\w.]*) import (.+)", block) for name in names.split(",")
    }
    assert stated == simcore._HOMES


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = simcore.nothing  # type: ignore[attr-defined]


def test_importing_the_package_imports_nothing_heavy() -> None:
    """`import simcore` alone brings in neither arrays, nor tables, nor the compiler."""
    code = "import sys, simcore; print([m for m in ('numpy', 'numba', 'pyarrow', 'pandas', 'pydantic') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("form", ["keywords", "mapping", "dotted", "config", "yaml"])
def test_every_form_of_a_configuration_means_the_same(form: str, tmp_path: Path) -> None:
    tree = {"run": {"seed": 3, "to": END}, "venue": {"queue_model": "risk_averse"}, "strategy": {"params": {"emit.levels": 2}}}
    yaml = tmp_path / "mine.yaml"
    yaml.write_text(f"run: {{seed: 3, to: '{END}'}}\nvenue: {{queue_model: risk_averse}}\nstrategy: {{params: {{emit.levels: 2}}}}\n")
    made = {
        "keywords": lambda: simcore.make_config(seed=3, end=END, queue_model="risk_averse", params={"emit.levels": 2}),
        "mapping": lambda: simcore.make_config(tree),
        "dotted": lambda: simcore.make_config(
            {"run.seed": 3, "run.to": END, "venue.queue_model": "risk_averse", "strategy.params.emit.levels": 2}
        ),
        "config": lambda: simcore.make_config(simcore.load_config(None, [], tree)),
        "yaml": lambda: simcore.make_config(str(yaml)),
    }[form]()
    assert made == simcore.load_config(yaml)


def test_options_go_over_a_configuration() -> None:
    """What is said last holds; the rest stays."""
    config = simcore.make_config(queue_model="power3", latency="7ms", seed=1)
    changed = simcore.make_config(config, seed=2, venue={"queue_n": 3.0})
    assert (changed.run.seed, changed.venue.queue_model, changed.venue.queue_n) == (2, "power3", 3.0)
    assert changed.latency.place.ms == 7.0
    assert isinstance(changed, Config)


def test_a_venue_is_a_profile_or_a_section(tmp_path: Path) -> None:
    """A name means the rules of an exchange; what is said beside it goes over them."""
    named = simcore.make_config(venue="binance_usdm", **{"fees.maker_bps": 1})
    assert (named.venue.name, named.venue.max_open_orders, named.fees.maker_bps, named.fees.taker_bps) == ("binance_usdm", 200, 1, 5)
    assert simcore.make_config(simcore.make_config(seed=4), venue="okx_swap").venue.name == "okx_swap"
    assert simcore.make_config(named, seed=4).fees.taker_bps == 5


def test_a_second_profile_is_refused(tmp_path: Path) -> None:
    """The values of the first would stay; so would those of a configuration that a run has stored."""
    from simcore.config import dump_config

    stored = tmp_path / "config.yaml"
    stored.write_text(dump_config(simcore.make_config()))
    for config in (simcore.make_config(venue="binance_usdm"), simcore.make_config(stored)):
        with pytest.raises(ConfigError, match="make it anew"):
            simcore.make_config(config, venue="okx_swap")


def test_an_unknown_option_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"CONF-002.*quue_model; did you mean"):
        simcore.make_config(quue_model="power")


def test_a_replay_gives_a_result_that_verifies(tmp_path: Path) -> None:
    result = simcore.replay(simcore.Tape.open(SAMPLE), out=tmp_path / "run", end=END)
    assert result.headline["rows"] == 4_536  # those of the ten minutes
    assert len(result.fills) == result.headline["fills"]
    assert simcore.verify(result).ok
    assert simcore.verify(str(tmp_path / "run")).ok


def run_at(folder: Path, words: list[str], **variables: str) -> None:
    """Run a program that must succeed in a folder that has the sample tapes."""
    if not (folder / "datasets").exists():
        (folder / "datasets").symlink_to(ROOT / "datasets")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg", **variables}
    done = subprocess.run(words, check=False, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def strategies_page(folder: Path) -> list[list[str]]:
    """Write the files of docs/strategies.md; return its commands as words, environment variables left out."""
    page = (ROOT / "docs" / "strategies.md").read_text()
    files = re.findall(r"Save (?:it|this) as `(\w+\.py)`:\n\n```python\n(.*?)```", page, re.DOTALL)
    assert [name for name, _ in files] == ["imbalance_maker.py", "mean_maker.py", "uniform_queue.py"]
    for name, text in files:
        (folder / name).write_text(text)
    commands = re.findall(r"^(?:[A-Z_]+=\S+ )?mmsim (.*)$", page, re.MULTILINE)
    assert len(commands) == 13
    return [shlex.split(command) for command in commands]


def test_the_files_of_the_strategies_page_run(tmp_path: Path) -> None:
    """Strategies, class and queue model on the first half minute, without the compiler; the strategy's own stage is heard."""
    folders: dict[str, Path] = {}
    for number, words in enumerate(words for words in strategies_page(tmp_path) if words[0] != "warmup"):
        part = ["--to", "2024-01-01T00:00:30Z", "--out", f"run{number}"] if words[0] == "replay" else []
        run_at(tmp_path, [sys.executable, str(ROOT / "cli.py"), *words, *part], NUMBA_DISABLE_JIT="1")
        if words[0] == "replay":
            folders.setdefault(words[words.index("--strategy") + 1] if "--strategy" in words else "", tmp_path / f"run{number}")
    assert set(folders) >= {"grid", "glft", "my_maker.py", "imbalance_maker.py", "mean_maker.py"}
    orders = {name: simcore.RunResult(folder).headline["orders"] for name, folder in folders.items()}
    assert all(count > 0 for name, count in orders.items() if name not in ("glft", "")), orders  # glft waits for 30 s of moves
    words = ["replay", str(SAMPLE), "--strategy", "imbalance_maker.py", "--set", "strategy.params.lean.enabled=0", "--to", "2024-01-01T00:00:30Z"]
    run_at(tmp_path, [sys.executable, str(ROOT / "cli.py"), *words, "--out", "still"], NUMBA_DISABLE_JIT="1")
    assert orders["imbalance_maker.py"] > simcore.RunResult(tmp_path / "still").headline["orders"]


def test_the_strategies_page_names_every_field_that_a_tick_sees() -> None:
    """And every reason that pipeline.md does not explain, every part, and every kernel that replaces one."""
    from simcore.kernels import context

    page = (ROOT / "docs" / "strategies.md").read_text()
    parts = [kind for kind in vars(context).values() if isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields")]
    assert len(parts) == 12
    for kind in parts:
        for field in kind._fields:
            assert re.search(rf"[`.]{field}`", page), (kind.__name__, field)
    for name in re.findall(r"^def (with_\w+|\w+_quote)\(", (ROOT / "simcore" / "kernels" / "context.py").read_text(), re.MULTILINE):
        assert f"`{name}`" in page or name == "refuse_bad_quote", name


def test_the_strategies_page_names_every_strategy() -> None:
    """The table of what comes with mmsim is that of `mmsim strategy list`."""
    from simcore.strategy_files import titles

    table = (ROOT / "docs" / "strategies.md").read_text().split("| name | idea | source |")[1].split("\n\n")[0]
    assert sorted(re.findall(r"^\| `(\w+)` ", table, re.MULTILINE)) == sorted(titles())


def test_the_settings_of_the_strategies_page_are_those_of_the_golden_runs() -> None:
    """The table's column for SYNES, which tests/golden plays."""
    from tests.golden.shipped import SETS

    page = (ROOT / "docs" / "strategies.md").read_text().split("### Settings that fit")[1].split("\n## ")[0]
    table = dict(re.findall(r"^\| `(\w+)` \| ([^|]*) \|", page, re.MULTILINE))
    assert {name: tuple(re.findall(r"`([\w.]+=[\d.]+)`", sets)) for name, sets in table.items()} == {
        name: sets["synes"] for name, sets in SETS.items()
    }


@pytest.mark.slow
def test_the_commands_of_the_strategies_page_run_as_given(tmp_path: Path) -> None:
    """All of them, compiled; the queue model written out makes the fills of the built-in one, lot for lot."""
    for words in strategies_page(tmp_path):
        run_at(tmp_path, [sys.executable, str(ROOT / "cli.py"), *words])
    fills = [
        pq.read_table(tmp_path / "reports" / f"demo_maker-synes-00{number}" / "journal" / "fills.parquet").select(
            ["exch_ts", "side", "price_ticks", "qty_lots"]
        )
        for number in (1, 2)
    ]
    assert fills[0].num_rows > 1_000
    assert fills[0] == fills[1]
