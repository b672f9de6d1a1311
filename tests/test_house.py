"""The house rules that no linter knows, as functions over source text; each catches a planted violation."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SIMCORE = ROOT / "simcore"
STRATEGIES = ROOT / "strategies"

TOP_LEVEL = {
    "pyproject.toml", "simcore", "strategies", "datasets", "scenarios", "notebooks", "tests", "reports", "cli.py",
    "README.md", "LICENSE", "CHANGELOG.md", "Makefile", "docs",
}  # fmt: skip
FILE_LINES_MAX = 450
BODY_LINES_MAX = 60

# Functions longer than a screen, with the lines that they may have. The list may shrink, never grow.
LONG_BODIES = {
    "simcore/kernels/venue.py::_plain_venue_rows": 66,  # the loop over rows at the Venue: a call a row would cost
}

Rule = Callable[[ast.Module, str], Iterator[str]]


def dotted(node: ast.expr) -> str:
    """Return `a.b.c` of an attribute chain, or ''."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of everything that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def calls(tree: ast.Module) -> Iterator[tuple[ast.Call, str]]:
    """Yield (call, dotted name of what is called)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node, dotted(node.func)


# --- rules ---------------------------------------------------------------------------------------------


def no_clock(tree: ast.Module, _: str) -> Iterator[str]:
    """A result may not depend on when it is computed."""
    for line, name in imported(tree):
        if name == "time" or name.startswith("time."):
            yield f"{line}: imports {name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and re.search(r"(^|\.)(datetime|date)\.(now|utcnow|today)$", dotted(node)):
            yield f"{node.lineno}: reads the clock: {dotted(node)}"


def no_random(tree: ast.Module, _: str) -> Iterator[str]:
    """Draws come from simcore.rng."""
    for line, name in imported(tree):
        if re.match(r"(random|secrets|uuid)(\.|$)|numpy\.random|os\.urandom", name):
            yield f"{line}: imports {name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and dotted(node) in {"np.random", "numpy.random", "os.urandom"}:
            yield f"{node.lineno}: uses {dotted(node)}"


def no_set_order(tree: ast.Module, _: str) -> Iterator[str]:
    """The order of a set differs from process to process."""
    sets = {"set", "frozenset"}
    named: set[str] = set()
    ordered = {"list", "tuple", "enumerate", "iter", "next", "zip", "map", "filter", "reversed"}

    def is_set(node: ast.expr) -> bool:
        if isinstance(node, ast.Name):
            return node.id in named
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.BitOr, ast.BitAnd, ast.Sub, ast.BitXor)):
            return is_set(node.left) or is_set(node.right)
        return isinstance(node, (ast.Set, ast.SetComp)) or (isinstance(node, ast.Call) and dotted(node.func) in sets)

    for node in ast.walk(tree):
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None and is_set(node.value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            named |= {target.id for target in targets if isinstance(target, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, (ast.For, ast.comprehension)) and is_set(node.iter):
            yield f"{node.iter.lineno}: iterates over a set"
        elif isinstance(node, ast.Starred) and is_set(node.value):
            yield f"{node.lineno}: unpacks a set"
        elif isinstance(node, ast.Call) and dotted(node.func) in ordered and any(is_set(a) for a in node.args):
            yield f"{node.lineno}: orders a set by {dotted(node.func)}()"


def no_hash(tree: ast.Module, _: str) -> Iterator[str]:
    """hash() of text is salted anew in each process; id() is an address."""
    for call, name in calls(tree):
        if name in {"hash", "id"}:
            yield f"{call.lineno}: calls {name}()"


def no_unordered_arithmetic(tree: ast.Module, _: str) -> Iterator[str]:
    """fastmath and parallel loops change the order of additions, and so the bits."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in {"fastmath", "parallel"}:
            if not (isinstance(node.value, ast.Constant) and node.value.value is False):
                yield f"{node.value.lineno}: {node.arg}="
        elif (isinstance(node, ast.Attribute) and node.attr == "prange") or (isinstance(node, ast.Name) and node.id == "prange"):
            yield f"{node.lineno}: prange"
    for line, name in imported(tree):
        if name.endswith(".prange"):
            yield f"{line}: imports {name}"


