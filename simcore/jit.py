"""The only importer of numba: `@kernel`, `@entry`, and a compile cache that cannot be stale.

numba's own cache looks at the file of the cached function only; a change in an imported kernel is not
seen (numba issue 1833). So the cache folder is named by a hash of every source that can reach machine
code, of the numba, llvmlite, numpy and Python versions, and of the compile flags. And machine code is
kept with a hash of its own: numba loads and runs a damaged file, which ends in a segmentation fault.
"""

from __future__ import annotations

import hashlib
import inspect
import operator
import os
import pickle
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

os.environ.setdefault("NUMBA_DISABLE_INTEL_SVML", "1")  # vector exp/log would change bits

import llvmlite
import llvmlite.ir
import numba
import numba.extending
import numpy as np
from numba.core import cgutils, serialize
from numba.core import codegen as numba_codegen
from numba.np import arrayobj

from simcore.errors import EngineError
from simcore.files import write_atomic

F = TypeVar("F", bound=Callable[..., Any])

# What compiling raises: a user's kernel that numba cannot type or lower.
COMPILE_ERRORS: tuple[type[Exception], ...] = (numba.core.errors.NumbaError,)

_HASH_BYTES = hashlib.blake2b().digest_size

JIT = not bool(numba.config.DISABLE_JIT)
CHECKED = os.environ.get("MMSIM_CHECKED", "0") == "1"

_SOURCES = (
    "units.py", "records.py", "rng.py", "jit.py", "link.py", "chain.py", "kernels",
    *(f"tape/synth_{part}.py" for part in ("book", "draw", "flow", "state")),
)
_OPTIONS: dict[str, Any] = {"nogil": True, "boundscheck": CHECKED, "error_model": "python"}


def kernel(function: F) -> F:
    """Compile a plain function that other kernels call; it is cached as part of its entry.

    It gets no wrapper for calls from Python: wrappers take a third of the compile time. Tests use `expose`.
    """
    return _inner(function) if JIT else function


def inlined(function: F) -> F:
    """Compile a kernel that the code generator must inline: for the few calls of the loops over tape rows."""
    return _inner(getattr(function, "py_func", function), forceinline=True) if JIT else function


_COMPILING: list[str] = []  # kernels that are being compiled, the innermost last; entries are not among them
_UNSET: dict[str, Any] = {}  # environments of such kernels, to be set where an entry's module holds them


def _skip_machine_code_of_kernels() -> None:
    """Let numba make machine code of entries only, and optimize a kernel once: over a third of the compile time less.

    numba optimizes the library of a function twice, and hands it to the execution engine, which compiles it. Callers link
    the optimized form and are optimized as a whole, so that a kernel's own machine code would never run.
    """
    library, codegen = numba_codegen.JITCodeLibrary, numba_codegen.JITCPUCodegen
    finalize, set_env, optimize = library._finalize_final_module, codegen.set_env, library._optimize_final_module

    def optimize_kernel_once(self: Any) -> None:
        if self.name in _COMPILING[-1:]:
            passes, builder = self._codegen._module_pass_manager(
                loop_vectorize=False, slp_vectorize=False, opt=self._codegen._opt_level, cost="cheap"
            )
            passes.run(self._final_module, builder)
        else:
            optimize(self)

    def finalize_entry(self: Any) -> None:
        if self.name in _COMPILING[-1:]:
            self._finalize_dynamic_globals()
            self._finalized = True
        else:
            finalize(self)

    def set_known(self: Any, name: str, env: Any) -> None:
        _UNSET[name] = env
        for each in [each for each in _UNSET if self._engine.get_global_value_address(each)]:
            set_env(self, each, _UNSET.pop(each))

    library._finalize_final_module, codegen.set_env = finalize_entry, set_known
    library._optimize_final_module = optimize_kernel_once


def _inner(function: F, **options: Any) -> F:
    dispatcher = numba.njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **_OPTIONS, **options)(function)
    resolve, compile_one = dispatcher.get_call_template, dispatcher._compiler._compile_core

    def compile_kernel(args: Any, return_type: Any) -> Any:
        _COMPILING.append(function.__qualname__)
        try:
            return compile_one(args, return_type)
        finally:
            _COMPILING.pop()

    def resolve_without_literals(args: Any, kws: Any) -> Any:
        # Otherwise each constant argument makes numba compile the callee once more.
        return resolve(tuple(numba.types.unliteral(a) for a in args), kws)

    dispatcher.get_call_template = resolve_without_literals
    dispatcher._compiler._compile_core = compile_kernel
    return dispatcher  # type: ignore[no-any-return]


