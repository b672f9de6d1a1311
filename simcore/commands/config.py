"""`mmsim config …`: what a configuration comes to, whether it is right, and bringing it to this version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from simcore.commands.options import CONFIG, JSON, SETS, VENUE, resolved
from simcore.commands.output import print_figures, print_refusal, print_warning, say
from simcore.door.shown import on_terminal
from simcore.errors import MmsimError

if TYPE_CHECKING:
    from simcore.config import Config

_FILE = click.Path(path_type=Path)


@click.group()
def config() -> None:
    """Show, check and migrate configurations."""


@config.command("show")
@CONFIG
@SETS
@VENUE
@click.option("--latency", metavar="SPEC", help="As of `mmsim replay`.")
@click.option("--strategy", metavar="NAME|FILE", help="As of `mmsim replay`.")
@click.option("--symbol", metavar="SYMBOL", help="What holds for one symbol: its own values over the common ones.")
@click.option("--origin", is_flag=True, help="One line a key, with where its value came from.")
@JSON
def config_show(symbol: str | None, origin: bool, as_json: bool, **choices: Any) -> None:
    """Print the configuration that a run would have.

    Defaults, venue profile, file, environment, --set and options, each over the one before. Printed as YAML that can
    be read again, with the hash that the run's folder would hold.
    """
    from simcore.config import config_hash, dump_config, symbol_config
    from simcore.config.load import keys_of
    from simcore.config.symbols import plain_tree

    made = resolved(**choices)
    chosen, origins = made.config, made.origins
    if symbol is not None:
        chosen, origins = symbol_config(chosen, symbol), _origins_of(chosen, symbol, origins)
    if as_json:
        figures = {"hash": config_hash(chosen), "config": plain_tree(chosen), **({"origins": origins} if origin else {})}
        print_figures(figures, as_json)
    elif origin:
        keys = list(keys_of(chosen))
        width = max(len(key) for key, _ in keys)
        for key, value in keys:
            say(f"{key:<{width}}  {json.dumps(value, ensure_ascii=False):<24}  {origins.get(key, 'default')}")
        say(f"hash {config_hash(chosen)}")
    else:
        say(f"# hash: {config_hash(chosen)}\n{dump_config(chosen)}", nl=False)


def _origins_of(config: Config, symbol: str, origins: dict[str, str]) -> dict[str, str]:
    """Return the origins of one symbol's values."""
    prefix = f"instruments.{symbol}."
    own = {key.removeprefix(prefix): text for key, text in origins.items() if key.startswith(prefix)}
    common = {key: text for key, text in origins.items() if not key.startswith("instruments.")}
    return {**common, **({"instruments": "default"} if config.instruments else {}), **own}


@config.command("check")
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=_FILE)
@JSON
def config_check(files: tuple[Path, ...], as_json: bool) -> None:
    """Check configuration files as far as a run would without a tape.

    Keys, values, venue profile, strategy, its parameters, queue model, recorded latencies. Exit code 2 if one is wrong:
    the first problem of each such file is on stderr.
    """
    results: dict[str, dict[str, Any]] = {}
    for path in files:
        try:
            results[str(path)] = {"ok": True, **_checked(path)}
        except MmsimError as exc:
            results[str(path)] = {"ok": False, "code": exc.code, "cause": exc.cause}
            if not as_json:
                print_refusal(exc)
    print_figures(results if as_json else {path: f"ok {found['hash']}" for path, found in results.items() if found["ok"]}, as_json)
    if not all(found["ok"] for found in results.values()):
        raise click.exceptions.Exit(2)


def _checked(path: Path) -> dict[str, Any]:
    """Return a right file's hash and strategy; raise what is wrong with it."""
    from simcore.config import config_hash, load_config, symbol_config
    from simcore.link import link
    from simcore.params import LATENCY_LEGS, queue_file, recorded, strategy_params

    chosen = load_config(path, warn=print_warning)
    for each in [chosen, *(symbol_config(chosen, symbol) for symbol in chosen.instruments)]:
        strategy_params(each.strategy.params, link(each.strategy.name, queue_file(each.venue.queue_model)))
        for leg in LATENCY_LEGS:
            delay = getattr(each.latency, leg)
            if delay.model == "recorded":
                recorded(delay, f"latency.{leg}")
    return {"hash": config_hash(chosen), "strategy": chosen.strategy.name}


@config.command("migrate")
@click.argument("path", metavar="FILE", type=_FILE)
@click.option("--out", type=_FILE, help="File to write to; default: stdout.")
@click.option("--in-place", is_flag=True, help="Write to FILE itself.")
@JSON
def config_migrate(path: Path, out: Path | None, in_place: bool, as_json: bool) -> None:
    """Bring a configuration file to this version's layout.

    Keys keep their order; comments are lost. What changed is said on stderr. A file that needs nothing is left alone.
    """
    from simcore.config.files import migrate_file

    if out is not None and in_place:
        raise click.UsageError("give --out or --in-place, not both")
    target = path if in_place else out
    made = migrate_file(path, target)
    for change in made.changes:
        click.echo(on_terminal(f"{path}: {change}"), err=True)
    if made.has_comments and made.is_changed:
        print_warning(f"{path}: its comments are not in the result")
    if as_json:
        shown = {"text": made.text} if target is None else {"out": str(target)}
        print_figures({"from": made.version, "to": made.version_now, "changes": made.changes, **shown}, as_json)
    elif target is None:
        say(made.text, nl=False)
    else:
        say(f"{target}: version {made.version_now}, {len(made.changes)} changes" if made.is_changed else f"{path}: nothing to change")


@config.command("schema")
def config_schema() -> None:
    """Print the JSON schema of configuration files, for editors and other programs."""
    from simcore.config.reference import json_schema

    say(json.dumps(json_schema(), indent=2))
