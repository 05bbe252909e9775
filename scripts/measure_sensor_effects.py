"""Measures the depth camera's effects and writes the table into docs/depth_effects.md.

Usage: python scripts/measure_sensor_effects.py [--page FILE.md]
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import tyro
from sensor_effects.azure_kinect import rows
from sensor_effects.effect_row import as_markdown

PAGE = Path(__file__).resolve().parents[1] / "docs" / "depth_effects.md"
HEAD = "| effect | published |"


def main(page: Path = PAGE) -> None:
    """Prints the table and puts it in the place of the page's old one."""
    lines = page.read_text().splitlines()
    first = next((i for i, line in enumerate(lines) if line.startswith(HEAD)), None)
    if first is None:
        raise SystemExit(f"{page}: no table that starts with '{HEAD}'; add its first line where the table belongs")
    last = first
    while last < len(lines) and lines[last].startswith("|"):
        last += 1
    table = as_markdown(rows())
    print(table)
    page.write_text("\n".join([*lines[:first], table, *lines[last:]]) + "\n")


if __name__ == "__main__":
    tyro.cli(main)
