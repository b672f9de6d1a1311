"""Names in a user's strategy or queue model that nothing defines: found before the compiler is asked, which takes most of a minute."""

from __future__ import annotations

import ast
import builtins
import difflib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, get_type_hints

from simcore.errors import StrategyError
from simcore.link import Linked


class Fault(NamedTuple):
    """A line of the file, and what is wrong with a name on it."""

    line: int
    text: str


def refuse_unknown(linked: Linked) -> None:
    """Refuse names that are not defined in the linked files, and fields that their contexts and parameters do not have: STRAT-009."""
    own = linked.name.rsplit(", ", 1)  # the strategy, and the file of a queue model if there is one
    for shown, module in ((own[0], linked.strategy), (own[-1], sys.modules.get(f"{linked.package}.queue_custom"))):
        if module is None or not module.__file__ or linked.python is not None:
            continue
        fault = next(unknown_names(Path(module.__file__).read_text(encoding="utf-8"), module), None)
        if fault is not None:
            raise StrategyError("STRAT-009", f"{shown}: line {fault.line}: {fault.text}")


def unknown_names(source: str, module: ModuleType) -> Iterator[Fault]:
    """Yield the faults in the functions of a module, in order of their lines; module: the source, imported."""
    known = {**vars(builtins), **vars(module)}
    tree = ast.parse(source)
    faults = [fault for node in tree.body if isinstance(node, ast.FunctionDef) for fault in _of_function(node, module, known)]
    yield from sorted(faults)


def _of_function(function: ast.FunctionDef, module: ModuleType, known: dict[str, Any]) -> Iterator[Fault]:
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    stored = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    inner = {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
    local = stored | inner | {node.name for node in ast.walk(function) if isinstance(node, ast.FunctionDef)}
    local |= {alias.asname or alias.name.partition(".")[0] for node in ast.walk(function) if isinstance(node, (ast.Import, ast.ImportFrom)) for alias in node.names}
    types = _types(getattr(module, function.name, None))
    records = {each.arg: types[each.arg] for each in arguments if each.arg in types and each.arg not in stored}
    for node in (node for statement in function.body for node in ast.walk(statement)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in local and node.id not in known:
            yield Fault(node.lineno, f"{node.id} is not defined{_nearest(node.id, [*local, *known])}")
        elif isinstance(node, ast.Attribute):
            owner = _record_of(node.value, records)
            if owner is not None and not hasattr(owner, node.attr):
                yield Fault(node.lineno, f"{ast.unparse(node.value)} ({owner.__name__}) has no {node.attr}{_nearest(node.attr, owner._fields)}")


def _types(function: Any) -> dict[str, Any]:
    """Return the named tuples that arguments of a function are annotated with."""
    try:
        hints = get_type_hints(getattr(function, "py_func", function))
    except (NameError, TypeError, AttributeError):  # the compiler does not look at annotations
        return {}
    return {name: kind for name, kind in hints.items() if _is_record(kind)}


def _record_of(node: ast.expr, records: dict[str, Any]) -> Any:
    """Return the named tuple that `argument` or `argument.field.field` is, None where that is not known."""
    if isinstance(node, ast.Name):
        return records.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = _record_of(node.value, records)
        kind = None if owner is None else _fields(owner).get(node.attr)
        return kind if _is_record(kind) else None
    return None


def _fields(kind: Any) -> dict[str, Any]:
    try:
        return get_type_hints(kind)
    except (NameError, TypeError):
        return {}


def _is_record(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields")


def _nearest(name: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, names, 1)
    return f"; did you mean {near[0]}?" if near else ""
