"""Strategy files from the outside: which there are, what one holds, and a new one that runs at once."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from simcore import chain as chains
from simcore.errors import StrategyError
from simcore.files import write_text
from simcore.link import Linked, known_strategies, link, strategy_path
from simcore.python_strategy import is_class

_TEMPLATES = Path(__file__).parent / "templates"
SWITCH = "0 leaves the stage out"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_ROW = re.compile(r"^(\*?[a-z_][\w*]*(?:, \*?[a-z_][\w*]*)*)  +(\S.*)$")  # `name, other    what it is`


@dataclass(frozen=True)
class Parameter:
    """A parameter: its configuration key, default, and the words of its file on it ("" if there are none)."""

    key: str
    default: float
    docs: str


@dataclass(frozen=True)
class StageInfo:
    """A stage: its name in the strategy, its function, the first line of its documentation, and what goes for all parameters."""

    name: str
    function: str
    docs: str
    parameters_docs: str
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True)
class StrategyInfo:
    """A strategy: form is "stages" or "class"; a class has its parameters without a stage."""

    name: str
    path: str
    form: str
    docs: str
    stages: tuple[StageInfo, ...]
    parameters: tuple[Parameter, ...]


def titles() -> dict[str, str]:
    """Return the shipped strategies by name, with the first line of their documentation; none is imported."""
    return {name: _first_line(ast.get_docstring(ast.parse(strategy_path(name).read_bytes())) or "") for name in known_strategies()}


def describe(name: str) -> StrategyInfo:
    """Return what a strategy (name or file) holds. STRAT-001 if there is none, STRAT-002 if it is not usable."""
    linked = link(name)
    stages, parameters = (_stages(linked), ()) if linked.python is None else ((), _class_parameters(linked))
    form = "stages" if linked.python is None else "class"
    return StrategyInfo(Path(name).stem, str(strategy_path(name)), form, linked.strategy.__doc__ or "", stages, parameters)


def create(name: str, folder: Path, is_python: bool = False) -> Path:
    """Write a new strategy file that runs at once; is_python: a plain class instead of stages. Return its path.

    STRAT-006: no name for a file; STRAT-005: it is there already, or cannot be written.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise StrategyError("STRAT-006", f"{name}: expected a word of small letters, digits and _, that begins with a letter")
    path = folder / f"{name}.py"
    if path.exists():
        raise StrategyError("STRAT-005", f"{path}: there is such a file")
    text = (_TEMPLATES / ("class.py.txt" if is_python else "stages.py.txt")).read_text(encoding="utf-8")
    try:
        write_text(path, text.replace("STRATEGY_NAME", name))
    except OSError as exc:
        raise StrategyError("STRAT-005", f"{path}: {exc.strerror}") from exc
    return path


def form_of(name: str) -> str:
    """Return "class" or "stages"; STRAT-001 if there is no such strategy."""
    return "class" if is_class(strategy_path(name).read_bytes()) else "stages"


def _stages(linked: Linked) -> tuple[StageInfo, ...]:
    return tuple(
        StageInfo(
            stage.name, f"{_home(stage.plain.__module__)}.{stage.plain.__name__}", _first_line(stage.plain.__doc__ or ""),
            "" if stage.params is None else _intro(stage.params),
            () if stage.params is None else tuple(_parameters(stage.params, f"strategy.params.{stage.name}.")),
        )
        for stage in linked.stages
    )  # fmt: skip


def _class_parameters(linked: Linked) -> tuple[Parameter, ...]:
    assert linked.python is not None
    return tuple(_parameters(linked.python.params, "strategy.params."))


def _home(module: str) -> str:
    """Return a module's name as the user knows it: strategies are linked as copies."""
    return "this file" if module.startswith("mmsim_linked_") else module.removeprefix("simcore.kernels.")


def _parameters(kind: Any, prefix: str) -> Iterator[Parameter]:
    entries = _entries(kind.__doc__ or "")
    for field, default in chains.flatten(kind):
        docs = SWITCH if field == "enabled" else _words_on(field.rpartition(".")[2], entries)
        yield Parameter(prefix + field, default, docs)


def _intro(kind: Any) -> str:
    """Return the first paragraph of a docstring if rows follow it."""
    first, _, rest = (kind.__doc__ or "").partition("\n\n")
    return " ".join(first.split()) if rest.strip() else ""


def _entries(docs: str) -> list[tuple[list[str], str]]:
    """Return (names, text) of the rows `name, other    text` of a docstring, and ([], sentence) of the rest."""
    found: list[tuple[list[str], str]] = []
    for line in docs.splitlines():
        row = _ROW.match(line.strip())
        if row is not None:
            found.append((_names(row[1]), row[2]))
        elif found and found[-1][0] and line.startswith(" " * 8) and line.strip():
            found[-1] = (found[-1][0], f"{found[-1][1]} {line.strip()}")
        else:
            found.append(([], line.strip()))
    loose = " ".join(text for names, text in found if not names)
    parts: list[tuple[list[str], str]] = [([], part.strip(" .")) for part in re.split(r";\s|\.\s", loose + " ") if part.strip()]
    return [piece for names, text in found if names for piece in _split(names, text)] + parts


def _split(names: list[str], text: str) -> Iterator[tuple[list[str], str]]:
    """Yield the parts of a row that goes on about other fields: `change; other_ms: how long`."""
    first, *more = re.split(r";\s+(?=[\w*, ]+: )", text)
    yield names, first
    for piece in more:
        head, _, tail = piece.partition(": ")
        yield _names(head), tail


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def _words_on(field: str, entries: list[tuple[list[str], str]]) -> str:
    """Return the row of a field, else the clauses that name it."""
    for names, text in entries:
        if any(fnmatchcase(field, name) for name in names):
            return text
    clauses = [text for _, text in entries if any(fnmatchcase(field, word) for word in re.findall(r"[\w*]+", text) if word.strip("*_"))]
    return "; ".join(clause.removeprefix(f"{field}: ") for clause in clauses)


def _first_line(docs: str) -> str:
    return docs.strip().partition("\n")[0]
