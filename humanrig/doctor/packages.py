"""Python and the installed packages, against what humanrig asks for and what it was tested with."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from humanrig.doctor.finding import Finding, broken, look, off, ok
from humanrig.doctor.probe import checkout

PACKAGE = "humanrig"
OPTIONAL = {
    "cluster": "reconstruct over several machines",
    "record3d": "record an iPhone over USB by the app Record3D",
    "smpl": "compare with the package smplx",
}
"""Extras that users ask for, and what for."""
GLIBC = (2, 35)
"""The wheel with the Azure Kinect libraries is built for it: Ubuntu 22.04, Debian 12."""
_NAMED = 6
"""Packages that a line names."""


def python() -> Iterator[Finding]:
    """The interpreter and the system."""
    yield ok("python", f"{platform.python_version()} ({sys.executable})")
    yield ok(PACKAGE, metadata.version(PACKAGE) + (f", run from {checkout()}" if checkout() else ""))
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    libc, release = platform.libc_ver()
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        yield look("system", f"{system} is untested", "use Linux on x86-64, which the locked packages fit")
    elif libc == "glibc" and tuple(int(part) for part in release.split(".")[:2]) < GLIBC:
        yield look("system", f"{system}, glibc {release}", "use Ubuntu 22.04 or later for Azure Kinects: glibc 2.35")
    else:
        yield ok("system", f"{system}, {libc} {release}".rstrip(", "))


def required() -> Iterator[Finding]:
    """What `pip install humanrig` installs."""
    from packaging.requirements import Requirement

    every = [Requirement(text) for text in metadata.requires(PACKAGE) or ()]
    lacking, wrong, applying = [], [], 0
    extras: dict[str, list[str]] = {name: [] for name in OPTIONAL}
    for requirement in every:
        of = next((name for name in OPTIONAL if _only_of(requirement, name)), None)
        if requirement.marker is not None and of is None and not requirement.marker.evaluate({"extra": ""}):
            continue
        applying += of is None
        version = _version(requirement.name)
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            plain = f"{requirement.name}{requirement.specifier}"
            if of is not None:
                extras[of].append(plain)
            elif version is None:
                lacking.append(plain)
            else:
                wrong.append(f"{requirement.name} {version} (asked for: {requirement.specifier})")
    if lacking:
        yield broken("packages", f"missing: {', '.join(lacking)}", f"run: pip install {_quoted(lacking)}")
    if wrong:
        yield look("packages", f"of another version: {', '.join(wrong)}", "run: pip install --upgrade humanrig")
    if not lacking and not wrong:
        yield ok("packages", f"all {applying} that apply here are installed, in versions that were asked for")
    for name, missing in extras.items():
        if missing:
            fix = f"to {OPTIONAL[name]}, run: pip install {_quoted(missing)}"
            yield off(f"extra [{name}]", f"not installed: {', '.join(missing)}", fix)
        else:
            yield ok(f"extra [{name}]", f"installed, to {OPTIONAL[name]}")
    yield from tested_versions(checkout())


def tested_versions(folder: Path | None) -> Iterator[Finding]:
    """The versions of a source tree's requirements.lock; nothing for an installed package, which has none."""
    lock = folder / "requirements.lock" if folder else None
    if lock is None or not lock.is_file():
        return
    pinned = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)$", lock.read_text("utf-8"), re.MULTILINE)
    known = [(name, wanted, _version(name)) for name, wanted in pinned]
    others = [f"{name} {have} (tested: {wanted})" for name, wanted, have in known if have not in (None, wanted)]
    if others:
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        yield look(
            "tested versions",
            f"{len(others)} packages differ: {', '.join(others[:_NAMED])}{more}",
            f"run: pip install -r {lock}",
        )
    else:
        yield ok("tested versions", f"as in {lock.name} ({len(pinned)} packages)")


def _only_of(requirement: object, extra: str) -> bool:
    marker = getattr(requirement, "marker", None)
    return marker is not None and not marker.evaluate({"extra": ""}) and marker.evaluate({"extra": extra})


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _quoted(requirements: list[str]) -> str:
    return " ".join(f"'{one}'" for one in requirements)
