"""All published results by name: what `mmsim published` calls."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from simcore.published.derive_queues import de_larrard, queue_models, stoikov_talreja
from simcore.published.derive_quotes import avellaneda_stoikov, gueant
from simcore.published.result import Result
from simcore.published.size import FAST, FULL, Size

RESULTS: dict[str, Callable[[Path, Size], Result]] = {
    "avellaneda-stoikov": avellaneda_stoikov,
    "glft": gueant,
    "stoikov-talreja": stoikov_talreja,
    "de-larrard": de_larrard,
    "queue-models": queue_models,
}


def derive(names: Sequence[str] = (), fast: bool = False) -> Iterator[Result]:
    """Yield the named results, all of them by default, as they are done. Their tapes live in a temporary folder.

    fast  a tenth of the samples. Seeds are fixed: the same numbers each time.
    """
    for name in names or RESULTS:
        with tempfile.TemporaryDirectory(prefix="mmsim-published-") as folder:
            yield RESULTS[name](Path(folder), FAST if fast else FULL)
