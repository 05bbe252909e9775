"""What became of one input."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Final

FINE: Final = ("read", "refused")
"""read: taken as whole, or with what was lost told. refused: an expected error, one sentence."""
FINDINGS: Final = ("crash", "hang", "memory", "traceback", "code", "outside")
"""crash: the process died of a signal. hang: more than HANG_S of processor time. memory: more than MEMORY_BYTES beyond
what the process took before. traceback: an exception that is not among the expected errors. code: a program, a pickle's
name or a network address that the input named was used. outside: something was written, moved or removed outside of
the scratch folder."""
HANG_S: Final = 5.0
"""Of processor time: what the machine does beside does not count."""
STUCK_S: Final = 60.0
"""Of waiting without using the processor."""
MEMORY_BYTES: Final = 512 * 2**20
"""What a reader may take for an input of some kilobytes, beside what it takes for the whole one: a picture of a hundred
million pixels, the largest that is decoded, has 300 MB."""
LIMIT_BYTES: Final = 3 * 2**30
"""Of address space beyond what the process had: where a reader would take all memory of the machine."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """Of one input."""

    number: int
    fault: str
    what: str
    """One of FINE or FINDINGS."""
    seconds: float = 0.0
    """Of processor time."""
    bytes: int = 0
    """The most memory, beyond what the process had before."""
    said: str = ""
    """The error, the place of it, or what was used."""

    def line(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, line: str) -> Outcome:
        """Of its JSON."""
        return cls(**json.loads(line))
