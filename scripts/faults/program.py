"""The program `humanrig` with a fault: program.py FAULT FOLDER WORDS…

FAULT is none, or one of: die@N (as by kill -9, at the n-th change to FOLDER), full@N and readonly@N (the disk refuses
the n-th change), size@BYTES (no file may become larger, which every library that writes feels as a full disk), and
memory@MB (more address space than that is refused).
"""

from __future__ import annotations

import errno
import resource
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.faults.at_change import AtChange, die, failing

AT_CHANGE = {"die": die, "full": failing(errno.ENOSPC), "readonly": failing(errno.EROFS)}
LIMITS = {"size": resource.RLIMIT_FSIZE, "memory": resource.RLIMIT_AS}


def main() -> int:
    """Exit code of the program."""
    said, folder, *words = sys.argv[1:]
    fault, _, value = said.partition("@")
    from humanrig.cli import main as humanrig

    if fault in AT_CHANGE:
        AtChange(Path(folder), int(value), AT_CHANGE[fault]).arm()
    elif fault in LIMITS:
        bound = int(value) * (1 << 20 if fault == "memory" else 1)
        resource.setrlimit(LIMITS[fault], (bound, bound))
    return humanrig(words)


if __name__ == "__main__":
    sys.exit(main())
