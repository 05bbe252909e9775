"""`humanrig rig init` and `humanrig rig check`: rig.toml written from what is attached, and the rig tried with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import arg

from humanrig.commands.group import group
from humanrig.errors import HumanrigError
from humanrig.terminal import print_json, progress, say

if TYPE_CHECKING:
    from capture.iphone.server import PhoneServer
    from capture.rig.fitness import Fitness
    from capture.rig.rig_file import RigFile

RIG_FILE = Path("rig.toml")
NOTED_EVERY_S = 15.0


def init(
    rig: Annotated[Path, arg(metavar="FILE")] = RIG_FILE,
    virtual: Annotated[Path | None, arg(metavar="SESSION")] = None,
    play: Annotated[Path | None, arg(metavar="SESSION")] = None,
) -> int:
    """Write rig.toml from what is attached, with comments: devices, modes, exposure, order on the cable, delays.

    An existing file is never overwritten. A rig without hardware plays a session, simulated or recorded:
    humanrig rig init --virtual SESSION, with faults that can be switched on; --play SESSION, as it was.

    Args:
        rig: File to write.
        virtual: Virtual devices that play this session; the file names the faults that they can have.
        play: Every device of this session, as it was recorded.
    """
    from capture.rig.looking import look_everywhere
    from capture.rig.writing import check_new_rig, found_rig, played_rig, write_rig

    if virtual is not None and play is not None:
        raise HumanrigError("--virtual and --play were both given; choose one")
    check_new_rig(rig)
    session = virtual or play
    if session is not None:
        text = played_rig(session, "virtual" if virtual else "play", beside=rig.parent)
    else:
        reports = look_everywhere()
        for report in reports:
            for problem in (report.unavailable, *report.notes):
                if problem:
                    say(f"{report.driver}: {problem}")
        found = [device for report in reports for device in report.devices]
        for device in found:
            if not device.serial:
                say(f"{device.driver}: a device is left out: {' '.join(device.problems) or 'it has no serial'}")
        text = found_rig([device for device in found if device.serial])
    write_rig(rig, text)
    say(f"{rig}\nnext: read it, then humanrig rig check --rig {rig}")
    return 0


def check(
    rig: Annotated[Path, arg(metavar="FILE")] = RIG_FILE,
    seconds: Annotated[float, arg(metavar="S")] = 5.0,
    json: bool = False,
) -> int:
    """Run the rig for 5 s and say of each device whether it is fit to record.

    Looked at: frames a second, drops, distance from the master's pulse, empty depth pixels, exposures that differ,
    warm-up under 40 minutes, old firmware, small memory for USB. Nothing is recorded. With --seconds 2400 it keeps
    the rig running until it is warm.

    Exit code 0: every device is ready, perhaps with warnings; 1: something is wrong.

    Args:
        rig: The rig's file.
        seconds: How long to run it.
        json: Print the verdicts as JSON.
    """
    from capture.rig.device_settings import settings_of
    from capture.rig.devices_of import devices_of, phone_server
    from capture.rig.fitness import settings_warnings, try_rig
    from capture.rig.rig_file import read_rig
    from capture.rig.warm_up import RunningRecord

    if not seconds > 0:
        raise HumanrigError(f"--seconds {seconds:g} is too short; give 5 or so")
    read = read_rig(rig)
    settings = settings_of(read)
    server = phone_server(read)
    devices = devices_of(read, server)
    record = RunningRecord()
    serials = physical_serials(read, settings)
    noted = [0.0]
    with listening(server), progress("rig runs") as bar:

        def tick(passed: float, total: float) -> None:
            bar(round(10 * passed), round(10 * total))
            if passed - noted[0] >= NOTED_EVERY_S:
                noted[0] = passed
                record.running(serials.values())
                record.save()

        record.running(serials.values())
        found, _ = try_rig(devices, seconds=seconds, on_tick=tick)
    record.running(serials[f.device] for f in found if f.device in serials and not f.errors)
    problem = record.save()
    found = [_with_host_warnings(fitness, read, serials, record) for fitness in found]
    general = [text for text in (*settings_warnings(settings), _usb_warning(read), problem) if text]
    ready = all(fitness.level != "error" for fitness in found)
    if json:
        print_json({"devices": [_row(f) for f in found], "warnings": general, "ready": ready})
        return 0 if ready else 1
    for line in lines_of(found, general):
        print(line)
    say(f"ready: humanrig capture SESSION --rig {rig} --subject N --action N" if ready else "not ready")
    return 0 if ready else 1


@contextmanager
def listening(server: PhoneServer | None) -> Iterator[None]:
    """Phones can connect while it lasts; says where. None: the rig has no phone."""
    if server is None:
        yield
        return
    server.start()
    say(f"phones connect to {server.address.page}")
    try:
        yield
    finally:
        server.stop()


def physical_serials(rig: RigFile, settings: Any) -> dict[str, str]:
    """Name to serial of the sensors that need a warm-up."""
    from capture.rig.device_settings import value
    from capture.rig.warm_up import NEEDS_WARM_UP

    wanted = [entry.name for entry in rig.devices if entry.driver in NEEDS_WARM_UP]
    return {name: value(settings[name], "serial", "") or f"only {name}" for name in wanted}


def _with_host_warnings(fitness: Fitness, rig: RigFile, serials: dict[str, str], record: Any) -> Fitness:
    from capture.rig.fitness import firmware_warning
    from capture.rig.warm_up import warm_up_warning

    driver = next((entry.driver for entry in rig.devices if entry.name == fitness.device), "")
    more = [firmware_warning(driver, fitness.firmware)]
    if fitness.device in serials and not fitness.errors:
        more.append(warm_up_warning(serials[fitness.device], record))
    return replace(fitness, warnings=(*fitness.warnings, *(text for text in more if text)))


def _usb_warning(rig: RigFile) -> str:
    from capture.rig.looking import usbfs_warning

    return usbfs_warning(sum(entry.driver in ("azure_kinect", "realsense") for entry in rig.devices))


def lines_of(found: Sequence[Fitness], general: Sequence[str]) -> list[str]:
    """A line for each device, what is wrong below it, then what concerns the whole rig."""
    lines = [f"{'device':<18}{'verdict':<10}{'fps':<13}{'drops':>6}{'off pulse':>12}{'empty depth':>13}"]
    for one in found:
        images = [rate for name, rate in one.rates_hz.items() if name.endswith(("/color", "/depth", "/ir"))]
        rates = sorted({f"{rate:.1f}" for rate in images})
        pulse = "own clock" if one.residual is None else f"{one.residual.worst_us:.0f} us"
        empty = "–" if one.invalid_share is None else f"{one.invalid_share:.0%}"
        if one.errors and not one.rates_hz:
            pulse = "–"
        lines.append(
            f"{one.device:<18}{one.level:<10}{'/'.join(rates) or '–':<13}{one.dropped:>6}{pulse:>12}{empty:>13}"
        )
        lines += [f"{'':<18}! {text}" for text in (*one.errors, *one.warnings)]
    return [*lines, *(f"rig: ! {text}" for text in general)]


def _row(one: Fitness) -> dict[str, Any]:
    return {
        "device": one.device,
        "serial": one.serial,
        "firmware": one.firmware,
        "level": one.level,
        "rates_hz": dict(one.rates_hz),
        "dropped": one.dropped,
        "residual_us": None if one.residual is None else one.residual.worst_us,
        "invalid_share": one.invalid_share,
        "errors": list(one.errors),
        "warnings": list(one.warnings),
    }


rig = group(
    """Write rig.toml from what is attached, and try the rig with it.

    A day at the rig begins with humanrig rig check; humanrig capture records.
    """,
    {"init": init, "check": check},
)
