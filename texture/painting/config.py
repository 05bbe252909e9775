"""What decides whether a camera paints a texel, and how much it counts: every test can be switched off for trials."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class PaintConfig:
    """Tests and tolerances of `painting.paint`. Lengths are metres on the surface, at the person's distance."""

    mesh_test: bool = True
    """Nothing of the mesh may lie in front of the texel."""
    depth_test: bool = True
    """The measured depth of the camera's neighbour must show the texel's surface."""
    mask_test: bool = True
    """The pixel must lie in the person's mask."""
    rim_test: bool = True
    """Pixels beside which the mesh ends or another limb begins show both, and are not used. Crossed arms,
    true surface and cameras: 33.56 dB on held-out cameras without, 34.21 with; 0.44 and 0.13 % of a wrong part."""
    min_cosine: float = 0.3
    """Surfaces seen at a flatter angle (73 degrees) smear one pixel over centimetres and lie at outlines, where a
    surface that is a pixel off takes what is beside it. Two instants of crossed arms: 0.076 and 0.116 % of the texels
    of a wrong part with 0.2, 0.040 and 0.079 % with 0.3; held-out PSNR of crossed arms, a kick and sports clothes:
    33.31, 32.88 and 30.05 dB with 0.2, 33.35, 32.95 and 30.03 with 0.3."""
    hidden_m: float = 0.01
    """A texel this far behind the mesh's nearest surface is hidden; less is the pixel's own extent and rounding."""
    in_front_m: tuple[float, float] = (0.02, 0.04)
    """A surface (mesh or measured) this far in front of the texel, within the margin, hides it: for a mesh that agrees
    with the measured depth, and at most, for a fitted body off by its clothes and its pose."""
    behind_m: tuple[float, float] = (0.03, 0.10)
    """Measured depth this far behind the texel shows the room: the mesh stands out beyond the real person there. Of a
    mesh that agrees with the measured depth, and at most."""
    margin_m: float = 0.006
    """Pixels this close to the outline of something in front of the texel mix two colours and are not trusted: 1 to 2
    of an Azure Kinect. Crossed arms, held-out PSNR: 34.42 dB with 4 mm, 34.08 with 6, 34.07 with 8; texels of a wrong
    part with a surface from the clouds: 0.19, 0.14, 0.14 %. Nor are pixels this close to the outline of a mask, where
    no depth confirms it: a segmented mask carries a fringe of the room."""
    rim_px: int = 1
    """Measured depth so many pixels around counts as the texel's own: what is read mixes neighbouring pixels."""
    outlier_levels: float = 0.0
    """Colours (0 to 255) this far from the mean of all cameras count half; 0: all count alike. It changed held-out PSNR
    by less than 0.05 dB."""
    clipped: float = 0.1
    """How much a pixel at the end of the range (some channel above 252) counts against one inside."""
    enlarge: int = 2
    """Images are enlarged so many times by cubic interpolation before texels read them linearly: sharper by
    0.1 dB on held-out cameras for 10 ms of 300."""
