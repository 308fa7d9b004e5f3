"""Objects found in pictures without boxes or labels: what stands out and recurs is learnt."""

from mtlkit.detection.detector import Detections, detect, new_detector
from mtlkit.detection.discovery import Regions, discover
from mtlkit.detection.proposals import Proposals, propose
from mtlkit.detection.rounds import DetectionRecipe, DetectionResult, find_objects
from mtlkit.detection.scores import DetectionScores, name_groups, score_detections

__all__ = [
    "DetectionRecipe",
    "DetectionResult",
    "DetectionScores",
    "Detections",
    "Proposals",
    "Regions",
    "detect",
    "discover",
    "find_objects",
    "name_groups",
    "new_detector",
    "propose",
    "score_detections",
]
