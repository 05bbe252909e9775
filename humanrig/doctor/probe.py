"""Each part is tried in a process of its own: a library that crashes or hangs is a line, and not the end of it all."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from humanrig.doctor.finding import Finding

TIMEOUT_S = 90.0
"""The slowest part, the networks, takes 6 s; more where nothing of torch has been read from the disk yet."""
_LAST_WORDS = 300
"""Letters of a process's last line that are shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """A function that says what it finds of one part."""

    name: str
    call: str
    """`module:function`; the function takes nothing and yields Findings."""
    core: bool
    """Whether nothing works without the part: then its crash is `broken`, else it is `off`."""
    fix: str
    """What to do when it crashes or hangs."""
    timeout_s: float = TIMEOUT_S


def run_probes(
    probes: Sequence[Probe], together: int, on_progress: Callable[[int, int], None] | None = None
) -> list[list[Finding]]:
    """What each of the probes finds, in their order; so many of them are run at the same time."""
    done = 0
    running: list[subprocess.Popen[bytes]] = []
    interrupted = threading.Event()

    def started(process: subprocess.Popen[bytes]) -> None:
        running.append(process)
        if interrupted.is_set():
            _end_all(process)

    def one(probe: Probe) -> list[Finding]:
        nonlocal done
        found = run_probe(probe, started)
        done += 1
        if on_progress is not None:
            on_progress(done, len(probes))
        return found

    with ThreadPoolExecutor(max(1, together)) as pool:
        futures = [pool.submit(one, probe) for probe in probes]
        try:
            return [future.result() for future in futures]
        except BaseException:  # an interruption does not wait for parts that hang
            interrupted.set()
            pool.shutdown(wait=False, cancel_futures=True)
            for process in tuple(running):
                if process.poll() is None:  # the number of one that is gone may be another's by now
                    _end_all(process)
            raise


def run_probe(probe: Probe, on_start: Callable[[subprocess.Popen[bytes]], None] | None = None) -> list[Finding]:
    """What one probe finds; when its process ends early, how it ended beside what it had found by then."""
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as told:
        environment = os.environ | {"PYTHONFAULTHANDLER": "0", "K4A_ENABLE_LOG_TO_STDOUT": "0"}
        process = subprocess.Popen(  # -P: what lies in the present folder is not imported
            [sys.executable, "-P", "-m", "humanrig.doctor.child", probe.call, str(told.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            pass_fds=[told.fileno()],
            env=environment,
            start_new_session=True,  # its own children end with it
        )
        if on_start is not None:
            on_start(process)
        try:
            code = process.wait(probe.timeout_s)
            problem = "" if code == 0 else f"its process ended by {_ending(code)}"
        except subprocess.TimeoutExpired:
            problem = f"no answer within {probe.timeout_s:g} s"
        finally:
            _end_all(process)
        told.seek(0)
        found = [Finding(**json.loads(line)) for line in told.read().decode().splitlines() if line.endswith("}")]
        if not problem and found:
            return found
        said.seek(0)
        words = said.read().decode("utf-8", "replace").strip().splitlines()
        last = f": {words[-1].strip()[-_LAST_WORDS:]}" if words else ""
        state = "broken" if probe.core else "off"
        text = (problem or "it found nothing") + last
        return [*found, Finding(name=probe.name, state=state, text=text, fix=probe.fix)]


def spare_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def checkout() -> Path | None:
    """The folder of the source tree that runs; None for an installed package."""
    root = Path(__file__).parents[2]
    return root if (root / "pyproject.toml").is_file() else None


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {-code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"signal {-code}"


def _end_all(process: subprocess.Popen[bytes]) -> None:
    """Ends the process and what it started, and waits for it. Its group has its number also after its own end."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
