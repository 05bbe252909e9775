"""The stage `mesh`: the surface of every instant, tracked, free-form, or the fitted body with its clothes."""

from __future__ import annotations

from typing import Any

from humanrig.errors import HumanrigError
from humanrig.meshing.body_surface import body_surface
from humanrig.meshing.free_sequence import clear_cache, free_ahead, free_sequence
from humanrig.meshing.made import Made
from humanrig.meshing.options import MeshConfig, Surface
from humanrig.meshing.person_input import PersonInput, rows_of, rows_with_body
from humanrig.meshing.tracked_sequence import tracked_sequence
from humanrig.results import Results, people
from humanrig.stage import Ahead, Stage, StageContext
from humanrig.stages.per_person import Progress, for_everybody
from texture.files.mesh_sequence import write_index

__all__ = ["STAGE", "MeshConfig", "rows_of", "run"]

AHEAD_INSTANTS = 30


def run(context: StageContext) -> dict[str, Any]:
    """Writes personNN.npz and the segments of everybody who has a body; returns how well the surfaces fit.

    The figures at the top are the first person's.
    """
    figures = for_everybody(context, lambda results, progress: _person(context, results, progress))
    everybody = figures.get("people", {})
    if everybody:
        warnings = [f"{name}: {warning}" for name, one in everybody.items() for warning in one["warnings"]]
        figures["warnings"] = warnings
    return figures


def ahead(context: StageContext) -> None:
    """Makes the free surfaces of some instants, which then wait in the cache for `run`; other surfaces follow the body
    through the whole take."""
    for name in people(context.session):
        person, _ = _input(context, Results(context.session, name), context.everything)
        if _surface(context.config, person) == "free":
            free_ahead(person, context.without, set(context.instants), context.progress)


def _input(context: StageContext, results: Results, instants: list[int]) -> tuple[PersonInput, list[int]]:
    """What surfaces are made of, and the instants that have results without a finite body."""
    rows = rows_of(results.instants, instants)
    sound = rows_with_body(results.parameters, rows)
    missing = [results.instants[row] for row in rows if row not in sound]
    return PersonInput(results, context.config, tuple(sound)), missing


def _person(context: StageContext, results: Results, progress: Progress) -> dict[str, Any]:
    config: MeshConfig = context.config
    person, missing = _input(context, results, context.instants)
    surface = _surface(config, person)
    if surface == "body":
        made = body_surface(person, context.output, progress)
    elif surface == "free":
        made = free_sequence(person, context.output, context.without, progress, config.workers)
    else:
        made = tracked_sequence(person, context.output, context.without, progress, config.workers)
    write_index(context.output, results.person, made.entries)
    clear_cache(results)
    made.skipped.update(dict.fromkeys(missing, "the body is not finite"))
    return _figures(surface, made)


def _surface(config: MeshConfig, person: PersonInput) -> Surface:
    """What is made of a person. Raises HumanrigError for a surface of depth where there is none."""
    if config.surface in ("tracked", "free") and not person.has_clouds:
        raise HumanrigError(
            f"{person.results.session.folder} has no clouds, so there is no {config.surface} surface; "
            "leave surface out, or use --surface body"
        )
    if config.template is not None and config.surface in ("free", "body"):
        raise HumanrigError(f"mesh.template is for tracked surfaces, not for surface {config.surface}; leave one out")
    if config.template is not None and not person.has_clouds:
        raise HumanrigError(
            f"{person.results.session.folder} has no clouds, so mesh.template has nothing to follow; leave it out"
        )
    return config.surface or ("tracked" if person.has_clouds else "body")


def _figures(surface: Surface, made: Made) -> dict[str, Any]:
    flagged = sum(bool(flag) for _, _, flag in made.entries)
    return {
        "surface": surface,
        "instants": len(made.entries),
        **made.figures,
        "flagged": flagged,
        "without_surface": sorted(made.skipped),
        "warnings": made.warnings(),
    }


STAGE = Stage(
    name="mesh",
    folder="mesh",
    needs=("sync", "calibrate", "clouds", "register"),
    config=MeshConfig,
    run=run,
    ahead=Ahead(run=ahead, instants=AHEAD_INSTANTS, worth=lambda config: config.surface == "free"),
    version=4,
)
