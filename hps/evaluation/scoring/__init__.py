"""Scoring predictions against a data set's truth under a protocol of the literature, by its name."""

from hps.evaluation.scoring.body_models import BodyModels
from hps.evaluation.scoring.named import SCORING_PROTOCOLS, scoring_protocol
from hps.evaluation.scoring.score_people import read_regressor, score_people
from hps.evaluation.scoring.score_report import Figure, ScoreReport
from hps.evaluation.scoring.scoring_protocol import ScoringProtocol

__all__ = [
    "SCORING_PROTOCOLS",
    "BodyModels",
    "Figure",
    "ScoreReport",
    "ScoringProtocol",
    "read_regressor",
    "score_people",
    "scoring_protocol",
]
