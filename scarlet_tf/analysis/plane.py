"""The plane that holds most of some vectors, of which only the scalar products are known. Never imports TensorFlow."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Plane:
    """Vectors as seen in the plane through the origin that holds as much of their squared norms as a plane can: the
    first two axes of an uncentred principal component analysis, by the eigenvectors of their Gram matrix.

    `points` (n, 2). `share`: of the sum of the squared norms, what lies in the plane. `shares` (n,): the same of each.
    """

    points: np.ndarray
    share: float
    shares: np.ndarray

    @classmethod
    def of(cls, gram: np.ndarray, upwards: int) -> "Plane":
        """That of the vectors with the scalar products `gram` (n, n), n at least 2. The first axis points to where most
        of them do, the second to the side of vector number `upwards`."""
        values, vectors = np.linalg.eigh(gram)  # ascending
        points = vectors[:, [-1, -2]] * np.sqrt(np.maximum(values[[-1, -2]], 0.0))
        points *= np.where([points[:, 0].sum() < 0, points[upwards, 1] < 0], -1.0, 1.0)
        within, norms = (points**2).sum(axis=1), np.diag(gram)
        shares = np.divide(within, norms, out=np.zeros_like(norms), where=norms > 0)
        return cls(points, float(within.sum() / norms.sum()), shares)

    def to_dict(self) -> dict:
        """Plain data, ready for JSON."""
        return {"points": self.points.tolist(), "share": self.share, "shares": self.shares.tolist()}


def angles_degrees(gram: np.ndarray, index: int) -> np.ndarray:
    """The angles (n,) between vector number `index` and each, out of their scalar products `gram` (n, n).

    90 degrees to a vector of zeros.
    """
    norms = np.sqrt(np.diag(gram) * gram[index, index])
    cosines = np.divide(gram[index], norms, out=np.zeros_like(norms), where=norms > 0)
    return np.degrees(np.arccos(np.clip(cosines, -1.0, 1.0)))
