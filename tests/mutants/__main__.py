"""`python -m tests.mutants [AREA…]`: play mutants and say what becomes of each; exit code 1 if one survives."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.mutants.harness import copy_to, play, prepare
from tests.mutants.planted import AREAS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description="Plant mutants and see which tests kill them.")
    parser.add_argument("areas", nargs="*", metavar="AREA", help=", ".join(AREAS))
    parser.add_argument("--words", default="", help="only mutants whose words hold this")
    chosen = parser.parse_args()
    prepare()
    survivors = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_to(Path(folder))
        for area in chosen.areas or AREAS:
            for mutant in AREAS[area]:
                if chosen.words in mutant.words:
                    killed_by = play(mutant, copy).killed_by
                    survivors += not killed_by
                    print(f"{area:<10} {killed_by or 'SURVIVES':<60}  {mutant.words}", flush=True)
    return int(survivors > 0)


if __name__ == "__main__":
    sys.exit(main())
