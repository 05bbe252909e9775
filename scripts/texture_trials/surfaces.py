"""Surfaces of the stage mesh against the true ones: distances on what depth cameras saw, and whether they are whole."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from geometry.mesh import TriangleMesh
from texture.surfaces.comparison import compare_surfaces
from texture_trials.cases import Case
from texture_trials.gaps import largest_gap_cm2
from texture_trials.kept import Measured, measured, number, table
from texture_trials.stage_runs import StageRun, run_stage
from texture_trials.takes import Take, copied, opened

SURFACES: Final[dict[str, dict[str, Any]]] = {
    "tracked": {"surface": "tracked", "workers": 1},
    "free tsdf": {"surface": "free", "method": "tsdf", "workers": 1},
    "free poisson": {"surface": "free", "method": "poisson", "workers": 1},
    "body": {"surface": "body", "workers": 1},
}
"""Options of the stage mesh; workers 1, so that the time is that of one core."""
SEED = 7


def with_surface(case: Case, folder: Path, work: Path, variant: str, *, again: bool = False) -> tuple[Take, StageRun]:
    """A copy of the case whose stage mesh ran in a variant."""
    take = opened(case, copied(case, folder, work, variant.replace(" ", "_")))
    return take, run_stage(take.session, "mesh", SURFACES[variant], again=again)


def measure_surface(
    case: Case, folder: Path, work: Path, variant: str, instants: int = 6, *, again: bool = False
) -> Measured:
    """The figures of a case in a variant."""
    from humanrig.cli import expected_errors

    who = (case.name, case.row)
    try:
        take, ran = with_surface(case, folder, work, variant, again=again)
    except expected_errors() as error:
        return Measured(
            kind="surfaces", case=case.name, row=case.row, variant=variant, key="", error=str(error), figures={}
        )
    key = f"{ran.digest} {instants} gaps"
    found = measured(work, "surfaces", who, variant, key, lambda: _figures(take, instants), again=again)
    return replace(found, figures={**found.figures, "cpu_s": ran.cpu_s_per_instant}) if found.error is None else found


def _figures(take: Take, instants: int) -> dict[str, Any]:
    cameras = [camera for name, camera in take.true_cameras.items() if name.endswith("/depth")]
    meshes, errors, shapes = take.results.meshes, [], []
    wanted = take.instants(instants)
    for instant in wanted:
        if instant not in meshes.instants:
            continue
        made, true = meshes.surface(instant), take.true_surface(instant)
        shapes.append(described(made))
        rng = np.random.default_rng(SEED)
        found = compare_surfaces(made, true, cameras, rng)
        gap = largest_gap_cm2(made, true, cameras)
        errors.append({**asdict(found), "chamfer_mm": found.chamfer_mm, "gap_cm2": gap})
    return {
        "instants": len(meshes.instants),
        "missing": len(wanted) - len(errors),
        "segments": len(meshes.segments),
        "flagged": sum(bool(flag) for flag in meshes.flags),
        "errors": {name: float(np.mean([e[name] for e in errors])) for name in (errors[0] if errors else ())},
        "largest_gap_cm2": max((e["gap_cm2"] for e in errors), default=float("nan")),
        "worst_chamfer_mm": max((e["chamfer_mm"] for e in errors), default=float("nan")),
        "closed": sum(s["closed"] for s in shapes),
        "one_piece": sum(s["pieces"] == 1 for s in shapes),
        "outward": sum(s["volume_l"] > 0 for s in shapes),
        "faces": max((s["faces"] for s in shapes), default=0),
        "genus": max((s["genus"] for s in shapes), default=0),
        "measured": len(errors),
    }


def described(mesh: TriangleMesh) -> dict[str, Any]:
    """Whether a mesh is closed and of one piece, how many handles it has, and its volume in litres."""
    faces = np.asarray(mesh.faces, np.int64)
    used, inverse = np.unique(faces, return_inverse=True)
    faces = inverse.reshape(-1, 3)
    a, b = faces[:, [0, 1, 2]].ravel(), faces[:, [1, 2, 0]].ravel()
    graph = coo_matrix((np.ones(len(a), bool), (a, b)), shape=(len(used), len(used)))
    pieces = int(connected_components(graph, directed=False)[0])
    edges = len(np.unique(np.sort(np.stack([a, b], 1), 1), axis=0))
    closed = mesh.is_watertight()
    euler = len(used) - edges + len(faces)
    return {
        "closed": closed,
        "pieces": pieces,
        "genus": (2 * pieces - euler) // 2 if closed else 0,
        "volume_l": 1e3 * mesh.volume(),
        "faces": len(faces),
    }


def surfaces_table(found: list[Measured]) -> str:
    """One line for each case and variant."""
    head = ("take", "surface", "chamfer/2 mm", "worst instant", "F 5 mm", "accuracy p99 mm", "completeness p99 mm",
            "hidden mm", "largest gap cm²", "closed, one piece", "handles", "faces", "segments", "flagged",
            "s of one core")  # fmt: skip
    lines = []
    for m in found:
        if m.error is not None:
            lines.append((m.case, m.variant, m.error, *[""] * 12))
            continue
        f, e = m.figures, m.figures["errors"]
        lines.append((
            m.case, m.variant, number(e.get("chamfer_mm")), number(f["worst_chamfer_mm"]), number(e.get("f_5mm"), 4),
            number(e.get("accuracy_p99_mm"), 1), number(e.get("completeness_p99_mm"), 1), number(e.get("hidden_mm"), 1),
            number(f["largest_gap_cm2"], 1),
            f"{min(f['closed'], f['one_piece'], f['outward'])} of {f['measured']}", str(f["genus"]), str(f["faces"]),
            str(f["segments"]), f"{f['flagged']} of {f['instants']}", number(f["cpu_s"]),
        ))  # fmt: skip
    return table(head, lines)


def surface_means(found: list[Measured]) -> str:
    """One line for each variant: means over the takes, each counting the same, and the worst take."""
    head = ("surface", "takes", "chamfer/2 mm", "worst take", "F 5 mm", "worst take", "largest gap cm²",
            "s of one core", "failed")  # fmt: skip
    lines = []
    for variant in dict.fromkeys(m.variant for m in found):
        some = [m.figures for m in found if m.variant == variant and m.error is None and m.figures["errors"]]
        chamfer, f = ([s["errors"][name] for s in some] for name in ("chamfer_mm", "f_5mm"))
        seconds = [s["cpu_s"] for s in some if np.isfinite(s["cpu_s"])]
        lines.append((
            variant, str(len(some)), number(_mean(chamfer)), number(max(chamfer, default=None)),
            number(_mean(f), 4), number(min(f, default=None), 4),
            number(max((s["largest_gap_cm2"] for s in some), default=None), 1), number(_mean(seconds)),
            str(sum(m.variant == variant and m.error is not None for m in found)),
        ))  # fmt: skip
    return table(head, lines)


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
