"""The program `humanrig`, which dies at the n-th change that it makes to a folder: program.py N FOLDER WORDS…"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from humanrig.cli import main
from scripts.faults.at_change import AtChange, die

if __name__ == "__main__":
    at, folder, *words = sys.argv[1:]
    if int(at):
        AtChange(Path(folder), int(at), die).arm()
    sys.exit(main(words))
