"""The sample tapes that come with mmsim: the files of `datasets/`, which a wheel holds as `simcore/samples` (here a link)."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from simcore.errors import ConvertError, TapeError
from simcore.files import write_atomic

FOLDER = Path(__file__).parents[1] / "samples"
DEMO = "synbtc-perp-20240101-l2.parquet"


def sample(name: str = DEMO) -> Path:
    """Return the file of a sample tape. TAPE-001 if this installation has lost it."""
    path = (FOLDER / name).resolve()
    if not path.is_file():
        raise TapeError("TAPE-001", f"{path}: the sample is not where mmsim was installed")
    return path


def copy_samples(out: Path, *, replace: bool = False) -> list[Path]:
    """Copy all sample tapes into a folder; files that are there and equal stay.

    CONV-016: one is there and differs, and `replace` is not set; nothing is copied then.  CONV-009: cannot write.
    """
    sample()
    names = sorted(path.name for path in FOLDER.glob("*.parquet"))
    try:
        differ = [name for name in names if (out / name).exists() and (out / name).read_bytes() != (FOLDER / name).read_bytes()]
        if differ and not replace:
            raise ConvertError("CONV-016", f"{out / differ[0]}")
        for name in names:
            if name in differ or not (out / name).exists():
                write_atomic(out / name, partial(_copy, FOLDER / name))
    except OSError as exc:
        raise ConvertError("CONV-009", f"{exc.filename or out}: {exc.strerror}") from exc
    return [out / name for name in names]


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
