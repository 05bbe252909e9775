"""Camera-frames a second of the virtual rig, by step, and against other renderers: docs/rendering.md.

python scripts/benchmarks/benchmark_rendering.py [--peer-python a/venv/bin/python]
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "LP_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse  # noqa: E402
import multiprocessing  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402

sys.path[:0] = [str(Path(__file__).resolve().parents[n]) for n in (1, 2)]

import cv2  # noqa: E402
import numpy as np  # noqa: E402

from benchmarks.rendering_peers import Peer, run_peers, write_scene  # noqa: E402
from benchmarks.rendering_subject import make_figure, store_room  # noqa: E402
from benchmarks.rendering_work import Task, Work, make_config, run  # noqa: E402

TARGET_PER_S: dict[Work, float] = {"alone": 60, "effects": 25}
TITLES: dict[Work, str] = {"alone": "rasterised alone", "effects": "every sensor effect, JPEG, depth encoding"}
TARGET_RATIO = {"open3d": 10, "pyrender": 3}
MOST_MB = 2000


def measure(task: Task, processes: int) -> tuple[float, float, list[dict]]:
    """Camera-frames a second in the best round of several processes at once, their peak memory in MB, all answers."""
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(processes), context.Queue()
    workers = [context.Process(target=run, args=(task, barrier, answers)) for _ in range(processes)]
    for worker in workers:
        worker.start()
    got = [answers.get(timeout=300) for _ in workers]
    for worker in workers:
        worker.join()
    slowest = np.max([answer["rounds"] for answer in got], axis=0)
    frames = processes * task.instants * task.cameras
    return frames / slowest.min(), sum(answer["peak_mb"] for answer in got), got


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cameras", type=int, default=10, help="devices of the ring")
    parser.add_argument("--instants", type=int, default=3, help="frames of every device in a round")
    parser.add_argument("--rounds", type=int, default=5, help="the best round counts")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--backends", nargs="+", default=["numba", "egl"], choices=["numba", "egl"])
    parser.add_argument("--peer-python", default=sys.executable, help="Python that has pyrender")
    parser.add_argument("--no-peers", action="store_true", help="leave out the other renderers")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        folder, config = Path(name), make_config(args.cameras, args.seed)
        moving = make_figure(config)
        fields = {k: v for k, v in vars_of(moving.figure).items() if v is not None}
        np.savez(folder / "figure.npz", allow_pickle=False, **fields)
        np.save(folder / "surface.npy", moving.surface)
        store_room(config, folder)
        faces, texture = len(moving.figure.faces), moving.figure.texture.shape
        print(f"One dressed person: {faces} faces (the costume has {moving.costume_faces}), texture {texture[:2]};")
        print(
            f"{args.cameras} devices, depth 640x576 and colour 1280x720; one thread a process; best of {args.rounds}."
        )
        options = {"folder": folder, "cameras": args.cameras, "seed": args.seed, "rounds": args.rounds}
        own_ms = {backend: report(backend, args.instants, options) for backend in args.backends}
        if not args.no_peers:
            write_scene(folder / "scene.npz", config, moving)
            for peer in run_peers(folder / "scene.npz", args.peer_python):
                compare(peer, own_ms)


def report(backend: str, instants: int, options: dict) -> float:
    """Prints one backend's tables; milliseconds of a camera-frame drawn alone by one process."""
    alone_ms = np.inf
    for work in ("alone", "effects"):
        task = Task(work=work, backend=backend, instants=instants, **options)  # type: ignore[arg-type]
        print(f"\n## {backend}: {TITLES[work]}")
        for processes in (1, 2):
            per_s, peak_mb, got = measure(task, processes)
            if processes == 1 and work == "alone":
                alone_ms = 1000 / per_s
                print(f"driver: {got[0]['driver']}")
            target = f" (wanted: {TARGET_PER_S[work]:.0f} and {MOST_MB} MB)" if processes == 2 else ""
            busy = min(min(answer["cpu"]) for answer in got) / (instants * options["cameras"])
            print(f"{processes} process(es): {per_s:6.1f} camera-frames/s, {peak_mb:5.0f} MB{target}")
            print(
                f"  {1000 * busy:.1f} ms of processor time each, {processes / busy:.1f}/s on {processes} free core(s)"
            )
        steps = Task(work=work, backend=backend, instants=instants, by_step=True, **options)  # type: ignore[arg-type]
        _, _, got = measure(steps, 1)
        frames = steps.rounds * steps.instants * steps.cameras
        total = sum(got[0]["rounds"])
        rest = total - sum(got[0]["steps"].values())
        for step, seconds in sorted(got[0]["steps"].items(), key=lambda item: -item[1]):
            print(f"  {1000 * seconds / frames:6.2f} ms  {step}")
        print(f"  {1000 * rest / frames:6.2f} ms  copies, rest")
    return alone_ms


def compare(peer: Peer, own_ms: dict[str, float]) -> None:
    """Prints another renderer's time and the ratios to ours, or why it did not run."""
    if peer.reason:
        print(f"\n{peer.name} cannot run here ({peer.reason}); no ratio")
        return
    print(f"\n{peer.name} {peer.version}: depth {peer.depth_ms:.1f} ms + colour {peer.color_ms:.1f} ms")
    for backend, ms in own_ms.items():
        ratio = (peer.depth_ms + peer.color_ms) / ms
        print(f"  {ratio:.1f} times our {ms:.1f} ms with {backend} (wanted: {TARGET_RATIO[peer.name]})")


def vars_of(figure: object) -> dict[str, np.ndarray | None]:
    """Fields of a frozen dataclass without slots."""
    return dict(vars(figure))


if __name__ == "__main__":
    main()
