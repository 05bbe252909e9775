"""The process in which one part is tried: `python -m humanrig.doctor.child MODULE:FUNCTION DESCRIPTOR`."""

from __future__ import annotations

import importlib
import json
import os
import sys
from dataclasses import asdict


def main(call: str, descriptor: str) -> None:
    """Writes each finding as a line of JSON as soon as it is known; standard output belongs to the libraries."""
    module, _, function = call.partition(":")
    for finding in getattr(importlib.import_module(module), function)():
        os.write(int(descriptor), (json.dumps(asdict(finding)) + "\n").encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)  # some sensor libraries crash while they are unloaded, after everything has worked
