"""The command line: `humanrig COMMAND`; an expected error ends in one sentence and exit code 1."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any, TextIO, Union, cast

import tyro

from humanrig.commands import (
    actions,
    benchmark,
    board,
    calibrate,
    calibration,
    capture,
    check,
    clouds,
    demo,
    devices,
    doctor,
    estimate,
    evaluate,
    export,
    host,
    import_,
    keypoints,
    mesh,
    models,
    phone,
    plan,
    reconstruct,
    register,
    repair,
    report,
    rig,
    sample,
    scenes,
    score,
    simulate,
    subjects,
    synthesize,
    texture,
    video,
    view,
)
from humanrig.expected_errors import expected_errors, in_words
from humanrig.out_of_memory import is_out_of_memory
from humanrig.terminal import PlainOutput, say

COMMANDS = {
    "demo": demo.demo,
    "doctor": doctor.doctor,
    "sample": sample.sample,
    "simulate": simulate.simulate,
    "synthesize": synthesize.synthesize,
    "scenes": scenes.scenes,
    "devices": devices.devices,
    "rig": rig.rig,
    "board": board.board,
    "capture": capture.capture,
    "actions": actions.actions,
    "subjects": subjects.subjects,
    "host": host.host,
    "import": import_.import_,
    "calibrate": calibrate.calibrate,
    "calibration": calibration.calibration,
    "reconstruct": reconstruct.reconstruct,
    "plan": plan.plan,
    "clouds": clouds.clouds,
    "keypoints": keypoints.keypoints,
    "register": register.register,
    "mesh": mesh.mesh,
    "texture": texture.texture,
    "export": export.export,
    "estimate": estimate.estimate,
    "evaluate": evaluate.evaluate,
    "score": score.score,
    "benchmark": benchmark.benchmark,
    "check": check.check,
    "repair": repair.repair,
    "view": view.view,
    "report": report.report,
    "video": video.video,
    "models": models.models,
    "phone": phone.phone,
}
GATHERED = ("--option", "--without", "--terms", "--method", "--parts")
"""Words that take several values and may be given several times."""
DESCRIPTION = """From a ring of RGB-D sensors to calibrated, clean, textured, parametric 4D humans.

A take is a SESSION, a folder. Start with `humanrig demo`, or with a recording of yours:
`humanrig import SOURCE SESSION`, then `humanrig reconstruct SESSION`.
At a rig: `humanrig rig init`, `humanrig rig check`, `humanrig capture SESSION`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code (0 done, 1 an expected error, 2 wrong usage, 130 interrupted)."""
    try:
        words = _gathered(sys.argv[1:] if arguments is None else arguments)
        if words[:1] == ["import"]:
            import_.list_layouts()
        result = tyro.cli(
            _commands(in_brief=words[:1] in ([], ["-h"], ["--help"])),
            prog="humanrig",
            description=DESCRIPTION,
            args=words,
            config=(tyro.conf.FlagCreatePairsOff,),
        )
    except expected_errors() as error:
        say(f"humanrig: {in_words(error)}")
        return 1
    except KeyboardInterrupt:
        say("humanrig: interrupted; finished stages are kept, run the same command to go on")
        return 130
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        say(
            f"humanrig: there is not enough memory ({str(error).strip() or 'MemoryError'}); close other programs, or "
            "use fewer processes, such as --option texture.workers=1; finished stages are kept"
        )
        return 1
    return result if isinstance(result, int) else 0


def _gathered(words: Sequence[str]) -> list[str]:
    """The words with what follows each --option, --without and --terms in one place: given twice, both count."""
    gathered: list[str] = []
    values: dict[str, list[str]] = {}
    into = gathered
    for word in words:
        name, equals, value = word.partition("=")
        if word.startswith("--"):
            into = gathered
        if name not in GATHERED:
            into.append(word)
            continue
        if name not in values:
            values[name] = []
            gathered.append(name)
        into = values[name]
        into += [value] if equals else []
    return [one for word in gathered for one in (word, *values.get(word, ()))]


def _commands(*, in_brief: bool) -> Any:
    """The union of all commands; `in_brief` they are described by their first sentence, for the list of them."""
    kinds = []
    for name, command in COMMANDS.items():
        brief = " ".join((command.__doc__ or "").split("\n\n")[0].split())
        shown = brief if in_brief else None
        kinds.append(Annotated[Any, tyro.conf.subcommand(name=name, description=shown, constructor=command)])
    return Union[tuple(kinds)]  # noqa: UP007 - of a list


def run() -> None:
    """Entry point of the `humanrig` program."""
    sys.stdout = cast(TextIO, PlainOutput(sys.stdout))
    sys.exit(main())


if __name__ == "__main__":
    run()
