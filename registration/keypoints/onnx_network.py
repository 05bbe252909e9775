"""A neural network from an ONNX file, run by OpenCV, or by ONNX Runtime where that is installed and OpenCV cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32

from registration.errors import RegistrationError
from registration.keypoints.onnx_header import OnnxHeader, read_header


class OnnxNetwork:
    """One loaded network with one image input. Not to be shared between threads."""

    def __init__(self, path: Path) -> None:
        """Raises RegistrationError for a file that is not ONNX, has several inputs, or cannot be run."""
        self.path = Path(path)
        self.header: OnnxHeader = read_header(self.path)
        if len(self.header.inputs) != 1:
            raise RegistrationError(
                f"detector {path} has {len(self.header.inputs)} inputs ({', '.join(self.header.inputs)}); a pose "
                "model has one, the image"
            )
        self._forward = _by_opencv(self.path, self.header) or _by_onnxruntime(self.path, self.header)
        if self._forward is None:
            raise RegistrationError(
                f"detector {path}: OpenCV {cv2.__version__} cannot run this model, and ONNX Runtime is not installed; "
                "run: pip install onnxruntime"
            )

    @property
    def input_size(self) -> tuple[int | None, int | None]:
        """Width and height of the image; None where the file leaves them open."""
        shape = next(iter(self.header.inputs.values()))
        return (shape[3], shape[2]) if len(shape) == 4 else (None, None)

    def run(self, x: Float32[np.ndarray, "3 height width"]) -> dict[str, np.ndarray]:
        """The outputs for one image, by name, without the batch axis. Raises RegistrationError when it fails."""
        assert self._forward is not None
        try:
            outputs = self._forward(np.ascontiguousarray(x[None], np.float32))
        except (cv2.error, RuntimeError) as error:
            shape = next(iter(self.header.inputs.values()))
            reason = str(error).strip().splitlines()[-1]
            raise RegistrationError(
                f"detector {self.path} failed on an image of {x.shape[2]}x{x.shape[1]} ({reason}); its input is "
                f"{shape}: say `input = [width, height]` in {self.path.with_suffix('.toml').name}"
            ) from None
        return {name: np.asarray(out)[0] for name, out in zip(self.header.outputs, outputs)}


def _by_opencv(path: Path, header: OnnxHeader) -> Callable[[np.ndarray], list[np.ndarray]] | None:
    try:
        network = cv2.dnn.readNetFromONNX(str(path))
    except cv2.error:
        return None
    names = list(header.outputs)

    def forward(x: np.ndarray) -> list[np.ndarray]:
        network.setInput(x)
        return list(network.forward(names))

    return forward


def _by_onnxruntime(path: Path, header: OnnxHeader) -> Callable[[np.ndarray], list[np.ndarray]] | None:
    try:
        import onnxruntime  # pyright: ignore[reportMissingImports]
    except ImportError:
        return None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the library's own errors have no common public class
        raise RegistrationError(f"detector {path} cannot be run ({str(error).splitlines()[0]})") from None
    (name,) = header.inputs
    return lambda x: [np.asarray(out) for out in session.run(list(header.outputs), {name: x})]