def no_constant_power(tree: ast.Module, _: str) -> Iterator[str]:
    """x ** 2 is a product in machine code and pow() in Python: the bits differ."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, ast.Pow):
            exponent = node.right if isinstance(node, ast.BinOp) else node.value
            base = node.left if isinstance(node, ast.BinOp) else node.target
            if isinstance(exponent, ast.UnaryOp):
                exponent = exponent.operand
            if isinstance(exponent, ast.Constant) and not isinstance(base, ast.Constant):
                yield f"{node.lineno}: ** with a constant exponent"


def no_numpy_reduction(tree: ast.Module, _: str) -> Iterator[str]:
    """numpy adds pairwise, machine code in order; hypot differs from libm to libm."""
    banned = {"sum", "mean", "std", "var", "hypot", "percentile", "median", "cumsum", "prod", "dot"}
    for call, name in calls(tree):
        owner, _dot, function = name.rpartition(".")
        if owner in {"np", "numpy", "math"} and function in banned:
            yield f"{call.lineno}: calls {name}()"


def no_libm(tree: ast.Module, _: str) -> Iterator[str]:
    """exp, log and the like differ between maths libraries; simcore/kernels/dmath.py has its own."""
    banned = {"exp", "log", "log1p", "log2", "log10", "expm1", "pow", "power", "sin", "cos", "tan", "tanh", "erf", "cbrt"}
    for call, name in calls(tree):
        owner, _dot, function = name.rpartition(".")
        if owner in {"np", "numpy", "math"} and function in banned:
            yield f"{call.lineno}: calls {name}()"


def numba_only_in_jit(tree: ast.Module, path: str) -> Iterator[str]:
    """One module decides how code is compiled."""
    for line, name in imported(tree):
        if re.match(r"(numba|llvmlite)(\.|$)", name) and path != "simcore/jit.py":
            yield f"{line}: imports {name}"


def parquet_is_checked(tree: ast.Module, path: str) -> Iterator[str]:
    """Tables are written and read with checksums and hashes: by simcore.parquet; tapes by the tape's own modules."""
    for call, name in calls(tree):
        if name in {"pq.write_table", "pq.read_table", "pq.ParquetWriter"} and path not in {"simcore/parquet.py", "simcore/tape/write.py"}:
            yield f"{call.lineno}: {name}"


def has_docstring(tree: ast.Module, _: str) -> Iterator[str]:
    """A module says what it is for; an empty one has nothing to say."""
    if tree.body and not ast.get_docstring(tree):
        yield "1: no module docstring"


def no_blind_except(tree: ast.Module, _: str) -> Iterator[str]:
    """Catch what you can handle."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            names = {"everything" if kind is None else dotted(kind) for kind in kinds}
            passes_on = any(isinstance(inner, ast.Raise) and inner.exc is None for inner in ast.walk(node))
            if names & {"Exception", "everything"} or ("BaseException" in names and not passes_on):
                yield f"{node.lineno}: catches {', '.join(sorted(names))}"


def no_print(tree: ast.Module, _: str) -> Iterator[str]:
    """Only cli.py talks to the user, and a module that is a script."""
    if any(isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'" for node in tree.body):
        return
    for call, name in calls(tree):
        if name in {"print", "sys.stdout.write", "sys.stderr.write"}:
            yield f"{call.lineno}: {name}()"


def file_is_short(source: str) -> Iterator[str]:
    """A file has one subject."""
    if source.count("\n") > FILE_LINES_MAX:
        yield f"{source.count(chr(10))} lines, at most {FILE_LINES_MAX}"


def bodies_are_short(tree: ast.Module, path: str) -> Iterator[str]:
    """A function fits a screen; LONG_BODIES lists those that may not."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
            lines = (node.end_lineno or 0) - body[0].lineno + 1
            if lines > LONG_BODIES.get(f"{path}::{node.name}", BODY_LINES_MAX):
                yield f"{node.lineno}: {node.name} has {lines} lines"


