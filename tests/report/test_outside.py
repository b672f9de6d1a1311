"""Times that were asked for and lie outside of the tape are said, or refused when nothing is left."""

from __future__ import annotations

import json
from pathlib import Path

from simcore.report.warnings import outside
from simcore.units import NS_PER_S
from tests.blackbox.command import assert_refused, mmsim_here

SAMPLE = Path(__file__).parents[2] / "datasets" / "synes-20240101-l2.parquet"
START = 1_704_067_200


def test_only_what_lies_outside_is_said() -> None:
    assert outside(1000 * NS_PER_S, 2000 * NS_PER_S, 1000 * NS_PER_S, 2000 * NS_PER_S) == []
    assert outside(1000 * NS_PER_S, 2000 * NS_PER_S, None, None) == []
    early, late = outside(1000 * NS_PER_S, 2000 * NS_PER_S, 999 * NS_PER_S, 2001 * NS_PER_S)
    assert early == "run.from 1970-01-01 00:16:39.000 UTC is before the tape starts, 1970-01-01 00:16:40.000 UTC: it begins there."
    assert late == "run.to 1970-01-01 00:33:21.000 UTC is after the tape ends, 1970-01-01 00:33:20.000 UTC: it ends there."


def test_case_27_seconds_play_what_the_iso_time_plays(tmp_path: Path) -> None:
    """The same digest, and on stderr how the number was read; a run that begins before its tape says so."""
    digests = []
    for i, text in enumerate((f"{START + 300}", f"{START + 300}000", "2024-01-01T00:05:00Z")):
        done = mmsim_here(
            "replay", SAMPLE, "--strategy", "demo_maker", "--from", text, "--to", "2024-01-01T00:06:00Z", "--out", tmp_path / str(i), "--json"
        )
        assert done.returncode == 0, done.stderr
        digests.append(json.loads(done.stdout)["digest"])
        assert (f"run.from: {text} was read as {'ms' if i else 's'} since 1970: 2024-01-01T00:05:00Z" in done.stderr) == (i < 2)
    assert len(set(digests)) == 1
    done = mmsim_here("replay", SAMPLE, "--strategy", "demo_maker", "--from", "2023-06-01", "--to", "2024-01-01T00:01:00Z", "--out", tmp_path / "early")
    assert "run.from 2023-06-01 00:00:00.000 UTC is before the tape starts" in " ".join(done.stdout.split())
    assert_refused(mmsim_here("replay", SAMPLE, "--from", "2025-06-01", "--out", tmp_path / "late"), "CONF-003", "no part of the tape")
    assert_refused(mmsim_here("replay", SAMPLE, "--from", "17040675", "--out", tmp_path / "none"), "CONF-003", "run.from")
