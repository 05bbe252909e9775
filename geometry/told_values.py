"""JSON and TOML from files that need not be honest: one kind of error for all that can be wrong with them."""

from __future__ import annotations

import json
import tomllib
from typing import Any


def json_of(text: str | bytes | bytearray) -> Any:
    """As `json.loads`. Raises ValueError for anything that is no JSON, also for lists within lists without end."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("its lists are nested too deeply") from None


def toml_of(text: str) -> dict[str, Any]:
    """As `tomllib.loads`. Raises TOMLDecodeError for anything else, also for endless nesting and endless numbers."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError:
        raise tomllib.TOMLDecodeError("its lists are nested too deeply") from None
    except (ValueError, OverflowError) as error:
        raise tomllib.TOMLDecodeError(str(error)[:200]) from None
