"""The command line: `humanrig COMMAND`; an expected error ends in one sentence and exit code 1."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import tyro

from humanrig.commands import (
    actions,
    capture,
    check,
    demo,
    devices,
    evaluate,
    export,
    host,
    import_,
    models,
    reconstruct,
    repair,
    report,
    rig,
    sample,
    simulate,
    subjects,
)
from humanrig.terminal import say

COMMANDS = {
    "demo": demo.demo,
    "sample": sample.sample,
    "simulate": simulate.simulate,
    "devices": devices.devices,
    "rig": rig.rig,
    "capture": capture.capture,
    "actions": actions.actions,
    "subjects": subjects.subjects,
    "host": host.host,
    "import": import_.import_,
    "reconstruct": reconstruct.reconstruct,
    "export": export.export,
    "evaluate": evaluate.evaluate,
    "check": check.check,
    "repair": repair.repair,
    "report": report.report,
    "models": models.models,
}
DESCRIPTION = """From a ring of RGB-D sensors to calibrated, clean, textured, parametric 4D humans.

A take is a SESSION, a folder. Start with `humanrig demo`, or with a recording of yours:
`humanrig import SOURCE SESSION`, then `humanrig reconstruct SESSION`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code (0 done, 1 an expected error, 2 wrong usage, 130 interrupted)."""
    try:
        result = tyro.extras.subcommand_cli_from_dict(
            COMMANDS,
            prog="humanrig",
            description=DESCRIPTION,
            args=None if arguments is None else list(arguments),
            config=(tyro.conf.FlagCreatePairsOff,),
        )
    except expected_errors() as error:
        say(f"humanrig: {error}")
        return 1
    except KeyboardInterrupt:
        say("humanrig: interrupted; finished stages are kept, run the same command to go on")
        return 130
    return result if isinstance(result, int) else 0


def expected_errors() -> tuple[type[BaseException], ...]:
    """Errors that speak to the user: the base class of each package, and files that cannot be read or written."""
    from body.errors import BodyError
    from calibration.errors import CalibrationError
    from capture.errors import CaptureError
    from geometry.errors import GeometryError
    from hps.errors import HpsError
    from humanrig.errors import HumanrigError
    from registration.errors import RegistrationError
    from texture.errors import TextureError

    ours = (GeometryError, BodyError, CaptureError, CalibrationError, RegistrationError, TextureError, HpsError)
    return (*ours, HumanrigError, PermissionError, FileNotFoundError, OSError)


def run() -> None:
    """Entry point of the `humanrig` program."""
    sys.exit(main())


if __name__ == "__main__":
    run()
