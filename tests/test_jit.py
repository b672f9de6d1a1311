"""The cache of machine code: what is damaged is compiled anew, and never run."""

from __future__ import annotations

from pathlib import Path

import pytest

from simcore import jit
from simcore.link import link
from tests.flips import flipped, places

pytestmark = pytest.mark.skipif(not jit.JIT, reason="without the JIT there is no machine code")


def doubled(number: int) -> int:
    return 2 * number


def test_flipped_machine_code_is_compiled_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the bit is; the file is whole again afterwards, and then it is loaded."""
    monkeypatch.setenv("MMSIM_CACHE_DIR", str(tmp_path))
    assert jit.entry(doubled)(21) == 42
    (path,) = tmp_path.rglob("*.nbc")
    whole = path.read_bytes()
    for bit in places(path, 40):
        with flipped(path, bit):
            found = jit.entry(doubled)
            assert found(21) == 42
            assert found.stats.cache_hits == {}, bit  # type: ignore[attr-defined]
            again = jit.entry(doubled)
            assert again(21) == 42
            assert len(again.stats.cache_hits) == 1, bit  # type: ignore[attr-defined]
    assert path.read_bytes() == whole
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_machine_code_of_another_function_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file under the name of another: its hash is right, but it says whose it is."""
    monkeypatch.setenv("MMSIM_CACHE_DIR", str(tmp_path))
    jit.entry(doubled)(21)
    (path,) = tmp_path.rglob("*.nbc")
    kept = path.read_bytes()
    found = jit.entry(doubled)
    assert found(1.5) == 3.0  # type: ignore[arg-type]
    (other,) = {*tmp_path.rglob("*.nbc")} - {path}
    path.write_bytes(other.read_bytes())
    assert jit.entry(doubled)(21) == 42
    assert path.read_bytes() != other.read_bytes()
    assert len(path.read_bytes()) == len(kept)


def test_flipped_sources_of_a_linked_engine_are_written_anew() -> None:
    """They stand in the cache as well, and Python would import them as they are. No bytecode is kept beside them."""
    linked = link("demo_maker")
    folder = jit.cache_dir() / linked.package
    for path in sorted(folder.glob("*.py")):
        whole = path.read_bytes()
        for bit in places(path, 4):
            with flipped(path, bit):
                assert link("demo_maker").code_hash == linked.code_hash
                assert path.read_bytes() == whole, (path.name, bit)
    assert not list(folder.rglob("*.pyc"))
