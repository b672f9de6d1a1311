"""Strategy name -> the kernels with that strategy linked in -> one cached entry function.

numba neither inlines nor caches functions that are passed as arguments. So the few kernels that call a strategy
or a user's queue model are copied, as they stand, into a package of the compile cache, where their lines marked
`# LINK` import the chosen files instead of the defaults. The copies are ordinary, readable modules.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

from simcore import chain as chains
from simcore import jit
from simcore.blame import Blame
from simcore.errors import EngineError, StrategyError
from simcore.python_strategy import PythonClass, is_class, load, params_of

# Kernels that import a linked module, directly or through another of these.
_LINKED = ("resting", "requests", "venue", "node", "orders", "reconcile", "observe", "pipeline", "peek", "loop")
_KERNELS = Path(__file__).parent / "kernels"
_STRATEGIES = Path(__file__).parent.parent / "strategies"
_MARK = re.compile(r"^from simcore\.kernels import (.+?)  # LINK$", re.MULTILINE)


@dataclass(frozen=True)
class Linked:
    """A linked engine: its entry function, and how config maps to the strategy's rows of floats.

    param_names, memory_names: dotted names in row order; param_defaults, memory_defaults: their values.
    python: set if the strategy is a Python class; its parameters are then those, its stages the bridge's.
    """

    run: Callable[..., int]
    strategy: ModuleType
    stages: tuple[chains.Stage, ...]
    code_hash: str
    param_names: tuple[str, ...]
    param_defaults: tuple[float, ...]
    memory_names: tuple[str, ...]
    memory_defaults: tuple[float, ...]
    name: str = ""  # strategy, and queue model file, as the user named them
    package: str = ""  # of the compiled code
    python: PythonClass | None = None


def known_strategies() -> list[str]:
    """Return the names of the strategies that come with mmsim."""
    return sorted(path.stem for path in _STRATEGIES.glob("[a-z]*.py"))


def strategy_path(name: str) -> Path:
    """Return the file of a strategy: a path to a .py file, or a name in strategies/. STRAT-001 if there is none."""
    path = Path(name) if name.endswith(".py") else _STRATEGIES / f"{name}.py"
    if not path.is_file():
        raise StrategyError("STRAT-001", f"{name}: no such strategy; known: {', '.join(known_strategies())}")
    return path


def _read(path: Path, shown: str) -> bytes:
    """Return a file's bytes, which are text; STRAT-001 if it cannot be read, STRAT-002 if it is no text."""
    try:
        source = path.read_bytes()
        source.decode()
    except OSError as exc:
        raise StrategyError("STRAT-001", f"{shown}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise StrategyError("STRAT-002", f"{shown}: not UTF-8 text: {exc.reason} at byte {exc.start}") from exc
    return source


def link(strategy: str, queue_model: Path | None = None) -> Linked:
    """Link a strategy (name or file), and a user's queue model (file), into the kernels.

    Raises StrategyError STRAT-001 (not found) or STRAT-002 (not usable: the message says what is missing).
    """
    source = _read(strategy_path(strategy), strategy)
    if is_class(source):
        return _link_class(strategy, source, queue_model)
    return _link_stages(strategy, source, queue_model)


def _link_class(strategy: str, source: bytes, queue_model: Path | None) -> Linked:
    """Link the bridge, and check the class: its file needs no compiling."""
    path = strategy_path(strategy)
    module = load(path, source, strategy)
    with Blame("STRAT-002", path, lambda: (f"{strategy}: ", "")):
        cancels = f"CANCELS_ON_BAD_BOOK = {bool(getattr(module, 'CANCELS_ON_BAD_BOOK', False))}\n"
        kind = params_of(module, strategy)
    bridge = _link_stages(strategy, (_KERNELS / "bridge.py").read_bytes() + cancels.encode(), queue_model)
    params = chains.flatten(kind)
    peek = _load(f"{bridge.package}.peek").peek
    return replace(
        bridge, strategy=module, code_hash=hashlib.sha256(bridge.code_hash.encode() + source).hexdigest()[:16],
        param_names=tuple(n for n, _ in params), param_defaults=tuple(v for _, v in params) or (0.0,),
        python=PythonClass(path, source, strategy, kind, peek),
    )  # fmt: skip


def _link_stages(strategy: str, source: bytes, queue_model: Path | None) -> Linked:
    queue_source = _read(queue_model or _KERNELS / "queue_custom.py", str(queue_model))
    digest = hashlib.sha256(jit.source_hash().encode() + source + b"\0" + queue_source).hexdigest()[:16]
    package = f"mmsim_linked_{digest}"
    folder = jit.cache_dir() / package
    jit.writable_cache_dir()
    _write_package(folder, package, source, queue_source)
    _import_package(folder, package)
    module = _import(f"{package}.strategy", strategy)
    with _blame(module.__name__, strategy):
        stages = chains.stages_of(module, strategy)
        _keep(folder / "chain.py", chains.chain_source(stages, module, package))
    importlib.invalidate_caches()
    chain = _load(f"{package}.chain")
    if queue_model is not None:
        _check_queue(_import(f"{package}.queue_custom", str(queue_model)), str(queue_model))
    _keep(folder / "binding.py", chains.binding_source(chain, package))
    run = _load(f"{package}.loop").engine_run
    jit.refuse_changed_sources()
    params, memory = chains.flatten(chain.Params), chains.flatten(chain.Memory)
    return Linked(
        run, module, tuple(stages), digest, tuple(n for n, _ in params), tuple(v for _, v in params),
        tuple(n for n, _ in memory), tuple(v for _, v in memory),
        strategy if queue_model is None else f"{strategy}, {queue_model}", package,
    )  # fmt: skip


def is_compiled(linked: Linked) -> bool:
    """Return whether machine code of this linked engine is in the cache; always true with the JIT off."""
    if not jit.JIT:
        return True
    return any(jit.cache_dir().glob(f"{linked.package}_*/loop.engine_run-*.nbc"))


def _write_package(folder: Path, package: str, source: bytes, queue_source: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _keep(folder / "__init__.py", f'"""Kernels with one strategy linked in; made by simcore.link."""\n\n# {package}\n')
    _keep(folder / "strategy.py", source.decode())
    _keep(folder / "queue_custom.py", queue_source.decode())
    for name in _LINKED:
        text = (_KERNELS / f"{name}.py").read_text()
        _keep(folder / f"{name}.py", _MARK.sub(rf"from {package} import \1", text))


def _keep(path: Path, text: str) -> None:
    """Make sure that a file holds this text; it is written in one step, so that another process never reads half of it."""
    data = text.encode()
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        if path.is_file() and path.read_bytes() == data:
            return
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except OSError as exc:
        temporary.unlink(missing_ok=True)
        raise EngineError("ENG-004", f"{path}: {exc.strerror}") from exc


def _import_package(folder: Path, package: str) -> None:
    if package in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(
        package, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[package] = module
    spec.loader.exec_module(module)


def _import(name: str, shown: str) -> ModuleType:
    with _blame(name, shown):
        return _load(name)


def _blame(name: str, shown: str) -> Blame:
    """Return what names the line of a module of a linked package."""
    package, _, module = name.partition(".")
    return Blame("STRAT-002", jit.cache_dir() / package / f"{module}.py", lambda: (f"{shown}: ", ""))


def _load(name: str) -> ModuleType:
    """Import a linked module from its text, which was compared: Python would run bytecode beside it unchecked."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        return importlib.import_module(name)
    finally:
        sys.dont_write_bytecode = before


def _check_queue(module: ModuleType, shown: str) -> None:
    for name, arguments in (("join", "level_lots, n"), ("after_change", "ahead, previous, new, traded, n")):
        if not callable(getattr(module, name, None)):
            raise StrategyError("STRAT-002", f"{shown}: needs a kernel `{name}({arguments})`")
