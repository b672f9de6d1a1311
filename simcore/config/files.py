"""Configuration files brought to this version, on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from simcore.config.load import load_config
from simcore.config.migrate import migrate
from simcore.config.trees import anchor
from simcore.config.yaml_text import dump_yaml, read_yaml
from simcore.door.files import real
from simcore.errors import ConfigError
from simcore.files import write_text


@dataclass(frozen=True)
class Migrated:
    """What came of a file: the new text, the versions, and a sentence for each change."""

    text: str
    version: int
    version_now: int
    changes: list[str]
    has_comments: bool
    is_changed: bool


def migrate_file(path: Path, out: Path | None = None) -> Migrated:
    """Return a configuration file in this version's layout; write it to `out`, if that is given.

    In another folder, the paths in it become absolute. Raises ConfigError as `load_config` does, CONF-010 if it
    cannot be written: a file that is wrong is not migrated.
    """
    load_config(path, warn=_quiet)
    before = read_yaml(path)
    tree, changes = migrate(before, str(path))
    if out is not None and real(out).parent != real(path).parent:
        anchor(tree, path.parent)
    old = path.read_text(encoding="utf-8")
    is_changed = tree != before
    made = Migrated(
        dump_yaml(tree) if is_changed else old, int(before.get("version", 1)), int(tree["version"]), changes,
        any(line.lstrip().startswith("#") or " #" in line for line in old.splitlines()), is_changed,
    )  # fmt: skip
    if out is not None and (is_changed or real(out) != real(path)):
        try:
            write_text(out, made.text)
        except OSError as exc:
            raise ConfigError("CONF-010", f"{out}: {exc.strerror or exc}") from exc
    return made


def _quiet(_text: str) -> None:
    """Say nothing: the caller gets the changes."""
