"""Named ways to compare an estimate with the truth; a number without such a name says nothing."""

from hps.protocols.back_comparison import BackComparison, back_comparison, livehps_angle_deg
from hps.protocols.measuring import measure_mm, measure_vertices_mm, protocol_points
from hps.protocols.named import DEFAULT_PROTOCOLS, PROTOCOLS, protocol
from hps.protocols.protocol import Alignment, Given, Protocol

__all__ = [
    "DEFAULT_PROTOCOLS",
    "PROTOCOLS",
    "Alignment",
    "BackComparison",
    "Given",
    "Protocol",
    "back_comparison",
    "livehps_angle_deg",
    "measure_mm",
    "measure_vertices_mm",
    "protocol",
    "protocol_points",
]
