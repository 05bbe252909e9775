"""What runs in each process that makes shards."""

from __future__ import annotations

import os
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from capture.disk_space import is_full
from hps.errors import HpsError
from hps.synthesis.production.claims import Claims
from hps.synthesis.production.factory import Factory, Workplace
from hps.synthesis.production.shard_plan import Shard
from hps.synthesis.production.workbench import Workbench
from hps.synthesis.scenes.table import SceneTable


def run_worker(
    out: Connection, place: Workplace, table: SceneTable, shards: tuple[Shard, ...], factory: Factory, first: int
) -> None:
    """Works until all shards are there, and tells the parent through `out`."""
    import cv2

    cv2.setNumThreads(1)

    def tell(what: str, values: dict[str, Any]) -> None:
        try:
            out.send((what, values))
        except (BrokenPipeError, ConnectionResetError):  # the parent is gone; the next run clears what is half-made
            os._exit(1)

    try:
        with Claims(place.folder) as claims:
            Workbench(place, table, shards, factory).work(claims, tell, first)
        tell("finished", {})
    except HpsError as error:
        tell("error", {"text": str(error)})
    except MemoryError:
        tell("error", {"text": "there is not enough memory for a scene; use fewer processes (--workers)"})
    except OSError as error:
        where = error.filename or place.folder
        advice = f"; remove {place.cache}, it is made again" if str(where).startswith(f"{place.cache}/") else ""
        tell("error", {"text": f"{error.strerror or error} ({where}){advice}", "full": is_full(error)})
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        tell("error", {"text": f"{type(error).__name__}: {error} ({Path(where.filename).name}, line {where.lineno})"})
