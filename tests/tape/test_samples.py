"""The sample tapes that come with mmsim, in a checkout and in a wheel."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import click.testing
import pytest

import cli
from simcore.errors import ConvertError, TapeError
from simcore.tape import samples

ROOT = Path(__file__).parents[2]


def test_samples_are_the_files_of_datasets() -> None:
    """One copy; the package holds a link that the build of a wheel follows."""
    assert samples.FOLDER.resolve() == ROOT / "datasets"
    assert samples.sample() == ROOT / "datasets" / samples.DEMO
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["simcore"]
    assert "samples/*.parquet" in data


def test_samples_are_copied_once_and_differing_files_are_refused(tmp_path: Path) -> None:
    out = tmp_path / "datasets"
    paths = samples.copy_samples(out)
    assert [path.name for path in paths] == sorted(path.name for path in (ROOT / "datasets").glob("*.parquet"))
    assert all(path.read_bytes() == (ROOT / "datasets" / path.name).read_bytes() for path in paths)
    written = [path.stat().st_mtime_ns for path in paths]
    assert samples.copy_samples(out) == paths
    assert [path.stat().st_mtime_ns for path in paths] == written
    paths[1].write_bytes(b"own")
    paths[0].unlink()
    with pytest.raises(ConvertError, match=f"CONV-016.*{paths[1].name}"):
        samples.copy_samples(out)
    assert not paths[0].exists()
    assert paths[1].read_bytes() == b"own"
    samples.copy_samples(out, replace=True)
    assert paths[1].read_bytes() == (ROOT / "datasets" / paths[1].name).read_bytes()


def test_a_lost_sample_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "FOLDER", tmp_path)
    for look in (samples.sample, lambda: samples.copy_samples(tmp_path / "out")):
        with pytest.raises(TapeError, match=f"TAPE-001.*{samples.DEMO}"):
            look()


def test_a_synthetic_day_has_the_date_that_was_asked_for(tmp_path: Path) -> None:
    """`--date`: its name and its times; what is no date is refused."""

    def synth(*arguments: str) -> click.testing.Result:
        return click.testing.CliRunner().invoke(cli.mmsim, ["tape", "synth", "--out", str(tmp_path), "--duration", "5", "--json", *arguments])

    done = synth("--date", "2024-02-29")
    (made,) = json.loads(done.stdout)["tapes"]
    assert Path(made["path"]).name == "synbtc-perp-20240229-l2.parquet"
    from simcore.tape.read import Tape

    assert Tape.open(made["path"]).start_ts // 86_400_000_000_000 == 19_782
    assert synth("--date", "2024-02-30").exit_code == 2
    assert synth("--date", "1979-01-01").exception.code == "CONF-003"  # type: ignore[union-attr]
