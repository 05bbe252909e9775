"""Which phones are connected now: a running server says so in a small file, `discover()` reads it."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from capture.found_device import DriverReport, FoundDevice
from capture.iphone.pairing import PairingAddress, pairing_folder
from capture.iphone.phone_link import PhoneStatus
from geometry.told_values import json_of

FRESH_S = 5.0
"""A server writes twice a second; an older file was left by one that was killed."""


def discover(folder: Path | None = None) -> DriverReport:
    """The phones that are connected to any running phone server of this user. Never raises."""
    servers = _running(pairing_folder() if folder is None else folder)
    if not servers:
        start = (
            "no phone server runs; start one with: humanrig phone serve (for this computer alone; "
            "with --listen ADDRESS, this computer's in the network, phones reach it)"
        )
        return DriverReport(driver="iphone", notes=(start,))
    found = [_found(phone) for server in servers for phone in server["phones"]]
    notes = [f"phones connect at {server['page']}" for server in servers]
    return DriverReport(driver="iphone", devices=tuple(found), notes=tuple(notes))


def write_connected(folder: Path, address: PairingAddress, phones: Sequence[PhoneStatus]) -> None:
    """Says which phones are connected; a folder that cannot be written only hides them from `discover`."""
    state = {
        "page": address.page.split("#")[0],
        "written": time.time(),
        "phones": [
            {"serial": p.serial, "model": p.model, "app": p.app, "problems": _problems(p)}
            for p in phones
            if p.connected
        ],
    }
    path = _file(folder, address)
    partial = path.with_suffix(".partial")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial.write_text(json.dumps(state), "utf-8")
        partial.replace(path)


def withdraw(folder: Path, address: PairingAddress) -> None:
    """The server stops."""
    with contextlib.suppress(OSError):
        _file(folder, address).unlink()


def _problems(phone: PhoneStatus) -> list[str]:
    problems = [f"{phone.problem}; look at the phone"] if phone.problem else []
    if phone.clock.fit is None:
        problems.append(f"{phone.clock.sentence}; wait some seconds")
    return problems


def _found(phone: dict[str, Any]) -> FoundDevice:
    return FoundDevice(
        driver="iphone",
        serial=str(phone["serial"]),
        model=str(phone["model"]),
        firmware=str(phone["app"]),
        problems=tuple(str(p) for p in phone["problems"]),
    )


def _running(folder: Path) -> list[dict[str, Any]]:
    states = []
    for path in sorted(folder.glob("running/*.json")):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            state = json_of(path.read_text("utf-8"))
            if 0 <= time.time() - float(state["written"]) < FRESH_S:
                for phone in state["phones"]:
                    _found(phone)
                states.append(state)
    return states


def _file(folder: Path, address: PairingAddress) -> Path:
    return folder / "running" / f"{os.getpid()}_{address.port}.json"
