"""`humanrig doctor`: what is installed, which parts work, and how to mend those that do not."""

from __future__ import annotations

from dataclasses import asdict

from humanrig.terminal import print_json, progress, say


def doctor(json: bool = False) -> int:
    """Try every part of the installation and of this computer, and say how to mend what does not work.

    Each line is one part: `ok`; `off`, a part that is not there and not needed unless you want what it does; `look`,
    which works less well than it should; `broken`, without which nothing works. Each part is tried in a process of
    its own, so that a library that crashes or hangs is a line too. Nothing is downloaded or changed. Exit code 1 when
    a line says broken.

    Args:
        json: Print the lines as JSON.
    """
    from humanrig.doctor.every import PROBES
    from humanrig.doctor.probe import run_probes, spare_cores

    probes = [probe for group in PROBES.values() for probe in group]
    with progress("trying") as update:
        found = dict(zip(probes, run_probes(probes, spare_cores(), update), strict=True))
    findings = [finding for lines in found.values() for finding in lines]
    counts = {state: sum(one.state == state for one in findings) for state in ("ok", "off", "look", "broken")}
    if json:
        rows = [
            {"part": heading, **asdict(one)} for heading, group in PROBES.items() for p in group for one in found[p]
        ]
        print_json({"working": not counts["broken"], "counts": counts, "findings": rows})
        return 1 if counts["broken"] else 0
    wide = max(len(one.name) for one in findings)
    for heading, group in PROBES.items():
        print(heading)
        for finding in (one for probe in group for one in found[probe]):
            print(f"  {finding.state:<7}{finding.name:<{wide}}  {finding.text}")
            if finding.fix and finding.state != "ok":
                print(f"  {'':<7}{'':<{wide}}  -> {finding.fix}")
    words = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    say(f"{words}: " + ("mend what is broken first" if counts["broken"] else "everything that is needed works"))
    return 1 if counts["broken"] else 0
