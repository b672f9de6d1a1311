"""Fake run folders for the tests of the report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.report.fake import Spec, make_run

Maker = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Maker:
    """Return a function that writes a run folder: make(name="run", **fields of Spec)."""

    def _make(name: str = "run", **fields: object) -> Path:
        return make_run(tmp_path / name, Spec(**fields))  # type: ignore[arg-type]

    return _make
