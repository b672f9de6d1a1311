"""Hashes that tell damage: of files, and of JSON objects that carry their own under the key `sha256`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

KEY = "sha256"


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def object_hash(tree: Mapping[str, Any], key: str = KEY) -> str:
    """Return the SHA-256 of a JSON object's canonical text (keys sorted, no spaces), without `key`."""
    plain = json.loads(json.dumps(dict(tree)))
    plain.pop(key, None)
    return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def sealed(tree: Mapping[str, Any], key: str = KEY) -> dict[str, Any]:
    """Return a JSON object with its hash under `key`, as the last one."""
    plain = {name: value for name, value in tree.items() if name != key}
    return {**plain, key: object_hash(plain, key)}


def is_whole(tree: Mapping[str, Any], key: str = KEY) -> bool:
    """Return whether a JSON object is the one whose hash it carries under `key`."""
    return tree.get(key) == object_hash(tree, key)