# --- where the rules hold --------------------------------------------------------------------------------

DETERMINISTIC = (no_clock, no_random, no_set_order, no_hash, no_unordered_arithmetic)
COMPILED = (*DETERMINISTIC, no_constant_power, no_numpy_reduction, no_libm)
EVERYWHERE = (numba_only_in_jit, has_docstring, no_blind_except)


def python_files(*places: Path) -> list[Path]:
    found: list[Path] = []
    for place in places:
        found += sorted(place.rglob("*.py")) if place.is_dir() else [place] if place.is_file() else []
    return found


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def is_compiled(path: Path) -> bool:
    """Whether a file outside of kernels/ holds compiled functions: they stand beside their subject, under the same rules."""
    names = {name for _, name in imported(ast.parse(path.read_text()))}
    return bool(names & {"simcore.jit.entry", "simcore.jit.kernel"})


# views.py adds up integers, in any order the same, in plain Python beside its kernel.
BESIDE = [path for path in python_files(SIMCORE) if is_compiled(path) and path.name != "views.py" and "strategies" not in path.parts]
KERNEL_FILES = list(dict.fromkeys([*python_files(SIMCORE / "kernels"), SIMCORE / "rng.py", *BESIDE]))
STRATEGY_FILES = python_files(STRATEGIES, SIMCORE / "published" / "strategies")
CORE_FILES = [
    *(SIMCORE / f"{name}.py" for name in ("units", "records", "link", "state", "params", "runner")),
    *python_files(SIMCORE / "journal"),
]
PACKAGE_FILES = python_files(SIMCORE, STRATEGIES)
# dmath is where exp, log and power are written; it calls no library for them, but names them.
RULES: list[tuple[Rule, list[Path]]] = [
    *((rule, KERNEL_FILES + STRATEGY_FILES) for rule in COMPILED),
    *((rule, CORE_FILES) for rule in DETERMINISTIC),
    *((rule, [*PACKAGE_FILES, ROOT / "cli.py"]) for rule in EVERYWHERE),
    (no_print, PACKAGE_FILES),
    (parquet_is_checked, PACKAGE_FILES),
    (bodies_are_short, KERNEL_FILES + STRATEGY_FILES),
]


@pytest.mark.parametrize(("rule", "files"), RULES, ids=lambda value: getattr(value, "__name__", ""))
def test_the_source_keeps_the_rule(rule: Rule, files: list[Path]) -> None:
    """No file breaks the rule."""
    assert files
    broken = [f"{shown(path)}:{what}" for path in files for what in rule(ast.parse(path.read_text()), shown(path))]
    assert not broken, f"{rule.__doc__}\n" + "\n".join(broken)


def test_files_are_short() -> None:
    """No source file is longer than it may be."""
    broken = [f"{shown(path)}: {what}" for path in [*PACKAGE_FILES, ROOT / "cli.py"] for what in file_is_short(path.read_text())]
    assert not broken, "\n".join(broken)


def test_long_bodies_exist_and_are_no_longer() -> None:
    """The list of long functions holds nothing that has become short or has gone."""
    lengths = {}
    for path in KERNEL_FILES + STRATEGY_FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
                lengths[f"{shown(path)}::{node.name}"] = (node.end_lineno or 0) - body[0].lineno + 1
    assert not [name for name in LONG_BODIES if lengths.get(name, 0) <= BODY_LINES_MAX]


