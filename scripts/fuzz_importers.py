"""Reads hostile and damaged files with every importer, and says what became of each.

Usage: python scripts/fuzz_importers.py [IMPORTER …] [--inputs 10000] [--seconds S] [--again] [--found]
    [--folder FOLDER] [--table FILE]
Inputs are made of small whole files by a number, so that a finding is found again by `--only NUMBER`. A run goes on
where the last one with the same folder ended. `--table` writes the table of docs/robustness.md from what was read so
far. Exits with 1 where an input crashed a reader, hung it, took too much memory, ended in a traceback, ran code or
wrote outside of its folder, and where a reader could not begin.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from fuzzing.catalogue import importers
from fuzzing.corpus import CannotMake, corpus_of
from fuzzing.driver import CannotStart, outcomes
from fuzzing.importer import Importer
from fuzzing.journal import Tally, read_tally, write_tally
from fuzzing.outcome import FINDINGS
from fuzzing.table import BEGIN, END, table

SAVE_EVERY = 200


def main() -> int:
    """Runs what is asked for; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("importers", nargs="*", help="names; all when left out")
    parser.add_argument("--inputs", type=int, default=10_000, help="of each importer, with those of runs before")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="at most, for each importer")
    parser.add_argument("--only", type=int, help="read this one input again and tell what becomes of it")
    parser.add_argument("--again", action="store_true", help="forget what was read before")
    parser.add_argument("--found", action="store_true", help="only importers with findings, or without an input so far")
    parser.add_argument("--folder", type=Path, default=Path(os.environ.get("HUMANRIG_CACHE", "~/.cache")) / "fuzzing")
    parser.add_argument("--table", type=Path, help="a Markdown file to write")
    options = parser.parse_args()
    folder = options.folder.expanduser()
    chosen = [each for each in importers() if not options.importers or each.name in options.importers]
    if options.found:
        chosen = [each for each in chosen if _is_open(read_tally(folder / f"{each.name}.json"))]
    if options.importers and not options.found and len(chosen) < len(set(options.importers)):
        parser.error(f"the importers are {', '.join(each.name for each in importers())}")
    if options.only is not None:
        for importer in chosen:
            for outcome in outcomes(importer.name, corpus_of(importer, folder / "corpus"), options.only, 1):
                print(importer.name, outcome.line())
        return 0
    began = [
        run(importer, folder, options.inputs, options.seconds, again=options.again)
        for importer in (chosen if options.seconds > 0 else [])
    ]
    tallies = {each.name: read_tally(folder / f"{each.name}.json") for each in importers()}
    if options.table:
        options.table.write_text(placed(options.table, table(importers(), tallies)))
    found = any(tallies[each.name].of(what) for each in chosen for what in FINDINGS)
    return 1 if found or not all(began) else 0


def placed(page: Path, made: str) -> str:
    """The page with the new table in the place of the old one; the table alone where there is no page."""
    text = page.read_text() if page.is_file() else ""
    if BEGIN not in text or END not in text:
        return made
    return text[: text.index(BEGIN)] + made + text[text.index(END) + len(END) :].lstrip("\n")


def _is_open(tally: Tally) -> bool:
    return not tally.done or any(tally.of(what) for what in FINDINGS)


def run(importer: Importer, folder: Path, inputs: int, seconds: float, *, again: bool) -> bool:
    """Reads until so many inputs were read or so much time is over; prints a line, and the findings.

    Returns whether it could begin.
    """
    path = folder / f"{importer.name}.json"
    tally = Tally() if again else read_tally(path)
    begun, before, began = time.monotonic(), len(tally.findings), True
    try:
        for outcome in outcomes(importer.name, corpus_of(importer, folder / "corpus"), tally.done, inputs - tally.done):
            tally.add(outcome)
            if tally.done % SAVE_EVERY == 0:
                write_tally(tally, path)
            if time.monotonic() - begun > seconds:
                break
    except (CannotMake, CannotStart) as error:  # its own whole files are refused, or it loads what is not installed
        print(f"{importer.name}: CANNOT START: {error}", flush=True)
        began = False
    write_tally(tally, path)
    counts = ", ".join(f"{tally.of(what)} {what}" for what in ("read", "refused", *FINDINGS) if tally.of(what))
    took = time.monotonic() - begun
    print(f"{importer.name}: {tally.done} inputs, {counts}; slowest {tally.slowest_s:.1f} s (input {tally.slowest}), "
          f"{tally.most_bytes / 2**20:.0f} MiB at most; {took:.0f} s", flush=True)  # fmt: skip
    for finding in tally.findings[before:]:
        print(f"  {finding['what']} {finding['number']} ({finding['fault']}): {finding['said']}", flush=True)
    return began


if __name__ == "__main__":
    sys.exit(main())
