"""Members of many tar files by name, without extraction."""

from __future__ import annotations

import os
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hps.errors import HpsError
from hps.synthesis.production.tar_file import find_members

OPEN_FILES: Final = 64
"""Of one reader; a system allows a process 1024 by default."""
AGAIN: Final = "find what is damaged and make it again with: humanrig synthesize DATASET --verify"


@dataclass(frozen=True, slots=True)
class _Opened:
    file: int
    members: dict[str, dict[str, tuple[int, int]]]
    """First byte and length, by key and ending."""


class TarReader:
    """Reads at places, so that processes that were forked do not disturb each other; opens files when needed."""

    def __init__(self) -> None:
        """Opens nothing."""
        self._open: OrderedDict[Path, _Opened] = OrderedDict()

    def endings(self, tar: Path, key: str) -> list[str]:
        """What follows `KEY.` in the names of a key's members, in their order."""
        return list(self._opened(tar).members.get(key, ()))

    def read(self, tar: Path, key: str, ending: str) -> bytes:
        """The content of a member. Raises HpsError when the file ends before it does, or has no such member."""
        opened = self._opened(tar)
        if ending not in opened.members.get(key, ()):
            raise HpsError(f"{tar} has no '{key}.{ending}'; {AGAIN}")
        first, size = opened.members[key][ending]
        content = os.pread(opened.file, size, first)
        if len(content) != size:
            raise HpsError(f"{tar} ends within '{key}.{ending}'; {AGAIN}")
        return content

    def _opened(self, tar: Path) -> _Opened:
        if tar not in self._open:
            while len(self._open) >= OPEN_FILES:
                os.close(self._open.popitem(last=False)[1].file)
            members: dict[str, dict[str, tuple[int, int]]] = {}
            for name, place in find_members(tar).items():
                key, _, ending = name.partition(".")
                members.setdefault(key, {})[ending] = place
            self._open[tar] = _Opened(os.open(tar, os.O_RDONLY), members)
        self._open.move_to_end(tar)
        return self._open[tar]

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._open = OrderedDict()

    def __del__(self) -> None:
        for opened in getattr(self, "_open", {}).values():
            os.close(opened.file)