@numba.extending.intrinsic  # type: ignore[untyped-decorator]
def _cycle_counter(typingctx: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = llvmlite.ir.FunctionType(llvmlite.ir.IntType(64), [])
        counter = builder.module.declare_intrinsic("llvm.readcyclecounter", fnty=kind)
        return builder.call(counter, [])

    return numba.types.int64(), generate


def _cycles() -> int:
    return _cycle_counter()  # type: ignore[no-any-return]


def _cycles_python() -> int:
    return time.perf_counter_ns()


# The processor's cycle counter (ns with the JIT off). For traces only: no decision may depend on it.
cycles: Callable[[], int] = numba.njit(**_OPTIONS)(_cycles) if JIT else _cycles_python


def cycles_per_ns() -> float:
    """Return how many cycles of `cycles` pass in a nanosecond, measured over 20 ms."""
    cycles()  # compile it
    begun_ns, begun = time.perf_counter_ns(), cycles()
    while time.perf_counter_ns() - begun_ns < 20_000_000:
        pass
    return (cycles() - begun) / (time.perf_counter_ns() - begun_ns)


def array_field(name: str, dtype: Any, ndim: int) -> Callable[[Any], Any]:
    """Return the kernel that gives the array `name` of a state (see `simcore.kernels.at`).

    A state is passed to kernels as one record of addresses and lengths: passing the arrays themselves costs
    machine code and reference counting for each of them at each call.
    """
    if not JIT:
        return operator.attrgetter(name)
    element = numba.from_dtype(np.dtype(dtype))
    fields = (f"{name}_rows", f"{name}_columns")[:ndim]

    def view(typingctx: Any, state: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            def load(field: str) -> Any:
                kind = context.get_data_type(numba.types.int64)
                return builder.load(cgutils.get_record_member(builder, args[0], state.offset(field), kind))

            shape = [load(field) for field in fields]
            size = context.get_constant(numba.types.intp, np.dtype(dtype).itemsize)
            strides = [size] if ndim == 1 else [builder.mul(size, shape[1]), size]
            array = arrayobj.make_array(signature.return_type)(context, builder)
            data = builder.inttoptr(load(f"{name}_at"), context.get_data_type(element).as_pointer())
            arrayobj.populate_array(array, data=data, shape=shape, strides=strides, itemsize=size, meminfo=None)
            return arrayobj.impl_ret_new_ref(context, builder, signature.return_type, array._getvalue())

        return numba.types.Array(element, ndim, "C")(state), generate

    return numba.extending.intrinsic(view)  # type: ignore[no-any-return]


def _first(array: Any) -> Any:
    return array[0]


def _same(value: Any) -> Any:
    return value


# The record in an array of one; with the JIT off, what is given stands for itself.
first_record: Callable[[Any], Any] = inlined(_first) if JIT else _same


def _unsigned(value: int) -> Any:
    return np.uint64(value)


def _unsigned_python(value: int) -> int:
    return int(value) & 0xFFFFFFFFFFFFFFFF


# Array indices of the loops over tape rows: numba adds a test for negative indices unless they are unsigned, and
# one unsigned comparison then checks both ends of a range.
unsigned: Callable[[int], Any] = inlined(_unsigned) if JIT else _unsigned_python


def expose(function: F) -> F:
    """Return a kernel in a form that Python can call (not cached)."""
    if not JIT:
        return function
    names = inspect.signature(function).parameters
    scope: dict[str, Any] = {"inner": function}
    exec(f"def outer({', '.join(names)}):\n    return inner({', '.join(names)})", scope)  # noqa: S102
    return numba.njit(**_OPTIONS)(scope["outer"])  # type: ignore[no-any-return]


def entry(function: F) -> F:
    """Compile a function that Python calls; its machine code, callees inlined, is cached on disk."""
    if not JIT:
        return function
    numba.config.CACHE_DIR = str(writable_cache_dir())
    dispatcher = numba.njit(cache=True, **_OPTIONS)(function)
    dispatcher._cache._cache_file = _MachineCode(dispatcher._cache)
    save = dispatcher._cache.save_overload

    def save_or_say_why_not(signature: Any, data: Any) -> None:
        refuse_changed_sources()
        try:
            save(signature, data)
        except OSError as exc:
            raise EngineError("ENG-004", f"{cache_dir()}: {exc}") from exc

    dispatcher._cache.save_overload = save_or_say_why_not
    return dispatcher  # type: ignore[no-any-return]


class _MachineCode:
    """The machine code of an entry on disk, one file a signature: a hash, and what it is the hash of.

    It stands where numba has files of its own. Processes share the files: each is there whole or not at all, and
    those that are made twice are equal.
    """

    def __init__(self, cache: Any) -> None:
        self._folder, self._stem = Path(cache.cache_path), cache._impl.filename_base
        self._stamp = cache._impl.locator.get_source_stamp()

    def load(self, key: Any) -> Any:
        """Return what was saved; None where it is not there, damaged, or of another source: it is then compiled anew."""
        try:
            kept = memoryview(self._path(key).read_bytes())
        except OSError:
            return None
        if hashlib.blake2b(kept[_HASH_BYTES:]).digest() != kept[:_HASH_BYTES]:
            return None
        named, data = pickle.loads(kept[_HASH_BYTES:])  # noqa: S301  bytes that `save` wrote, by their hash
        return data if named == (self._stamp, repr(key)) else None

    def save(self, key: Any, data: Any) -> None:
        """Keep machine code, in place of what is there. Raises OSError."""
        code = serialize.dumps(((self._stamp, repr(key)), data))

        def write(temporary: Path) -> None:
            temporary.write_bytes(hashlib.blake2b(code).digest() + code)

        write_atomic(self._path(key), write)

    def _path(self, key: Any) -> Path:
        name = hashlib.blake2b(repr(key).encode(), digest_size=8).hexdigest()
        return self._folder / f"{self._stem}.{name}.nbc"


def is_ready(function: Callable[..., Any]) -> bool:
    """Return whether this process can call an entry without compiling it, or loading it from the cache."""
    return not JIT or bool(function.signatures)  # type: ignore[attr-defined]


def writable_cache_dir() -> Path:
    """Return `cache_dir()`, made if it is not there. ENG-004 if it cannot be: numba would quietly keep code elsewhere."""
    folder = cache_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise EngineError("ENG-004", f"{folder}: {exc.strerror}") from exc
    if not os.access(folder, os.W_OK):
        raise EngineError("ENG-004", f"{folder}: may not be written")
    return folder


def cache_root() -> Path:
    """Return the folder of all compile caches: MMSIM_CACHE_DIR, else the user's cache folder."""
    chosen = os.environ.get("MMSIM_CACHE_DIR")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "mmsim"


def source_hash() -> str:
    """Return the hex hash of the kernel sources that this process started with, versions and flags (16 characters)."""
    return _STARTED_WITH


def refuse_changed_sources() -> None:
    """Raise ENG-005 if the kernel sources are no longer those that this process started with.

    Otherwise machine code of one state of the sources could be kept, or found, under the name of another.
    """
    if _stamps() != _STAMPS and _hash_sources() != _STARTED_WITH:
        raise EngineError("ENG-005", str(Path(__file__).parent))


def _source_files() -> list[Path]:
    files: list[Path] = []
    for name in _SOURCES:
        path = Path(__file__).parent / name
        files += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return files


def _stamps() -> list[tuple[str, int, int]]:
    """Return name, size and time of change of each source: reading them all takes 3 ms, and runs may be as short."""
    return [(str(file), (found := file.stat()).st_size, found.st_mtime_ns) for file in _source_files()]


def _hash_sources() -> str:
    digest = hashlib.sha256()
    for file in _source_files():
        digest.update(file.relative_to(Path(__file__).parent).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    digest.update(versions_text().encode())
    return digest.hexdigest()[:16]


def versions_text() -> str:
    """Return one line of the versions and flags that machine code depends on."""
    return (
        f"python {sys.version.split()[0]} numba {numba.__version__} llvmlite {llvmlite.__version__} "
        f"numpy {np.__version__} checked {int(CHECKED)} jit {int(JIT)}"
    )


def cache_dir() -> Path:
    """Return the cache folder of exactly these sources, versions and flags."""
    return cache_root() / source_hash()


if JIT:
    _skip_machine_code_of_kernels()
_STAMPS = _stamps()
_STARTED_WITH = _hash_sources()
