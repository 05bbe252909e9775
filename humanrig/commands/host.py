"""`humanrig host serve|record|merge`: several recording computers, one take."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from humanrig.commands.catalogue_folder import catalogue_folder
from humanrig.commands.group import group
from humanrig.commands.host_serve import serve
from humanrig.errors import HumanrigError
from humanrig.terminal import progress, say

if TYPE_CHECKING:
    from capture.hosts.address import HostAddress
    from capture.hosts.hosts_take import HostsTake
    from capture.session import Session


def record(
    session: Annotated[Positional[Path], arg(metavar="SESSION")],
    hosts: Annotated[str, arg(metavar="HOSTS")],
    seconds: Annotated[float | None, arg(metavar="SECONDS")] = None,
    subject: Annotated[str | None, arg(metavar="NUMBER")] = None,
    action: Annotated[str | None, arg(metavar="NUMBER")] = None,
    catalogue: Annotated[Path | None, arg(metavar="FOLDER")] = None,
    leave: bool = False,
) -> int:
    """Record one take on several computers: clocks compared, one start, parts fetched and merged.

    Every computer's devices start at one moment, the one with the master of the cable last. A computer that is lost
    does not stop the others. Ten lines say keep or repeat, and why; they are kept in SESSION/take/verdict.txt.
    No prompts, no countdown and no dashboard: read the action to the person before.

    Exit code 0: the take is one to keep; 1: repeat it, or a part is lost.

    Args:
        session: Folder of the session to make; parts come beside it as SESSION.HOST.
        hosts: Addresses that `humanrig host serve` printed, or files with them, with commas between; the first one's
            clock is the session's.
        seconds: Length of the take, by default the action's; Ctrl-C ends it earlier.
        subject: Number in the catalogue, see humanrig subjects list; left out in a take of the empty room.
        action: Number or name in the catalogue, see humanrig actions list.
        catalogue: Folder of the catalogue; by default the one that rig.toml here names, else ./catalogue.
        leave: Leave the parts where they were recorded, such as on a shared folder; merge later.
    """
    who, what, usual_s = _catalogued(catalogue, subject, action)
    length_s = usual_s if seconds is None else seconds
    if length_s is None:
        raise HumanrigError("--seconds is missing; without --action nothing says how long the take is")
    addresses = _addresses(hosts)
    _must_be_new(session)
    take = asyncio.run(_record(addresses, session, length_s, who, what))
    take.write(session.parent)
    lost = [part.name for part in take.parts if part.lost]
    for line in take.verdict if leave or lost else take.verdict[1:]:
        say(line)
    if leave or lost:
        say(f"next: humanrig host merge {session}" + (" when the lost parts are repaired and here" if lost else ""))
        return 1 if lost else 0
    _fetch(take, addresses, session)
    return 0 if _merge(take, session, {}) else 1


def merge(
    session: Annotated[Positional[Path], arg(metavar="SESSION")],
    parts: Annotated[tuple[Path, ...], arg(metavar="FOLDER")] = (),
    hosts: Annotated[str, arg(metavar="HOSTS")] = "",
) -> int:
    """Make one session of the parts that computers recorded of one take.

    A part that is not there is left out, and that is said. The parts are kept. Ten lines say whether the take is one
    to keep; they are kept in SESSION/take/verdict.txt.

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
    _merge(take, session, given)
    return 0


def _catalogued(catalogue: Path | None, subject: str | None, action: str | None) -> tuple[str, str, float | None]:
    """Codes of subject and action as the catalogue has them, empty for none, and the action's length in seconds."""
    from capture.catalogue.actions import find_action, read_actions
    from capture.catalogue.built_in_actions import BUILT_IN
    from capture.catalogue.ids import subject_number
    from capture.catalogue.subjects import find_subject

    if subject is None and action is None:
        return "", "", None
    folder = catalogue_folder(catalogue)
    who = find_subject(folder, subject_number(subject)).code if subject is not None else ""
    if action is None:
        return who, "", None
    found = find_action(read_actions(folder, BUILT_IN), action)
    return who, found.code, found.seconds


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


def _merge(take: HostsTake, session: Path, given: Mapping[str, Path]) -> bool:
    """Makes the session and judges it; whether it is one to keep."""
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
    keep = _judge(take, merged.session)
    say(f"{session}\nnext: humanrig check {session}; the parts {', '.join(map(str, folders.values()))} are kept")
    return keep


def _judge(take: HostsTake, session: Session) -> bool:
    """Shows and writes the verdict on a merged take, as `humanrig capture` does; whether it is one to keep."""
    from capture.hosts.recorded_take import recorded_take
    from humanrig.rig.take_plan import TakePaths
    from humanrig.rig.verdict import judge

    title = " · ".join(code for code in (session.info.subject, session.info.action) if code)
    judged = judge(recorded_take(take, session), title=title, planned_s=take.planned_s)
    paths = TakePaths(folder=session.folder)
    paths.write_json("verdict.json", judged.as_json())
    paths.write_text("verdict.txt", "\n".join(judged.verdict.lines) + "\n")
    for line in judged.verdict.lines:
        say(line)
    return judged.verdict.keep


def _part(session: Path, host: str) -> Path:
    return session.parent / f"{session.name}.{host}"


host = group(
    "Record with several computers: an agent on each, one start, one session.",
    {"serve": serve, "record": record, "merge": merge},
)
