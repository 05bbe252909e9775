"""Views that hang together: by boards that two cameras saw at once, or by their device."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from calibration.board_view import BoardView
from calibration.bundle.problem import DevicePair
from calibration.rig import device_of


def tied_views(views: Sequence[BoardView], pairs: Sequence[DevicePair]) -> list[BoardView]:
    """The views of the largest group of cameras that views and pairs tie, in their order: that with most devices, of
    equal ones that with most views."""
    group = {view.camera: view.camera for view in views}

    def root(name: str) -> str:
        while group[name] != name:
            name = group[name]
        return name

    at: dict[int, str] = {}
    for view in views:
        group[root(view.camera)] = root(at.setdefault(view.instant, view.camera))
    for pair in pairs:
        if pair.a in group and pair.b in group:
            group[root(pair.a)] = root(pair.b)
    members: dict[str, list[BoardView]] = defaultdict(list)
    for view in views:
        members[root(view.camera)].append(view)
    if not members:
        return []
    largest = max(members.values(), key=lambda part: (len({device_of(v.camera) for v in part}), len(part)))
    kept = set(map(id, largest))
    return [view for view in views if id(view) in kept]
