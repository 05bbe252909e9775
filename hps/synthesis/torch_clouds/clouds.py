"""Point clouds with labels of many cameras at once, in torch: surfaces to depth, sensor, points of people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from capture.virtual.tof.mixing import REACH
from hps.synthesis.torch_clouds.optics import CameraBatch, Windows
from hps.synthesis.torch_clouds.raster import Drawn, draw, exact
from hps.synthesis.torch_clouds.surfaces import Batch, Surface
from hps.synthesis.torch_clouds.surroundings import MIN_COSINE, Surroundings
from hps.synthesis.torch_clouds.tof import TofBatch, TofUnits

MARGIN_PX = 6
"""Around the people: what the light of an edge reaches, and a mask's error."""
SAMPLES = 2
"""In rows and in columns of each pixel, as the virtual rig's."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DepthBatch:
    """What the cameras measure around the people, and whose it really is."""

    windows: Windows
    depth: Float[Tensor, "images rows columns"]
    """As the sensor says, metres; 0 is missing."""
    true_depth: Float[Tensor, "images rows columns"]
    """At pixel centres, metres; inf where nothing is."""
    owner: Int[Tensor, "images rows columns"]
    """At pixel centres: 1 + actor, then the things; 0 the room."""
    part: Int[Tensor, "images rows columns"]
    """At pixel centres: 1 + SMPL joint; 0 of things and the room."""
    people: Int[Tensor, "images"]
    """Owners from 1 to this number are people."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CloudBatch:
    """The points of all images, one after the other."""

    points: Float[Tensor, "points 3"]
    """In the frame of the image's camera, metres."""
    image: Int[Tensor, "points"]
    """Ascending."""
    actor: Int[Tensor, "points"]
    """-1: not of a person (a dirty mask lets some in)."""
    part: Int[Tensor, "points"]
    """1 + SMPL joint; 0 where no person is."""
    pixel: Int[Tensor, "points 2"]
    """Row and column in the image."""
    counts: Int[Tensor, "images"]

    def fixed(self, number: int, generator: torch.Generator) -> Float[Tensor, "images number 3"]:
        """So many points of each image, drawn with repetition; NaN for an image without points."""
        first = self.counts.cumsum(0) - self.counts
        drawn = torch.rand(len(self.counts), number, generator=generator, device=generator.device)
        chosen = first[:, None] + (drawn * self.counts[:, None]).long().minimum((self.counts - 1)[:, None]).clamp(min=0)
        empty = (self.counts == 0)[:, None, None]
        if not len(self.points):
            return torch.full((len(self.counts), number, 3), torch.nan, device=self.points.device)
        return torch.where(empty, torch.nan, self.points[chosen.clamp(max=len(self.points) - 1)])


def measure(
    surfaces: Sequence[Surface],
    cameras: CameraBatch,
    sensor: TofBatch | None,
    surroundings: Surroundings,
    room: Int[Tensor, "images"],
    *,
    units: TofUnits | None = None,
    generator: torch.Generator,
) -> DepthBatch:
    """Depth around the people of image n, who are surface n, seen by camera n in room `room[n]`.

    `sensor` None: exact depth at pixel centres. `units` None: drawn for every image.
    """
    batch = Batch.of(surfaces, cameras)
    pixels = cameras.optics.project(batch.lens, batch.p_camera)
    windows = _windows(batch, pixels, cameras, torch.tensor([s.people for s in surfaces], device=pixels.device))
    z = batch.p_camera[:, 2]
    centers, rays = draw(pixels, z, batch.faces, batch.image, windows), windows.rays(cameras)
    figure_z, behind = exact(centers, batch.p_camera, batch.faces, rays), surroundings.hit(room, cameras, rays)
    room_z = torch.nan_to_num(behind[0], nan=torch.inf)
    front = figure_z < room_z
    true_depth = torch.where(front, figure_z, room_z)
    face = centers.face.clamp(min=0)
    depth = torch.where(torch.isfinite(true_depth), true_depth, 0)
    if sensor is not None:
        fine = draw(pixels, z, batch.faces, batch.image, windows, SAMPLES)
        z_fine, amplitude = _over(fine, batch, surroundings, room, cameras, windows, (room_z, behind[1]))
        depth = sensor.sense(
            z_fine,
            amplitude,
            cameras=cameras,
            windows=windows,
            surroundings=surroundings,
            room=room,
            units=units or TofUnits.draw(len(cameras), sensor.effects, generator),
            generator=generator,
        )
    return DepthBatch(
        windows=windows,
        depth=depth,
        true_depth=true_depth,
        owner=torch.where(front, batch.owner[face] + 1, 0),
        part=torch.where(front, batch.part[face], 0),
        people=torch.tensor([s.people for s in surfaces], device=depth.device),
    )


