"""What a request says of itself, read so that nothing that it may hold is an error of ours."""

from __future__ import annotations

import hmac
import logging
from urllib.parse import urlsplit

from aiohttp.http_exceptions import HttpProcessingError


def host_name(host: str) -> str | None:
    """The name or address in a Host header, without its port; None where it holds none."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def is_from(origin: str, host: str) -> bool:
    """Whether an Origin header names the very server, by its name and port, that the Host header asks for."""
    try:
        return urlsplit(origin).netloc == host
    except ValueError:
        return False


def same_token(given: str, wanted: str) -> bool:
    """Compares without telling by its duration how much was right; `given` may be bytes that are no text."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode())


class _OursAlone(logging.Filter):
    """Lets through what a server has to say, but for requests that are no HTTP."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, HttpProcessingError)


def server_log() -> logging.Logger:
    """For `web.AppRunner(logger=…)`: anybody can send nonsense, and nobody may fill the terminal of a take with it."""
    log = logging.getLogger("capture.pages")
    if not log.filters:
        log.addFilter(_OursAlone())
    return log