def test_the_top_level_is_the_plan() -> None:
    """Nothing lies at the top of the project but what the architecture page lists."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    names = {line.split("/", 1)[0] for line in listed.stdout.splitlines()}
    assert {name for name in names if not name.startswith(".")} <= TOP_LEVEL


# --- the rules catch what they are for ---------------------------------------------------------------------

PLANTED: list[tuple[Rule, str]] = [
    (no_clock, "import time"),
    (no_clock, "from time import perf_counter"),
    (no_clock, "import datetime\nx = datetime.datetime.now()"),
    (no_clock, "from datetime import datetime\nx = datetime.utcnow"),
    (no_random, "import random"),
    (no_random, "from numpy.random import default_rng"),
    (no_random, "import numpy as np\nx = np.random.default_rng(1)"),
    (no_set_order, "for x in {1, 2}: pass"),
    (no_set_order, "y = [x for x in set(z)]"),
    (no_set_order, "y = list(frozenset(z) | w)"),
    (no_set_order, "y = [*set(z)]"),
    (no_set_order, "y: set[int] = set()\nfor x in y: pass"),
    (no_hash, "x = hash('a')"),
    (no_unordered_arithmetic, "njit(fastmath=True)"),
    (no_unordered_arithmetic, "njit(fastmath={'contract'})"),
    (no_unordered_arithmetic, "njit(parallel=True)"),
    (no_unordered_arithmetic, "for i in prange(3): pass"),
    (no_unordered_arithmetic, "for i in numba.prange(3): pass"),
    (no_constant_power, "y = x ** 2"),
    (no_constant_power, "y = x ** -0.5"),
    (no_constant_power, "x **= 3"),
    (no_numpy_reduction, "y = np.sum(x)"),
    (no_numpy_reduction, "y = math.hypot(a, b)"),
    (no_libm, "y = math.exp(x)"),
    (no_libm, "y = np.log1p(x)"),
    (numba_only_in_jit, "import numba"),
    (numba_only_in_jit, "from numba import njit"),
    (numba_only_in_jit, "import llvmlite.binding"),
    (has_docstring, "x = 1"),
    (no_blind_except, "try:\n    f()\nexcept Exception:\n    pass"),
    (no_blind_except, "try:\n    f()\nexcept:\n    pass"),
    (no_blind_except, "try:\n    f()\nexcept (KeyError, Exception) as e:\n    raise E from e"),
    (no_blind_except, "try:\n    f()\nexcept BaseException:\n    pass"),
    (no_print, "print(1)"),
    (parquet_is_checked, "pq.write_table(table, path)"),
    (parquet_is_checked, "x = pq.read_table(path)"),
    (bodies_are_short, "def f():\n" + "    x = 1\n" * (BODY_LINES_MAX + 1)),
]

ALLOWED: list[tuple[Rule, str]] = [
    (no_clock, "def advance_time(time_ns): return time_ns"),
    (no_set_order, "y = sorted({1, 2})\nif x in {1, 2}: pass"),
    (no_unordered_arithmetic, "njit(fastmath=False)"),
    (no_constant_power, "y = 10**8\nz = x ** n"),
    (no_numpy_reduction, "y = math.sqrt(x)"),
    (no_blind_except, "try:\n    f()\nexcept BaseException:\n    undo()\n    raise"),
    (has_docstring, '"""What it is."""\nx = 1'),
    (bodies_are_short, 'def f():\n    """Doc.\n' + "\n" * 80 + '    """\n    return 1'),
]


@pytest.mark.parametrize(("rule", "source"), PLANTED, ids=lambda value: getattr(value, "__name__", None))
def test_a_planted_violation_is_caught(rule: Rule, source: str) -> None:
    """The rule finds the violation."""
    assert list(rule(ast.parse(source), "simcore/kernels/planted.py"))


@pytest.mark.parametrize(("rule", "source"), ALLOWED, ids=lambda value: getattr(value, "__name__", None))
def test_what_is_allowed_passes(rule: Rule, source: str) -> None:
    """The rule leaves good code alone."""
    assert not list(rule(ast.parse(source), "simcore/kernels/planted.py"))


def test_every_rule_has_a_planted_violation() -> None:
    """No rule stands untested."""
    assert {rule for rule, _ in RULES} <= {rule for rule, _ in PLANTED}
    assert list(file_is_short("\n" * (FILE_LINES_MAX + 1)))
