"""What an input makes the process do: programs that start, names that a pickle loads, files written elsewhere."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Final

CODE: Final = frozenset({
    "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "os.startfile", "subprocess.Popen",
    "pickle.find_class", "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request",
    "webbrowser.open", "ctypes.dlopen", "pty.spawn", "ftplib.connect", "sqlite3.load_extension",
})  # fmt: skip
"""Events of the interpreter (PEP 578) by which code of an input's maker, or an address that it names, is used."""
CHANGES: Final = frozenset({
    "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link", "os.truncate", "os.chmod", "os.chown",
    "shutil.rmtree", "shutil.move", "shutil.copyfile", "shutil.unpack_archive",
})  # fmt: skip
"""Events that change a path, which is among their first two values."""
FREE: Final = ("/dev/", "/proc/self/")


class Watch:
    """Remembers what happened outside of `places` since the last `forget`; one a process, as it cannot be undone."""

    def __init__(self, places: tuple[Path, ...]) -> None:
        self.places = tuple(str(place.resolve()) for place in places)
        self.found: list[tuple[str, str]] = []
        self.awake = False
        sys.addaudithook(self._happened)

    def forget(self) -> None:
        """Begins anew."""
        self.found.clear()

    def _happened(self, event: str, values: tuple[Any, ...]) -> None:
        if not self.awake:
            return
        if event in CODE:
            if event != "ctypes.dlopen" or _named(values) not in ("None", ""):
                self.found.append(("code", f"{event} {_named(values)}"[:300]))
        elif event == "open":
            path, _, flags = (*values, None, 0)[:3]
            writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
            if writes and isinstance(path, (str, bytes)) and not self._inside(path):
                self.found.append(("outside", f"open {os.fsdecode(path)} for writing"[:300]))
        elif event in CHANGES:
            for path in values[:2]:
                if isinstance(path, (str, bytes, os.PathLike)) and not self._inside(path):
                    self.found.append(("outside", f"{event} {os.fsdecode(path)}"[:300]))

    def _inside(self, path: Any) -> bool:
        text = os.fsdecode(path)
        if "\0" in text:
            return True  # no call of the system takes it
        parent, name = os.path.split(os.path.abspath(text))
        whole = os.path.join(os.path.realpath(parent), name)
        return whole.startswith(FREE) or any(
            whole == place or whole.startswith(place + os.sep) for place in self.places
        )


def _named(values: tuple[Any, ...]) -> str:
    return " ".join(str(value) for value in values[:2])
