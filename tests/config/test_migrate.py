"""Older configurations: migrating is idempotent, and loading the old file is loading the migrated one."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

from simcore.config import config_hash, load_config
from simcore.config.files import migrate_file
from simcore.config.migrate import STEPS, migrate
from simcore.config.model import VERSION
from simcore.errors import ConfigError

OLD = "# mine\nversion: 1\nvenue: {queue_n: 2, rate_limit_count: 10, rate_limit_window_ms: 500}\nrun: {seed: 4}\n"
NEW = {"version": 2, "venue": {"queue_n": 2, "rate_limits": [{"count": 10, "window_ms": 500}]}, "run": {"seed": 4}}

counts = some.integers(0, 10**6)
windows = some.floats(1e-3, 1e6)
old_venues = some.fixed_dictionaries({}, optional={"rate_limit_count": counts, "rate_limit_window_ms": windows, "queue_n": some.floats(0.5, 5)})
old_trees = some.fixed_dictionaries(
    {}, optional={"version": some.just(1), "venue": old_venues, "run": some.fixed_dictionaries({}, optional={"seed": counts})}
)


def loaded(tree: dict[str, Any], folder: Path) -> str:
    path = folder / "tree.yaml"
    path.write_text(yaml.safe_dump(tree))
    return config_hash(load_config(path, warn=lambda _: None))


def test_every_version_has_a_step() -> None:
    """From each version one step leads to the next."""
    assert sorted(STEPS) == list(range(1, VERSION))


def test_the_rate_limit_becomes_a_list() -> None:
    """Version 1 had one limit in two keys; what else there is keeps its place."""
    tree, changes = migrate(yaml.safe_load(OLD))
    assert tree == NEW
    assert list(tree) == ["version", "venue", "run"]
    assert len(changes) == 1


@pytest.mark.parametrize("venue", [{"rate_limit_count": 0}, {"rate_limit_window_ms": 5}, {"rate_limit_count": 0, "rate_limit_window_ms": 5}])
def test_a_limit_of_none_stays_none(venue: dict[str, Any]) -> None:
    """In version 1 a count of 0, the default, switched the limit off."""
    assert migrate({"venue": venue})[0] == {"version": 2, "venue": {"rate_limits": []}}


@given(old_trees)
def test_migrating_is_idempotent(tree: dict[str, Any]) -> None:
    """A migrated tree needs nothing, and the tree that was given is not changed."""
    before = deepcopy(tree)
    once, _ = migrate(tree)
    assert migrate(once) == (once, [])
    assert tree == before


@given(old_trees)
def test_loading_the_old_is_loading_the_migrated(tmp_path_factory: pytest.TempPathFactory, tree: dict[str, Any]) -> None:
    """The configuration is the same, to its hash."""
    folder = tmp_path_factory.mktemp("migrate")
    assert loaded(tree, folder) == loaded(migrate(tree)[0], folder)


@pytest.mark.parametrize(("version", "code"), [(3, "CONF-006"), (10**9, "CONF-006"), (0, "CONF-003"), ("new", "CONF-003"), (True, "CONF-003"), (1.0, "CONF-003")])
def test_other_versions_are_refused(version: object, code: str, tmp_path: Path) -> None:
    """The future has its own code; the cause names the file and what was found."""
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump({"version": version}))
    with pytest.raises(ConfigError, match=rf"c\.yaml: version is {version!r}") as caught:
        load_config(path)
    assert caught.value.code == code


def test_both_forms_together_are_refused() -> None:
    """Which of the two is meant cannot be known."""
    with pytest.raises(ConfigError, match="expected one form") as caught:
        migrate({"version": 1, "venue": {"rate_limit_count": 1, "rate_limits": []}})
    assert caught.value.code == "CONF-003"


def test_loading_warns_once_and_counts(tmp_path: Path) -> None:
    """The warning names file, versions and changes; a file that needs nothing has none."""
    path = tmp_path / "old.yaml"
    path.write_text(OLD)
    heard: list[str] = []
    config = load_config(path, warn=heard.append)
    assert config.venue.rate_limits[0].count == 10
    assert len(heard) == 1
    assert all(word in heard[0] for word in (str(path), "version 1", "version 2", "1 change:", "venue.rate_limits"))
    path.write_text("version: 1\nrun: {seed: 1}\n")
    assert load_config(path, warn=heard.append).run.seed == 1
    assert len(heard) == 1


def test_python_is_warned_by_its_own_means() -> None:
    """A tree from Python that states version 1 is migrated as a file is."""
    with pytest.warns(UserWarning, match="brought to version 2"):
        config = load_config(overrides={"version": 1, "venue": {"rate_limit_count": 7}})
    assert config.venue.rate_limits[0].count == 7


def test_old_keys_without_their_version_are_unknown() -> None:
    """`--set` speaks this version's language."""
    with pytest.raises(ConfigError, match=r"did you mean venue\.rate_limits") as caught:
        load_config(sets=["venue.rate_limit_count=5"])
    assert caught.value.code == "CONF-002"


def test_a_file_is_written_anew(tmp_path: Path) -> None:
    """In place, and the second time nothing changes; comments are counted as lost."""
    path = tmp_path / "c.yaml"
    path.write_text(OLD)
    made = migrate_file(path, path)
    assert (made.version, made.version_now, len(made.changes), made.has_comments, made.is_changed) == (1, 2, 1, True, True)
    assert yaml.safe_load(path.read_text()) == NEW
    text = path.read_text()
    again = migrate_file(path, path)
    assert (again.is_changed, again.changes, path.read_text()) == (False, [], text)
    assert [each.name for each in tmp_path.iterdir()] == ["c.yaml"]


def test_paths_stay_right_in_another_folder(tmp_path: Path) -> None:
    """Relative paths are of the file's folder; a copy elsewhere holds absolute ones."""
    path = tmp_path / "c.yaml"
    path.write_text("version: 1\nstrategy: {name: mine.py}\n")
    migrate_file(path, tmp_path / "beside.yaml")
    migrate_file(path, tmp_path / "else" / "c.yaml")
    assert yaml.safe_load((tmp_path / "beside.yaml").read_text())["strategy"]["name"] == "mine.py"
    assert yaml.safe_load((tmp_path / "else" / "c.yaml").read_text())["strategy"]["name"] == str(tmp_path / "mine.py")


def test_a_wrong_file_is_not_written(tmp_path: Path) -> None:
    """It is refused as a run would refuse it, and stays as it is."""
    path = tmp_path / "c.yaml"
    path.write_text("version: 1\nvenue: {rate_limit_count: 5, queue_n: many}\n")
    before = path.read_text()
    with pytest.raises(ConfigError, match=r"venue\.queue_n"):
        migrate_file(path, path)
    assert path.read_text() == before


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """CONF-010 names it."""
    path = tmp_path / "c.yaml"
    path.write_text(OLD)
    with pytest.raises(ConfigError, match=r"c\.yaml") as caught:
        migrate_file(path, path / "below" / "a-file.yaml")
    assert caught.value.code == "CONF-010"
