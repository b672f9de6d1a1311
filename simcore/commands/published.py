"""`mmsim published`: results of papers, derived again and held against what was printed."""

from __future__ import annotations

from pathlib import Path

import click

from simcore.commands.options import JSON
from simcore.commands.output import print_figures, say


@click.command()
@click.argument("names", metavar="[NAME…]", nargs=-1)
@click.option("--fast", is_flag=True, help="A tenth of the samples.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the page of all results (docs/published.md) to this file.")
@JSON
def published(names: tuple[str, ...], fast: bool, out: Path | None, as_json: bool) -> None:
    """Derive published results again and compare.

    All of them, or those named: then every number is shown. Exit code 1 if one differs.
    """
    from simcore.published.derive import RESULTS, derive

    unknown = [name for name in names if name not in RESULTS]
    if unknown:
        raise click.UsageError(f"no such result: {', '.join(unknown)}; known: {', '.join(RESULTS)}")
    if out is not None and names:
        raise click.UsageError("--out writes the page of all results; name none")
    from simcore.published.view import page, result_text

    results = []
    for result in derive(names, fast):
        results.append(result)
        if not as_json:
            say(result_text(result, every_number=bool(names)))
    ok = all(result.ok for result in results)
    if as_json:
        print_figures({"ok": ok, "fast": fast, "results": [result.to_dict() for result in results]}, as_json)
    if out is not None:
        from simcore.files import write_text

        write_text(out, page(results, fast))
    if not ok:
        raise click.exceptions.Exit(1)
