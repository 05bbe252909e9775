"""What the Azure Kinect SDK says of its failures: its log messages, collected for the call that they explain.

The C functions return only "failed"; the reason goes to the SDK's log. The log's callback is called on the thread that
fails: the caller's own for most calls, a USB or depth thread of the SDK for what goes wrong while frames flow. The
callback does not say which device it speaks of, so that a message from the SDK's own threads may be of another one.
"""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from capture.azure_kinect.structures import LOG_LEVELS

KEPT = 200
RECENT_S = 3.0
"""A device that fails while it runs is explained by what was said this long before."""
MAX_REASONS = 2

_DISPLAY = "depth needs OpenGL and an X display: set DISPLAY to a running X server"
HINTS: tuple[tuple[str, str], ...] = (
    (r"unavalable|LIBUSB_ERROR_ACCESS", "close programs that use it, or install the SDK's udev rules (99-k4a.rules)"),
    (r"No devices found", "plug one in, with its own power, at a USB 3 port"),
    (r"error code: 204|OpenGL|libGL|libX11|depth ?engine", _DISPLAY),
    (r"errno=12|NO_MEM", "raise /sys/module/usbcore/parameters/usbfs_memory_mb to 1000"),
    (r"sync (in|out) cable", "plug the synchronisation cable in, or correct the device's sync role"),
    (r"full queue", "the computer does not keep up: use fewer devices a USB controller"),
    (r"NO_DEVICE|No such device|disconnect|LIBUSB_ERROR_|Input/output error", "check its USB cable and power"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SdkMessage:
    """One line of the SDK's log."""

    level: str
    text: str
    at_s: float
    """`time.monotonic`."""
    from_sdk: bool
    """Said on a thread of the SDK's own, not inside a call of ours."""


class MessageLog:
    """The SDK's recent messages; written by its threads, read by ours."""

    def __init__(self) -> None:
        """An empty log."""
        self._lock = threading.Lock()
        self._recent: deque[SdkMessage] = deque(maxlen=KEPT)
        self._calls: dict[int, list[SdkMessage]] = {}

    def add(self, level: int, text: str) -> None:
        """Called by the SDK, on whichever of its threads."""
        name = LOG_LEVELS[level] if 0 <= level < len(LOG_LEVELS) else "error"
        with self._lock:
            own = self._calls.get(threading.get_ident())
            message = SdkMessage(level=name, text=text.strip(), at_s=time.monotonic(), from_sdk=own is None)
            self._recent.append(message)
            for collected in self._calls.values() if own is None else (own,):
                collected.append(message)

    @contextmanager
    def collecting(self) -> Iterator[list[SdkMessage]]:
        """The messages of the calls inside the block: those of this thread and of the SDK's own threads."""
        thread = threading.get_ident()
        collected: list[SdkMessage] = []
        with self._lock:
            self._calls[thread] = collected
        try:
            yield collected
        finally:
            with self._lock:
                self._calls.pop(thread, None)

    def recent(self, since_s: float = 0.0) -> list[SdkMessage]:
        """What the SDK's own threads said lately, and after `since_s` (`time.monotonic`), of whichever device."""
        since = max(since_s, time.monotonic() - RECENT_S)
        with self._lock:
            return [message for message in self._recent if message.from_sdk and message.at_s >= since]


def reason_of(messages: Sequence[SdkMessage]) -> str:
    """The messages that say what went wrong, with the next step where one is known; never empty.

    The SDK logs a failure once where it happens and once more for every function that it passes on its way out; those
    later lines name code and are left out, as are repeated ones.
    """
    said = [_clean(m.text) for m in messages if m.level in ("critical", "error", "warning") and not _is_trace(m.text)]
    texts = list(dict.fromkeys(text for text in said if text))
    if not texts:
        texts = list(dict.fromkeys(_clean(m.text) for m in messages[:1]))
    if not texts:
        return "the SDK gave no reason; power the device off and on"
    hints = [step for pattern, step in HINTS if any(re.search(pattern, text, re.IGNORECASE) for text in texts)]
    reason = "; ".join(texts[:MAX_REASONS])
    return f"{reason}; {hints[0]}" if hints else reason


def _clean(text: str) -> str:
    """Without the C function's name in front and the full stop behind."""
    return re.sub(r"^\w+\(\)\.\s*", "", text).strip().rstrip(".")


def _is_trace(text: str) -> bool:
    return "returned failure" in text or text.startswith("Invalid argument to")
