"""Small sources of converters, good and bad."""

from __future__ import annotations

from pathlib import Path


def lobster_lines(count: int) -> list[str]:
    """Return LOBSTER messages: orders on both sides of 100, every third one deleted again."""
    lines = []
    for i in range(count):
        seconds = 34200 + i * 0.01
        if i % 3 == 2:
            lines.append(f"{seconds:.9f},3,{i},10,{price_of(i - 1)},{side_of(i - 1)}")
        else:
            lines.append(f"{seconds:.9f},1,{i + 1},10,{price_of(i)},{side_of(i)}")
    return lines


def price_of(i: int) -> int:
    return 1_000_000 + (-100 if side_of(i) == 1 else 100) * (1 + i * 7 % 13)


def side_of(i: int) -> int:
    return 1 if i % 2 else -1


def write_lobster(path: Path, count: int) -> Path:
    path.write_text("\n".join(lobster_lines(count)) + "\n")
    return path
