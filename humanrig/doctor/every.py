"""All parts that the doctor tries, in the order in which they are shown."""

from __future__ import annotations

from humanrig.doctor.probe import Probe

_HERE = "humanrig.doctor"
_AGAIN = "install humanrig and its packages again (make setup, or pip install --force-reinstall humanrig)"


def _probe(name: str, call: str, core: bool, fix: str = _AGAIN) -> Probe:
    return Probe(name=name, call=f"{_HERE}.{call}", core=core, fix=fix)


PROBES: dict[str, tuple[Probe, ...]] = {
    "installed": (
        _probe("python", "packages:python", core=True),
        _probe("packages", "packages:required", core=True),
    ),
    "this computer": (_probe("computer", "machine:computer", core=True, fix="look at its disks: one does not answer"),),
    "computing": (
        _probe("numba", "computing:compiled", core=True, fix="run: pip install --force-reinstall numba llvmlite"),
        _probe("torch", "computing:torch", core=True, fix="install torch again, and update a GPU's driver"),
        _probe("open3d", "computing:ray_casting", core=True, fix="run: pip install open3d-cpu==0.20.0"),
        _probe("pictures", "computing:pictures", core=True),
        _probe("video", "computing:videos", core=True, fix="run: pip install --force-reinstall av"),
        _probe("parquet", "computing:tables", core=True, fix="run: pip install --force-reinstall pyarrow"),
        _probe("EGL", "computing:drawing", core=False, fix="none is needed; a driver of OpenGL crashed"),
        _probe("USD", "computing:usd", core=False, fix="for export --format usd, run: pip install usd-core"),
    ),
    "bodies and networks": (
        _probe("body model", "models:body_file", core=True),
        _probe("weights", "models:shipped_weights", core=False),
        _probe("BlazePose", "models:fetched", core=True, fix="run: pip install --force-reinstall ai-edge-litert"),
    ),
    "sensors": (
        _probe("Azure Kinect", "sensors:azure_kinect", core=False, fix="run: pip install pyk4a-bundle==1.5.0"),
        _probe("RealSense", "sensors:realsense", core=False, fix="run: pip install pyrealsense2==2.59.1.11053"),
        _probe("record3d", "sensors:record3d", core=False, fix="run: pip install record3d==1.4.1"),
        _probe("USB", "sensors:usb", core=False, fix="look at dmesg"),
    ),
    "cluster and tests": (
        _probe("ray", "cluster:ray", core=False, fix="run: pip install 'humanrig[cluster]'"),
        _probe("fsspec", "cluster:object_stores", core=False, fix="run: pip install 'humanrig[cluster]'"),
        _probe("browser for tests", "cluster:browser", core=False, fix="run: apt install chromium"),
    ),
}
"""By heading."""
