"""One take on several recording computers: compared, armed, started at one moment, watched, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from capture.doubled_names import doubled_name
from capture.errors import CaptureError
from capture.hosts.address import HostAddress, HostError, checked_name
from capture.hosts.clock_comparison import ClockComparison, HostOffset
from capture.hosts.connection import HostConnection, HostLost
from capture.hosts.host_recorder import Clock, monotonic_us
from capture.hosts.hosts_take import HostPart, HostsTake

LEAD_S = 0.5
"""From the order to the agreed moment: many round trips of a bad network."""
STATUS_S = 0.5
SILENT_S = 5.0
OVERTIME_S = 30.0
"""A host that nobody stops ends its part so long after the agreed time."""

Progress = Callable[[float, Mapping[str, Mapping[str, Any]]], None]


@dataclass(kw_only=True)
class _Host:
    """One computer during a take."""

    link: HostConnection
    described: Mapping[str, Any]
    before: ClockComparison
    started_us: float = 0.0
    after: ClockComparison | None = None
    figures: Mapping[str, Any] | None = None
    lost: str = ""

    @property
    def name(self) -> str:
        return self.described["name"]

    @property
    def has_master(self) -> bool:
        return any(device["sync"] == "master" for device in self.described["devices"])


async def record_on_hosts(
    addresses: Sequence[HostAddress],
    session: str,
    *,
    seconds: float,
    subject: str = "",
    action: str = "",
    clock: Clock = monotonic_us,
    on_progress: Progress | None = None,
    stop: asyncio.Event | None = None,
) -> HostsTake:
    """Records one take; `stop` ends it before its time. The first address gives the session's clock.

    Raises HostError, and leaves nothing recorded, when a host cannot be reached, armed or started. What happens to a
    host after the start is told in the take: the others go on.
    """
    if not addresses:
        raise HostError("a take needs at least one recording host; give --hosts")
    if not seconds > 0:
        raise HostError(f"a take of {seconds} s records nothing; give --seconds above 0")
    links = [HostConnection(address, clock=clock) for address in addresses]
    try:
        hosts = [await _met(link) for link in links]
        check_hosts([host.described for host in hosts])
        await _arm(hosts, session, subject, action)
        begun_s = await _start(hosts, session, seconds, clock)
        stop = stop or asyncio.Event()
        await _watch(hosts, session, begun_s + seconds, on_progress, stop)
        took_s = time.monotonic() - begun_s
        await asyncio.gather(*(_stop(host, session) for host in hosts))
        for host in hosts:
            await _compare_again(host)
        return HostsTake(
            session=session,
            parts=tuple(_part(host, session, took_s) for host in hosts),
            planned_s=None if stop.is_set() else seconds,
        )
    finally:
        for link in links:
            await link.close()


def check_hosts(described: Sequence[Mapping[str, Any]]) -> None:
    """Raises HostError when the hosts' devices cannot make one session."""
    _once("two hosts are called", [host["name"] for host in described], "start one agent with another --name")
    devices = [device for host in described for device in host["devices"]]
    _once("two hosts have a device", [device["name"] for device in devices], "rename one in its rig.toml")
    serials = [device["serial"] for device in devices if device["serial"]]
    _once("two hosts name the serial", serials, "a device hangs on one host; correct rig.toml")
    masters = [device["name"] for device in devices if device["sync"] == "master"]
    if len(masters) > 1:
        raise HostError(f"the hosts have {len(masters)} masters ({', '.join(masters)}); a cable has one")
    if not masters and any(device["sync"] == "subordinate" for device in devices):
        raise HostError("the hosts have subordinates and no master; make one device the master, or all standalone")


def _once(what: str, names: Sequence[str], hint: str) -> None:
    if (doubled := doubled_name(names)) is not None:
        raise HostError(f"{what} '{doubled}'; {hint}")


async def _met(link: HostConnection) -> _Host:
    await link.connect()
    described = await link.ask("describe")
    link.name = checked_name(described["name"], link.address.url)
    if described["state"] == "armed":
        raise HostError(f"{link.name} is armed for another take; wait a minute: it gives up one that does not start")
    if described["state"] != "idle":
        raise HostError(f"{link.name} is {described['state']}; stop its take first")
    return _Host(link=link, described=described, before=await link.compare_clock())


