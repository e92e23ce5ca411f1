"""What a probe of a standalone network found, as a line of `probes.jsonl`. Never imports TensorFlow."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class ValidationRecord:
    """A probe after `step` steps: how many of the first `images` validation images got their label."""

    step: int
    epoch: float
    images: int
    correct: int

    @property
    def accuracy(self) -> float:
        return self.correct / self.images

    @property
    def line(self) -> str:
        """The probe in a line for people."""
        return f"{self.accuracy:.1%} of {self.images:,} validation images"

    def to_dict(self) -> dict:
        """Plain data, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict) -> "ValidationRecord":
        """What `to_dict` gave, back from JSON."""
        return cls(**data)
