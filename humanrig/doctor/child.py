"""The process in which one part is tried: `python -m humanrig.doctor.child MODULE:FUNCTION DESCRIPTOR`."""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import sys
from dataclasses import asdict


def main(call: str, descriptor: str) -> None:
    """Writes each finding as a line of JSON as soon as it is known; standard output belongs to the libraries."""
    end_with_the_doctor()
    module, _, function = call.partition(":")
    for finding in getattr(importlib.import_module(module), function)():
        os.write(int(descriptor), (json.dumps(asdict(finding)) + "\n").encode())


def end_with_the_doctor() -> None:
    """The kernel ends this process when the one that waits for it is gone, also where a library hangs (Linux)."""
    set_death_signal = 1  # PR_SET_PDEATHSIG of prctl(2)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)  # some sensor libraries crash while they are unloaded, after everything has worked
