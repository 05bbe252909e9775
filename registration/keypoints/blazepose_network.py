"""A tflite network on LiteRT with its outputs known by shape."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from registration.errors import RegistrationError


class Network:
    """One loaded network. Not to be shared between threads."""

    def __init__(
        self, path: Path, input_shape: tuple[int, ...], outputs: Mapping[str, tuple[int, ...]], threads: int = 1
    ) -> None:
        """`outputs`: name → shape without the batch axis. Raises RegistrationError when the file does not fit."""
        from ai_edge_litert.interpreter import Interpreter

        path = Path(path)
        if not path.is_file():
            raise RegistrationError(f"detector weights {path} are missing; run: humanrig models check")
        try:
            self._interpreter = Interpreter(str(path), num_threads=threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise RegistrationError(f"{path} is not a tflite network ({error}); fetch it again") from None
        (inputs,) = self._interpreter.get_input_details()
        by_shape = {tuple(d["shape"][1:].tolist()): d["index"] for d in self._interpreter.get_output_details()}
        if tuple(inputs["shape"][1:].tolist()) != input_shape or not set(outputs.values()) <= set(by_shape):
            raise RegistrationError(f"{path} is another network than expected: its input is {inputs['shape'].tolist()}")
        self._input = inputs["index"]
        self._outputs = {name: by_shape[shape] for name, shape in outputs.items()}

    def run(self, x: Float32[np.ndarray, "*shape"]) -> dict[str, Float32[np.ndarray, "..."]]:
        """Outputs by name, without the batch axis."""
        self._interpreter.set_tensor(self._input, np.asarray(x, np.float32)[None])
        self._interpreter.invoke()
        return {name: self._interpreter.get_tensor(index)[0] for name, index in self._outputs.items()}
