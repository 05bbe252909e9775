"""`humanrig host serve`: this computer records takes that another one starts."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from humanrig.errors import HumanrigError
from humanrig.terminal import say

KEYS = Path("~/.config/humanrig/host").expanduser()


def serve(
    rig: Annotated[Path, arg(metavar="FILE")] = Path("rig.toml"),
    folder: Annotated[Path, arg(metavar="FOLDER")] = Path(),
    name: Annotated[str | None, arg(metavar="NAME")] = None,
    listen: Annotated[str, arg(metavar="ADDRESS")] = "127.0.0.1",
    port: Annotated[int, arg(metavar="PORT")] = 0,
    address_file: Annotated[Path | None, arg(metavar="FILE")] = None,
    certificates: Annotated[Path, arg(metavar="FOLDER")] = KEYS,
) -> int:
    """Let another computer record takes with the devices of this one, until Ctrl-C.

    Prints this agent's address with its secret: who has that line may record here. Other computers reach it only with
    --listen, and then through TLS.

    Args:
        rig: This computer's devices.
        folder: Where its parts of takes are put; a shared folder saves fetching them.
        name: This computer's name in sessions; that of rig.toml ([recording] host) by default.
        listen: This computer's address in the network; without it only programs on this computer reach the agent.
        port: Port to listen at; 0 takes a free one.
        address_file: Also write the address into this file, readable by you alone.
        certificates: Folder that keeps the certificate and its key.
    """
    from capture.hosts.agent import HostAgent
    from capture.hosts.host_recorder import HostRecorder
    from capture.rig.devices_of import devices_of
    from capture.rig.rig_file import read_rig

    if not 0 <= port <= 65535:
        raise HumanrigError(f"--port {port} is no port; give one from 1 to 65535, or 0 for any that is free")
    found = read_rig(rig)
    recorder = HostRecorder(name or found.recording.host, lambda: devices_of(found), folder)
    with HostAgent(recorder, listen=listen, port=port, certificates=certificates) as address:
        say(f"{recorder.name} records into {folder.resolve()}; its address, which is a secret:")
        say(address.text)
        if address_file is not None:
            _write_secret(address_file, address.text)
        _until_ended()
    return 0


def _until_ended() -> None:
    """Ctrl-C or a polite kill: a take that is under way is then ended whole."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    while not ended.wait(0.5):
        pass


def _write_secret(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
    partial.replace(path)
