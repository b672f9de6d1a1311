"""Write tests/golden/digests.json anew: `python -m tests.golden.regenerate`. Say why in CHANGELOG.md."""

import json

from tests.golden.samples import DIGESTS, golden_run, names

if __name__ == "__main__":
    DIGESTS.write_text(json.dumps({name: golden_run(name)[0] for name in names()}, indent=2) + "\n")
    print(DIGESTS.read_text(), end="")
