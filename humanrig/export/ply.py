"""PLY: the mesh and, where there is depth, the fused point cloud of each instant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from geometry.mesh_files import write_ply_cloud, write_ply_mesh
from humanrig.errors import HumanrigError
from humanrig.export.person import mesh_at, mesh_instants
from humanrig.results import Results


def write(results: Results, folder: Path, on_progress: Callable[[int, int], None]) -> list[str]:
    """Writes meshes/NNNNNN.ply and clouds/NNNNNN.ply; returns lines for source.txt.

    Raises HumanrigError when a session with depth has no cloud at all.
    """
    instants, without_cloud = mesh_instants(results), []
    (folder / "meshes").mkdir()
    (folder / "clouds").mkdir()
    for done, instant in enumerate(instants, 1):
        write_ply_mesh(folder / "meshes" / f"{instant:06d}.ply", mesh_at(results, instant))
        cloud = results.cloud(instant)
        if cloud is None:
            without_cloud.append(instant)
        else:
            write_ply_cloud(folder / "clouds" / f"{instant:06d}.ply", cloud)
        on_progress(done, len(instants))
    return [
        f"meshes/: {len(instants)} surfaces of body and clothes, without texture (use obj or glb for it)",
        _about_clouds(results, folder, without_cloud, len(instants)),
        "binary PLY; metres, z up, floor at z = 0 (the session's world)",
    ]


def _about_clouds(results: Results, folder: Path, without_cloud: list[int], instants: int) -> str:
    if len(without_cloud) == instants:
        if results.session.of_kind("depth"):
            raise HumanrigError(
                f"{results.session.path('clouds')} has no cloud although the session has depth; "
                f"run: humanrig reconstruct {results.session.folder} --from clouds"
            )
        (folder / "clouds").rmdir()
        return "clouds: none, the session has no depth"
    holes = f"; instants without a cloud: {' '.join(map(str, without_cloud))}" if without_cloud else ""
    return (
        f"clouds/: {instants - len(without_cloud)} fused clouds with normals, colours, index of the depth camera "
        f"(camera), standard deviation along the normal in metres (sigma), time in microseconds (time_us) and "
        f"number of the person (person){holes}"
    )
