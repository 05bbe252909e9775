"""`humanrig devices`: what is attached to this computer, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from capture.found_device import DriverReport
from humanrig.terminal import print_json, say


def devices(json: bool = False) -> int:
    """List the attached sensors: serial number, firmware, place on the synchronisation cable, and what is wrong.

    A phone is listed once it has connected; see humanrig phone --help. Exit code 0: all that was found can be used;
    1: something is wrong with a device.

    Args:
        json: Print the list as JSON.
    """
    from capture.rig.looking import look_everywhere

    reports = look_everywhere()
    bad = any(device.problems for report in reports for device in report.devices)
    if json:
        print_json({"drivers": [asdict(report) for report in reports], "usable": not bad})
        return 1 if bad else 0
    for line in lines_of(reports):
        print(line)
    if not any(report.devices for report in reports):
        say("nothing is attached; a rig without hardware: humanrig rig init --virtual SESSION")
    else:
        say("next: humanrig rig init")
    return 1 if bad else 0


def lines_of(reports: Sequence[DriverReport]) -> list[str]:
    """One line a device, what is wrong below it, and one line for each driver that cannot look."""
    lines = [f"{'driver':<13}{'serial':<15}{'model':<22}{'sync':<13}firmware"]
    for report in reports:
        for device in report.devices:
            lines.append(
                f"{device.driver:<13}{device.serial or '?':<15}{device.model:<22}{device.sync or '–':<13}"
                f"{device.firmware or '?'}"
            )
            lines += [f"{'':<13}! {problem}" for problem in device.problems]
        if report.unavailable:
            lines.append(f"{report.driver:<13}cannot be used: {report.unavailable}")
        elif not report.devices:
            lines.append(f"{report.driver:<13}nothing attached")
        lines += [f"{'':<13}! {note}" for note in report.notes]
    return lines
