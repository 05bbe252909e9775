"""Which predicted person is which true one in a picture of many, as AGORA decides it and as it should be decided."""

from hps.evaluation.agora_matching.counting import DetectionCounts
from hps.evaluation.agora_matching.matching import Matching, Rule, match_people
from hps.evaluation.agora_matching.picture_people import PicturePeople

__all__ = ["DetectionCounts", "Matching", "PicturePeople", "Rule", "match_people"]
