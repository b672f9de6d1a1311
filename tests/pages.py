"""The blocks of README and docs/*.md, in page order, and a session that runs those of a page in a fresh folder.

    ```            commands: lines that begin with `mmsim`, `$ mmsim` or `VARIABLE=value mmsim`; other lines are output
    ```python      a file, if the sentence before it ends in "as `NAME.py`:"; else a part of the page's one Python session
    ```yaml        a file, if the sentence before it ends in "as `NAME.yaml`:"; else shown only
    ```text        not run: commands on the reader's own data, which name a placeholder of `OWN`
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
OWN = ("CAPTURE", "TAPE", "capture.gz", "glbx-mdp3.parquet", "SOURCE")  # what a reader has and we do not
TIMEOUT_S = 3600

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"as `([\w-]+\.(?:py|yaml))`:?\s*$")
_COMMAND = re.compile(r"(?:\$ )?((?:[A-Z_]+=\S+ )*mmsim .*)")


class Block(NamedTuple):
    """A fenced block: its language, its text, the line of the page where it begins, and the file that it is."""

    language: str
    text: str
    line: int
    file: str

    @property
    def commands(self) -> list[str]:
        """The commands of a block without a language; lines that end in a backslash go on."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [found[1] for line in lines if (found := _COMMAND.fullmatch(line.strip()))]


def path_of(page: str) -> Path:
    return ROOT / "README.md" if page == "README" else ROOT / "docs" / f"{page}.md"


def blocks(page: str) -> list[Block]:
    """Return the blocks of a page in order."""
    text = path_of(page).read_text(encoding="utf-8")
    found = []
    for match in _BLOCK.finditer(text):
        named = _FILE.search(text[: match.start()].rstrip())
        is_file = named is not None and match[1] in ("python", "yaml")
        found.append(Block(match[1], match[2], text.count("\n", 0, match.start()) + 2, named[1] if named and is_file else ""))
    return found


def steps(page: str) -> list[tuple[str, str, str]]:
    """Return what a session does with a page: (kind, where, text); kinds are file, command and python."""
    found = []
    for block in blocks(page):
        where = f"{path_of(page).name}:{block.line}"
        if block.file:
            found.append(("file", block.file, block.text))
        elif block.language == "python":
            found.append(("python", where, block.text))
        elif block.language in ("", "sh"):
            found += [("command", where, command) for command in block.commands]
    return found


def run(page: str, folder: Path, home: Path = ROOT) -> list[dict[str, Any]]:
    """Run a page in a folder with the samples, against the mmsim in `home`; return the summaries of the runs that it leaves."""
    (folder / "steps.json").write_text(json.dumps([("command", "the samples", "mmsim tape samples"), *steps(page)]))
    environment = {**os.environ, "PYTHONPATH": str(home), "MPLBACKEND": "Agg", "MMSIM_HOME": str(folder / "home")}
    done = subprocess.run(
        [sys.executable, str(Path(__file__).resolve()), "steps.json"], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
    )
    assert done.returncode == 0, f"{page}: {done.stderr[-3000:]}"
    return [json.loads(path.read_text()) for path in sorted(folder.rglob("summary.json")) if (path.parent / "run.json").is_file()]


def _session(notes: list[tuple[str, str, str]]) -> None:
    """Do the steps, in a process of their own; the first that fails ends it."""
    import cli

    names: dict[str, Any] = {"__name__": "page"}
    for kind, where, text in notes:
        print(f"--- {where}: {text.splitlines()[0]}", file=sys.stderr, flush=True)
        if kind == "file":
            Path(where).write_text(text, encoding="utf-8")
        elif kind == "python":
            exec(compile(text, where, "exec"), names)
        else:
            words = shlex.split(text, comments=True)
            variables = dict(word.split("=", 1) for word in words[: words.index("mmsim")])
            words = words[words.index("mmsim") + 1 :]
            # One process for all commands of a page loads the compiled engine once; an environment needs one of its own.
            program = [sys.executable, "-m", "cli", *words]
            code = subprocess.run(program, env={**os.environ, **variables}, check=False).returncode if variables else cli.run_command(words)
            if code != 0:
                sys.exit(f"{where}: exit code {code}: {text}")


if __name__ == "__main__":
    sys.path.pop(0)  # tests/, whose modules are not those of a user
    _session(json.loads(Path(sys.argv[1]).read_text()))
