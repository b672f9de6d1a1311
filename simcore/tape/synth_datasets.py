"""Rebuild the sample tapes of `datasets/` and their catalogue: `python -m simcore.tape.synth_datasets [FOLDER]`."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import yaml

from simcore.files import write_text
from simcore.tape.synth import SynthTape, preset_spec, synth

CATALOGUE = "catalogue.yaml"
_HEAD = """\
# Sample tapes. All are synthetic: made by `mmsim tape synth`, no exchange's data is in them (docs/synthetic.md).
# content_hash does not depend on the file layout; sha256 is of the file as this pyarrow writes it.
"""


class Sample(NamedTuple):
    """A sample tape: preset, seed, length and view."""

    preset: str
    seed: int
    duration_s: int
    level: str
    about: str


SAMPLES = (
    Sample("small-tick-thin", 7, 86_400, "l2", "a day of a perpetual: small tick, sparse levels, rebate, funding"),
    Sample("large-tick-thin", 11, 86_400, "l2", "a day of an index future: one tick of spread, long queues"),
    Sample("large-tick-thin", 11, 3_600, "l3", "the first hour of the same day, order by order"),
)


def build_datasets(folder: str | Path, samples: tuple[Sample, ...] = SAMPLES) -> list[dict[str, Any]]:
    """Write the samples and the catalogue into a folder; return the catalogue's entries."""
    entries = []
    for sample in samples:
        spec = preset_spec(sample.preset, seed=sample.seed, duration_s=sample.duration_s)
        entries += [_entry(sample, tape) for tape in synth(spec, folder, sample.level, replace_files=True)]
    text = _HEAD + yaml.safe_dump({"pyarrow": pa.__version__, "tapes": entries}, sort_keys=False, width=120)
    write_text(Path(folder) / CATALOGUE, text)
    return entries


def _entry(sample: Sample, tape: SynthTape) -> dict[str, Any]:
    return {
        "file": tape.path.name,
        "about": sample.about,
        "venue": tape.meta.instrument.venue,
        "symbol": tape.meta.instrument.symbol,
        "level": sample.level,
        "origin": "synthetic",
        "licence": "CC0-1.0",
        "seed": sample.seed,
        "command": (
            f"mmsim tape synth --preset {sample.preset} --seed {sample.seed} --duration {sample.duration_s}s "
            f"--level {sample.level} --out datasets"
        ),
        "rows": tape.meta.rows,
        "bytes": tape.path.stat().st_size,
        "sha256": hashlib.sha256(tape.path.read_bytes()).hexdigest(),
        "content_hash": tape.meta.content_hash,
    }


if __name__ == "__main__":
    for entry in build_datasets(sys.argv[1] if len(sys.argv) > 1 else "datasets"):
        sys.stdout.write(f"{entry['file']}: {entry['rows']} rows, {entry['bytes']} bytes\n")
