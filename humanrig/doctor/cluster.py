"""Parts for several machines and for the tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from humanrig.doctor.finding import Finding, off, ok

CLUSTER = "run: pip install 'humanrig[cluster]'"


def ray() -> Iterator[Finding]:
    """Ray loads; no cluster is started."""
    try:
        import ray
    except ImportError as error:
        yield off("ray", f"{error}; for reconstruct --executor ray", CLUSTER)
        return
    yield ok("ray", f"{ray.__version__} loads (reconstruct --executor ray)")


def object_stores() -> Iterator[Finding]:
    """fsspec reads what it wrote, and which stores it can reach."""
    try:
        import fsspec
    except ImportError as error:
        yield off("fsspec", f"{error}; for sessions in object stores", CLUSTER)
        return
    memory = fsspec.filesystem("memory")
    memory.pipe("/doctor/file", b"humanrig")
    if memory.cat("/doctor/file") != b"humanrig":
        yield off("fsspec", f"{fsspec.__version__} does not give back what was written", CLUSTER)
        return
    yield ok("fsspec", f"{fsspec.__version__} writes and reads")
    for name, package in (("s3", "s3fs"), ("gs", "gcsfs"), ("abfs", "adlfs")):
        try:
            fsspec.get_filesystem_class(name)
            yield ok(f"{name}://", f"by {package}")
        except ImportError:
            yield off(f"{name}://", f"{package} is not installed", f"for sessions there, run: pip install {package}")


def browser() -> Iterator[Finding]:
    """A headless browser, which only the tests of pages need."""
    found = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
    )
    if found:
        yield ok("browser for tests", found)
    else:
        yield off("browser for tests", "no chromium; tests of pages are skipped", "run: apt install chromium")