def clouds(found: DepthBatch, cameras: CameraBatch, *, actor: int | None = None, grown_px: int = 0) -> CloudBatch:
    """The points of people (of one `actor`, or of all), cut by the true mask at pixel centres.

    `grown_px` is by how much the mask is too large (negative: too small), as real masks are: what stands behind, and
    flying pixels, come along.
    """
    if actor is None:
        mask = (found.owner > 0) & (found.owner <= found.people[:, None, None])
    else:
        mask = found.owner == actor + 1
    whose = torch.where(mask, found.owner - 1, -1)
    kept = mask if not grown_px else _grown(mask, grown_px)
    image, row, column = torch.nonzero(kept & (found.depth > 0), as_tuple=True)
    rays = found.windows.rays(cameras)[image, row, column]
    depth = found.depth[image, row, column]
    return CloudBatch(
        points=torch.cat([rays * depth[:, None], depth[:, None]], 1),
        image=image,
        actor=whose[image, row, column],
        part=torch.where(mask, found.part, 0)[image, row, column],
        pixel=torch.stack([row + found.windows.row[image], column + found.windows.column[image]], 1),
        counts=torch.bincount(image, minlength=len(cameras)),
    )


def _windows(batch: Batch, pixels: Tensor, cameras: CameraBatch, people: Tensor) -> Windows:
    """Around the people of each image; where nobody is in the picture, a corner of it."""
    of_people = batch.owner < people[batch.image]
    corners = pixels[batch.faces[of_people]].flatten(0, 1)
    image = batch.image[of_people].repeat_interleave(3)
    height, width = cameras.optics.size
    size = torch.tensor([width, height], device=pixels.device)
    inside = ((corners > -0.5) & (corners < size - 0.5)).all(1)
    corners, image = corners[inside], image[inside, None].expand(-1, 2)
    low = torch.full((batch.images, 2), 1e6, device=pixels.device)
    low = low.scatter_reduce(0, image, corners, "amin").minimum(size.float())
    high = torch.full((batch.images, 2), -1.0, device=pixels.device).scatter_reduce(0, image, corners, "amax")
    low, high = low.floor().long() - MARGIN_PX, high.ceil().long() + MARGIN_PX
    return Windows.around(low.minimum(high), high, (height, width))


def _over(
    fine: Drawn,
    batch: Batch,
    surroundings: Surroundings,
    room: Tensor,
    cameras: CameraBatch,
    windows: Windows,
    behind: tuple[Tensor, Tensor],
) -> tuple[Tensor, Tensor]:
    """Depth and echo strength of the samples, of whatever is nearer.

    `behind`: the room's at pixel centres, which stands for that of samples too, but near what is drawn, where it
    mixes with it.
    """
    drawn = fine.face >= 0
    some = functional.max_pool2d(drawn.float()[:, None], 2)
    near = functional.max_pool2d(some, 2 * REACH - 1, 1, REACH - 1)[:, 0] > 0
    whole = -functional.max_pool2d(-drawn.float()[:, None], 2)[:, 0] > 0
    image, row, column = torch.nonzero(near & ~whole, as_tuple=True)
    edge = image, row, column
    rays = windows.sample_rays(cameras, edge, SAMPLES)
    exact_room = surroundings.hit(room[image], cameras.chosen(image), rays)
    strength = batch.reflectance * batch.facing().clamp(min=MIN_COSINE)
    found = [fine.depth, strength[fine.face.clamp(min=0)] / fine.depth.square()]
    blocks = [image.unflatten(2, (-1, SAMPLES)).unflatten(1, (-1, SAMPLES)).transpose(2, 3) for image in found]
    rooms = [center[..., None, None].expand_as(blocks[0]).clone() for center in behind]
    for filled, values in zip(rooms, exact_room):
        filled[edge] = torch.nan_to_num(values, nan=torch.inf)
    front = blocks[0] < rooms[0]
    z, amplitude = (
        torch.where(front, figure, other).transpose(2, 3).flatten(3).flatten(1, 2)
        for figure, other in zip(blocks, rooms)
    )
    return z, amplitude


def _grown(mask: Tensor, by: int) -> Tensor:
    """Masks grown by so many pixels, shrunk when negative."""
    side = 2 * abs(by) + 1
    image = mask.float()[:, None]
    if by > 0:
        return functional.max_pool2d(image, side, 1, by)[:, 0] > 0
    return functional.max_pool2d(1 - image, side, 1, -by)[:, 0] == 0
