"""docs/mutants.md: which faults were planted, and which test sees each. `python -m tests.mutants.page > docs/mutants.md`."""

from __future__ import annotations

from tests.mutants.planted import AREAS, TITLES

HEAD = """\
# Tests with teeth

A test that cannot fail proves nothing. So small faults, mutants, are planted in a copy of the code, one at a time, and a named test must fail for each.
`python -m tests.mutants` plays all of them (`python -m tests.mutants tape` those of an area), without the compiler, and says which test killed each; it
ends with 1 if one survives. `tests/mutants/` holds them: a file, a text that occurs in it once, what takes its place. The default tests make sure that
each text is still there; the slow ones play the mutants. A new rule of the code earns a line there, together with the test that sees it gone.

This page is made from them: `python -m tests.mutants.page > docs/mutants.md`.
"""


def page() -> str:
    """Return the page."""
    lines = [HEAD]
    for area, mutants in AREAS.items():
        lines += [f"## {TITLES[area]}", "", f"{len(mutants)} mutants (`{area}`).", "", "| file | fault | seen by |", "|---|---|---|"]
        lines += [f"| `{mutant.file}` | {mutant.words} | {_test(mutant.test)} |" for mutant in mutants]
        lines.append("")
    return "\n".join(lines)


def _test(test: str) -> str:
    file, _, function = test.partition("::")
    return f"`{file}`: {function.removeprefix('test_').replace('_', ' ')}"


if __name__ == "__main__":
    print(page(), end="")
