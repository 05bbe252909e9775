"""`humanrig host serve|record|merge`: several recording computers, one take."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from humanrig.commands.group import group
from humanrig.errors import HumanrigError
from humanrig.terminal import progress, say

if TYPE_CHECKING:
    from capture.hosts.address import HostAddress
    from capture.hosts.hosts_take import HostsTake

KEYS = Path("~/.config/humanrig/host").expanduser()


def serve(
    rig: Annotated[Path, arg(metavar="FILE")] = Path("rig.toml"),
    folder: Annotated[Path, arg(metavar="DIR")] = Path(),
    name: Annotated[str | None, arg(metavar="NAME")] = None,
    listen: Annotated[str, arg(metavar="ADDRESS")] = "127.0.0.1",
    port: int = 0,
    address_file: Annotated[Path | None, arg(metavar="FILE")] = None,
    certificates: Annotated[Path, arg(metavar="DIR")] = KEYS,
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

    found = read_rig(rig)
    recorder = HostRecorder(name or found.recording.host, lambda: devices_of(found), folder)
    with HostAgent(recorder, listen=listen, port=port, certificates=certificates) as address:
        say(f"{recorder.name} records into {folder.resolve()}; its address, which is a secret:")
        say(address.text)
        if address_file is not None:
            _write_secret(address_file, address.text)
        _until_ended()
    return 0


def record(
    session: Positional[Path],
    hosts: Annotated[str, arg(metavar="A,B")],
    seconds: float,
    subject: str = "",
    action: str = "",
    leave: bool = False,
) -> int:
    """Record one take on several computers: clocks compared, one start, parts fetched and merged.

    Every computer's devices start at one moment, the one with the master of the cable last. A computer that is lost
    does not stop the others.

    Args:
        session: Folder of the session to make; parts come beside it as SESSION.HOST.
        hosts: Addresses that `humanrig host serve` printed, or files with them; the first one's clock is the session's.
        seconds: Length of the take; Ctrl-C ends it earlier.
        subject: Whose take it is.
        action: What is done in it.
        leave: Leave the parts where they were recorded, such as on a shared folder; merge later.
    """
    addresses = _addresses(hosts)
    _must_be_new(session)
    take = asyncio.run(_record(addresses, session, seconds, subject, action))
    take.write(session.parent)
    for line in take.verdict:
        say(line)
    lost = [part.name for part in take.parts if part.lost]
    if leave or lost:
        say(f"next: humanrig host merge {session}" + (" when the lost parts are repaired and here" if lost else ""))
        return 1 if lost else 0
    _fetch(take, addresses, session)
    return _merge(take, session, {}) or (0 if take.keep else 1)


def merge(
    session: Positional[Path],
    parts: Annotated[tuple[Path, ...], arg(metavar="DIR")] = (),
    hosts: Annotated[str, arg(metavar="A,B")] = "",
) -> int:
    """Make one session of the parts that computers recorded of one take.

    A part that is not there is left out, and that is said. The parts are kept.

    Args:
        session: Folder to make; SESSION.hosts.json, which `host record` wrote, must lie beside it.
        parts: Parts that do not lie beside it as SESSION.HOST.
        hosts: Fetch missing parts from these agents first: addresses, or files with them.
    """
    from capture.hosts.hosts_take import SUFFIX, read_take
    from capture.session import Session

    take = read_take(session.parent / f"{session.name}{SUFFIX}")
    if session.exists():
        raise HumanrigError(f"{session} exists; choose another folder, a session is never overwritten")
    if hosts:
        _fetch(take, _addresses(hosts), session)
    given: dict[str, Path] = {}
    for part in parts:
        named = [host.name for host in Session.open(part).info.hosts]
        given.update(dict.fromkeys(named, part))
    return _merge(take, session, given)


def _addresses(hosts: str) -> list[HostAddress]:
    from capture.hosts.address import HostAddress

    return [HostAddress.parse(text.strip()) for text in hosts.split(",") if text.strip()]


def _must_be_new(session: Path) -> None:
    for path in (session, *sorted(session.parent.glob(f"{session.name}.*"))):
        if path.exists():
            raise HumanrigError(f"{path} exists; choose another name, a take is never overwritten")


async def _record(
    addresses: Sequence[HostAddress], session: Path, seconds: float, subject: str, action: str
) -> HostsTake:
    from capture.hosts.recording import record_on_hosts

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    told: set[str] = set()

    def show(done_s: float, known: Mapping[str, Mapping[str, Any]]) -> None:
        update(min(round(done_s), round(seconds)), round(seconds))
        for name, status in known.items():
            for problem in status.get("problems", ()):
                if (text := f"{name}: {problem}") not in told:
                    told.add(text)
                    say(text)

    with progress("record") as update:
        return await record_on_hosts(
            addresses,
            session.name,
            seconds=seconds,
            subject=subject,
            action=action,
            on_progress=show,
            stop=stop,
        )


def _fetch(take: HostsTake, addresses: Sequence[HostAddress], session: Path) -> None:
    """Copies the parts that are not beside the session, from the agents that have them."""
    from capture.hosts.address import checked_name
    from capture.hosts.connection import HostConnection

    async def fetch(address: HostAddress) -> None:
        async with HostConnection(address) as link:
            name = checked_name((await link.ask("status"))["name"], address.url)
            if any(part.name == name for part in take.parts):
                await link.fetch(take.session, _part(session, name))
                say(f"{name}: its part is {_part(session, name)}")

    async def fetch_all() -> None:
        for address in addresses:
            await fetch(address)

    asyncio.run(fetch_all())


def _merge(take: HostsTake, session: Path, given: Mapping[str, Path]) -> int:
    from capture.hosts.merging import merge_take

    beside = {part.name: _part(session, part.name) for part in take.parts}
    folders = {**{name: folder for name, folder in beside.items() if folder.is_dir()}, **given}
    if not folders:
        wanted = ", ".join(str(folder) for folder in beside.values())
        raise HumanrigError(f"none of the parts is there ({wanted}); name them with --parts, or fetch with --hosts")
    merged = merge_take(take, folders, session)
    for note in merged.notes:
        say(f"note: {note}")
    for host in merged.session.info.hosts:
        say(f"{host.name:<16} clock {host.offset_us / 1e6:+.6f} s, within {host.offset_uncertainty_us / 1000:.2f} ms")
    say(f"{session}\nnext: humanrig check {session}; the parts {', '.join(map(str, folders.values()))} are kept")
    return 0


def _part(session: Path, host: str) -> Path:
    return session.parent / f"{session.name}.{host}"


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


host = group(
    "Record with several computers: an agent on each, one start, one session.",
    {"serve": serve, "record": record, "merge": merge},
)
