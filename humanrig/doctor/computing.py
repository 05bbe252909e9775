"""The libraries that every reconstruction computes with, each made to do a small piece of its work."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator

from humanrig.doctor.finding import Finding, broken, look, off, ok


def compiled() -> Iterator[Finding]:
    """numba turns Python into machine code, and keeps it."""
    import numba
    import numpy as np

    @numba.njit
    def total(values):
        found = 0.0
        for value in values:
            found += value
        return found

    if total(np.arange(5.0)) != 10.0:
        yield broken("numba", f"{numba.__version__} computes wrongly", "run: pip install --force-reinstall numba")
        return
    yield ok("numba", f"{numba.__version__} compiles; {numba.get_num_threads()} threads")
    from geometry import rasterizer

    beside = os.path.dirname(rasterizer.__file__)
    if os.environ.get("NUMBA_CACHE_DIR") or os.access(beside, os.W_OK):
        yield ok("numba's cache", os.environ.get("NUMBA_CACHE_DIR") or "beside the code")
    else:
        yield look(
            "numba's cache",
            f"{beside} cannot be written; numba may keep compiled code in the home folder, or compile at each start",
            "set NUMBA_CACHE_DIR to a folder that you can write",
        )


def torch() -> Iterator[Finding]:
    """PyTorch differentiates; a graphics card, if there is one, does so too."""
    import torch

    x = torch.ones(3, requires_grad=True)
    (x * x).sum().backward()
    if x.grad is None or x.grad.tolist() != [2.0, 2.0, 2.0]:
        yield broken("torch", f"{torch.__version__} differentiates wrongly", "install torch again")
        return
    yield ok("torch", f"{torch.__version__}, {torch.get_num_threads()} threads")
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(index)
            sum_of = float(torch.arange(100, device=f"cuda:{index}", dtype=torch.float32).sum())
            if sum_of != 4950.0:
                yield look(f"GPU {index}", f"{properties.name} computes wrongly", "update its driver, or restart")
                continue
            yield ok(f"GPU {index}", f"{properties.name}, {properties.total_memory / 2**30:.0f} GB")
        return
    card = os.path.exists("/proc/driver/nvidia/version") or os.path.exists("/dev/nvidia0")
    if card and torch.version.cuda is None:
        fix = "for estimates on the card, install torch's build for CUDA (pip install torch)"
        yield look("GPU", "there is an NVIDIA card, but this torch is built for processors alone", fix)
    elif card:
        yield look("GPU", "torch cannot use the NVIDIA card", "update its driver (nvidia-smi must list the card)")
    else:
        yield off("GPU", "none", "none is needed; estimators run faster on an NVIDIA card")


def ray_casting() -> Iterator[Finding]:
    """Open3D meets triangles."""
    import numpy as np

    from geometry.errors import GeometryError
    from geometry.open3d_loading import load_open3d

    try:
        open3d = load_open3d()
    except GeometryError as error:
        yield broken("open3d", str(error).split("; ")[0], str(error).split("; ")[-1])
        return
    scene = open3d.t.geometry.RaycastingScene()
    corners = np.array([[-1, -1, 2], [1, -1, 2], [0, 1, 2]], np.float32)
    scene.add_triangles(corners, np.array([[0, 1, 2]], np.uint32))
    depth = float(scene.cast_rays(np.array([[0, 0, 0, 0, 0, 1]], np.float32))["t_hit"].numpy()[0])
    if abs(depth - 2) > 1e-5:
        yield broken("open3d", f"a triangle 2 m away was met at {depth:.3f} m", "run: pip install open3d-cpu==0.20.0")
    else:
        yield ok("open3d", f"{open3d.__version__} casts rays")


def pictures() -> Iterator[Finding]:
    """Images and videos are written and read again."""
    import cv2
    import numpy as np
    import simplejpeg

    from capture import depth_codec

    rng = np.random.default_rng(0)
    depth = rng.integers(0, 5000, (24, 32)).astype(np.uint16)
    png = np.asarray(cv2.imdecode(cv2.imencode(".png", depth)[1], cv2.IMREAD_UNCHANGED))
    if not np.array_equal(depth_codec.decode(depth_codec.encode(depth), 24, 32), depth) or not np.array_equal(
        png, depth
    ):
        yield broken(
            "depth images", "come back changed", "run: pip install --force-reinstall numba opencv-python-headless"
        )
    else:
        yield ok("depth images", f"come back as they were; OpenCV {cv2.__version__}")
    grey = np.full((32, 48, 3), 120, np.uint8)
    back = simplejpeg.decode_jpeg(simplejpeg.encode_jpeg(grey, colorspace="RGB"), colorspace="RGB")
    if np.abs(back.astype(int) - 120).max() > 3:
        yield broken("JPEG", "comes back changed", "run: pip install --force-reinstall simplejpeg")
    else:
        yield ok("JPEG", "is written and read")


def videos() -> Iterator[Finding]:
    """H.264 is written and read."""
    import av
    import numpy as np
    from av.codec import Codec

    names = []
    for name in ("libx264", "mpeg4"):
        try:
            Codec(name, "w")
            names.append(name)
        except ValueError:
            continue
    if not names:
        yield broken("video", f"av {av.__version__} can write neither H.264 nor MPEG-4", "run: pip install av")
        return
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream(names[0], rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"  # pyright: ignore[reportAttributeAccessIssue]
        for level in (40, 200):
            picture = np.full((48, 64, 3), level, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))  # pyright: ignore
        container.mux(stream.encode())  # pyright: ignore
    file.seek(0)
    with av.open(file, "r") as container:
        levels = [float(frame.to_ndarray(format="gray").mean()) for frame in container.decode(video=0)]
    if len(levels) != 2 or abs(levels[0] - 40) > 12 or abs(levels[1] - 200) > 12:
        yield broken("video", f"two pictures came back as {levels}", "run: pip install --force-reinstall av")
    elif names[0] != "libx264":
        yield look("video", f"av {av.__version__} writes {names[0]} alone", "install av from its wheel for H.264")
    else:
        yield ok("video", f"av {av.__version__} writes and reads H.264")


def tables() -> Iterator[Finding]:
    """Parquet, as sync/frames.parquet is."""
    import pyarrow
    import pyarrow.parquet

    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"instant": [1, 2]}), file)
    file.seek(0)
    if pyarrow.parquet.read_table(file)["instant"].to_pylist() != [1, 2]:
        yield broken("parquet", "comes back changed", "run: pip install --force-reinstall pyarrow")
    else:
        yield ok("parquet", f"pyarrow {pyarrow.__version__} writes and reads")


def drawing() -> Iterator[Finding]:
    """How meshes are drawn: by a graphics card, or by the processor."""
    from geometry.errors import GeometryError
    from geometry.face_raster.rasterizer import open_rasterizer

    try:
        opened = open_rasterizer("egl")
    except GeometryError as error:
        why = str(error).removeprefix("no EGL drawing here ").split("; ")[0]
        fix = "none is needed; for drawing on a graphics card install its driver and libegl1"
        yield off("EGL", f"meshes are drawn by the processor {why}", fix)
        return
    driver = getattr(opened, "driver", "?")
    if getattr(opened, "is_software", False):
        yield off("EGL", f"{driver}: software, so that numba draws instead", "none is needed")
    else:
        yield ok("EGL", f"draws with {driver}")
    opened.close()


def usd() -> Iterator[Finding]:
    """USD files are made."""
    from texture.files.usd_library import Usd, UsdGeom

    stage = Usd.Stage.CreateInMemory()
    UsdGeom.Mesh.Define(stage, "/mesh")
    version = ".".join(str(part) for part in Usd.GetVersion())
    if stage.GetPrimAtPath("/mesh"):
        yield ok("USD", f"{version} (export --format usd)")
    else:
        yield off("USD", f"{version} makes nothing", "for export --format usd, run: pip install usd-core")