async def _arm(hosts: Sequence[_Host], session: str, subject: str, action: str) -> None:
    """All, or none: only hosts that this take armed are disarmed, another take's stay as they are."""
    armed: list[_Host] = []
    try:
        for host in hosts:
            try:
                await host.link.ask("arm", session=session, subject=subject, action=action)
            except HostError as error:
                if isinstance(error, HostLost):  # it may have been armed before it was lost
                    armed.append(host)
                raise
            armed.append(host)
    except BaseException:
        await _disarm(armed, session)
        raise


async def _start(hosts: Sequence[_Host], session: str, seconds: float, clock: Clock) -> float:
    """Hosts without the master at one agreed moment; the master's host when all others run. When it was done."""
    last = [host for host in hosts if host.has_master]
    try:
        for together in ([host for host in hosts if not host.has_master], last):
            moment_us = clock() + round(1e6 * LEAD_S)
            orders = [_start_host(host, session, moment_us, seconds + OVERTIME_S) for host in together]
            failed = [e for e in await asyncio.gather(*orders, return_exceptions=True) if e is not None]
            if failed:
                raise failed[0]
    except CaptureError as error:
        await _disarm(hosts, session)
        for host in hosts:
            await _stop(host, session)
        raise HostError(f"the take was not started ({error}); parts that ran already hold a few frames") from None
    return time.monotonic()


async def _start_host(host: _Host, session: str, moment_us: int, at_most_s: float) -> None:
    at_us = round(moment_us + host.before.offset_us)
    started_us = await host.link.ask("start", session=session, at_us=at_us, at_most_s=at_most_s)
    host.started_us = started_us - host.before.offset_us


async def _disarm(hosts: Sequence[_Host], session: str) -> None:
    for host in hosts:
        with contextlib.suppress(HostError):  # it gives up by itself
            await host.link.ask("disarm", session=session)


async def _watch(
    hosts: Sequence[_Host], session: str, until_s: float, on_progress: Progress | None, stop: asyncio.Event
) -> None:
    """Until the time is over; a host that goes silent is asked again and again, the others never wait for it."""
    begun_s = time.monotonic()
    known: dict[str, Mapping[str, Any]] = {}
    asking: dict[str, asyncio.Task[None]] = {}

    async def ask(host: _Host) -> None:
        try:
            if not host.link.connected:
                await host.link.connect()
                if (await host.link.ask("describe"))["name"] != host.name:
                    raise HostLost("another agent answers there now")
            told = await host.link.ask("status", timeout_s=SILENT_S)
            known[host.name] = told
            going_on = told["session"] == session
            host.lost = "" if going_on else "its agent was started anew and records nothing"
        except HostError as error:
            host.lost = str(error)
            known[host.name] = {"name": host.name, "state": "lost", "problems": [str(error)]}

    try:
        while (left_s := until_s - time.monotonic()) > 0 and not stop.is_set():
            for host in hosts:
                if host.name not in asking or asking[host.name].done():
                    asking[host.name] = asyncio.create_task(ask(host))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), min(STATUS_S, left_s))
            if on_progress:
                on_progress(time.monotonic() - begun_s, dict(known))
            if known and all(told["state"] == "idle" for told in known.values()) and len(known) == len(hosts):
                return
    finally:
        for task in asking.values():
            task.cancel()
        await asyncio.gather(*asking.values(), return_exceptions=True)


async def _stop(host: _Host, session: str) -> None:
    try:
        if not host.link.connected:
            await host.link.connect()
        host.figures = await host.link.ask("stop", session=session)
        host.lost = ""
    except CaptureError as error:
        host.lost = host.lost or str(error)


async def _compare_again(host: _Host) -> None:
    """Without it the drift is not known, and the offset's uncertainty says so."""
    if not host.lost:
        with contextlib.suppress(CaptureError):
            host.after = await host.link.compare_clock()


def _part(host: _Host, session: str, took_s: float) -> HostPart:
    figures = dict(host.figures or {})
    return HostPart(
        name=host.name,
        devices=tuple(host.described["devices"]),
        offset=HostOffset(before=host.before, after=host.after, take_s=took_s),
        started_us=host.started_us,
        figures=figures,
        lost=host.lost,
        folder=str(figures.get("folder") or f"{host.described['folder']}/{session}.{host.name}"),
    )
