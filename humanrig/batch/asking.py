"""What a batch is asked to do with each of its sessions, as what JSON can hold: it travels to other machines."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from humanrig.pipeline import Request, load_stage


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The options of `humanrig reconstruct`."""

    only: str | None = None
    until: str | None = None
    start: str | None = None
    frames: tuple[int, int] | None = None
    without: tuple[str, ...] = ()
    configs: dict[str, dict[str, Any]] = field(default_factory=dict)
    people: int | None = None
    shape_from: str | None = None
    scan_unit: str | None = None
    scan_up: str | None = None

    @classmethod
    def of(cls, values: dict[str, Any]) -> Asked:
        """What `values` said; JSON has no tuples."""
        frames = values["frames"]
        return cls(**{**values, "frames": frames and tuple(frames), "without": tuple(values["without"])})

    @property
    def values(self) -> dict[str, Any]:
        """What JSON can hold."""
        return asdict(self)

    @property
    def request(self) -> Request:
        """The same for the pipeline."""
        configs = {stage: dict(values) for stage, values in self.configs.items()}
        return Request(
            only=self.only,
            until=self.until,
            start=self.start,
            frames=self.frames,
            without=frozenset(self.without),
            configs=configs,
        )


def one_process(stage: str, request: Request) -> Request:
    """The request with one process for this stage, where it could use several and no option says how many: the batch
    itself keeps the machine busy."""
    configs = request.configs or {}
    values = configs.get(stage, {})
    if "workers" in values or "workers" not in getattr(load_stage(stage).config, "__dataclass_fields__", {}):
        return request
    return Request(**{**vars(request), "configs": {**configs, stage: {**values, "workers": 1}}})
