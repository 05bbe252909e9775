"""Clothes and hair as geometry of their own over a body: cut, draped, folded with the pose, and textured."""

from body.garments.costume import Costume
from body.garments.tailoring import painted, tailor
from body.garments.wardrobe import Wardrobe, choose_attire

__all__ = ["Costume", "Wardrobe", "choose_attire", "painted", "tailor"]
