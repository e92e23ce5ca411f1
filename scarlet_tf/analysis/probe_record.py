"""What a probe of a supernet found, as a line of `probes.jsonl`. Never imports TensorFlow."""

from dataclasses import asdict, dataclass

import numpy as np

from scarlet_tf.analysis.ranking import RankingHealth
from scarlet_tf.arch.space import Genotype


@dataclass(frozen=True, eq=False)
class ProbeRecord:
    """A probe after `step` steps.

    `accuracies`: one-shot accuracies, in [0, 1], of `paths` on the first `images` validation images, with the `moving`
    BN statistics or, by `bn`, with those of each `batch`. `similarity`: cosine similarities (slots, choices, choices)
    of the choices' outputs. `least_updates` and `most_updates`: how often the least and the most trained choice of any
    slot had been trained.
    """

    step: int
    epoch: float
    images: int
    bn: str
    paths: tuple[Genotype, ...]
    accuracies: tuple[float, ...]
    health: RankingHealth
    similarity: np.ndarray
    least_updates: int
    most_updates: int

    @property
    def line(self) -> str:
        """The probe in a line for people."""
        health = self.health
        return (
            f"one-shot accuracy of {len(self.paths)} paths {health.mean:.1%} +- {health.std:.1%}, lowest "
            f"{health.min:.1%}; similarity of choices {mean_similarity(self.similarity):z.2f}"
        )

    def to_dict(self) -> dict:
        """Plain data, ready for JSON."""
        return vars(self) | {"health": asdict(self.health), "similarity": self.similarity.round(4).tolist()}

    @classmethod
    def from_dict(cls, data: dict) -> "ProbeRecord":
        """What `to_dict` gave, back from JSON."""
        read = {
            "paths": tuple(map(tuple, data["paths"])),
            "accuracies": tuple(data["accuracies"]),
            "health": RankingHealth(**data["health"]),
            "similarity": np.asarray(data["similarity"]),
        }
        return cls(**data | read)


def mean_similarity(similarity: np.ndarray) -> float:
    """The mean of similarities (..., choices, choices) over pairs of different choices; 1 where there is one choice."""
    num_choices = similarity.shape[-1]
    different = ~np.eye(num_choices, dtype=bool)
    return float(similarity[..., different].mean()) if num_choices > 1 else 1.0
