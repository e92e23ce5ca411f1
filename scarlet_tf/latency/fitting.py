"""From measurements to a table: the sum of the parts fitted to whole networks, and how far it is from others. Never
imports TensorFlow."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from scarlet_tf.arch import Genotype
from scarlet_tf.errors import InputError
from scarlet_tf.latency.kit import Kit, network_file
from scarlet_tf.latency.measurements import Measurements, Timing
from scarlet_tf.latency.table import LatencyTable

MODEL_ERROR = 0.01
"""Share of a network's time by which a sum of parts errs however long one measures. It keeps one network that was
measured to a hair from deciding the fit alone."""

MIN_CALIBRATION = 3


@dataclass(frozen=True)
class Prediction:
    """A whole network: what was measured, and what the table says, in milliseconds."""

    genotype: Genotype
    measured_ms: float
    predicted_ms: float


@dataclass(frozen=True)
class Agreement:
    """How far predictions are from measurements: absolute errors as shares of the measured time, and correlations.

    Correlations are None where there are fewer than two networks, or all are alike.
    """

    networks: int
    median_error: float
    max_error: float
    pearson: float | None
    kendall: float | None

    @classmethod
    def of(cls, predictions: Sequence[Prediction]) -> "Agreement":
        measured = np.array([one.measured_ms for one in predictions])
        predicted = np.array([one.predicted_ms for one in predictions])
        errors = np.abs(predicted - measured) / measured
        varied = len(predictions) > 1 and np.ptp(measured) > 0 and np.ptp(predicted) > 0
        return cls(
            len(predictions),
            float(np.median(errors)),
            float(errors.max()),
            float(np.corrcoef(measured, predicted)[0, 1]) if varied else None,
            kendall_tau(measured, predicted) if varied else None,
        )


def kendall_tau(a: np.ndarray, b: np.ndarray) -> float:
    """Kendall's tau-b of two rankings (n,), of which neither is constant: 1 where they order all pairs alike."""
    order_a, order_b = (np.sign(values[:, None] - values) for values in (a, b))
    return float((order_a * order_b).sum() / np.sqrt((order_a**2).sum() * (order_b**2).sum()))


@dataclass(frozen=True)
class Fit:
    """A table, and the networks that it was fitted to and held against."""

    table: LatencyTable
    calibration: tuple[Prediction, ...]
    held_out: tuple[Prediction, ...]

    def to_dict(self) -> dict:
        """The content of `latency.json`: the table, how well it agrees, and every network behind that."""
        data = self.table.to_dict()
        for name in ("calibration", "held_out"):
            predictions = getattr(self, name)
            if predictions:
                networks = [asdict(one) | {"genotype": list(one.genotype)} for one in predictions]
                data[name] = asdict(Agreement.of(predictions)) | {"predictions": networks}
        return data


def fit_line(sums: np.ndarray, measured: np.ndarray, variances: np.ndarray) -> tuple[float, float]:
    """Scale and constant of the line from `sums` to `measured` (n,), by least squares.

    `variances` (n,) are those of the measured means; MODEL_ERROR is added to each.
    """
    weights = 1 / np.sqrt(variances + (MODEL_ERROR * measured) ** 2)
    columns = np.stack([sums, np.ones_like(sums)], axis=1)
    (scale, constant), *_ = np.linalg.lstsq(columns * weights[:, None], measured * weights)
    return float(scale), float(constant)


def fit(kit: Kit, measurements: Measurements, num_held_out: int, device: str = "", threads: int = 1) -> Fit:
    """The table of `measurements` of `kit`.

    Its scale and constant are fitted to the kit's networks but for the last `num_held_out`, to which it is compared.
    They stand for what a sum of parts leaves out: a part in a loop finds its weights in the cache, a network's start
    is paid once a part. Where all networks are held out, the sum is taken as it is. Raises InputError where files of
    the kit were not measured, or networks are too few or do not take the longer the longer their parts take.
    """
    num_calibration = len(kit.networks) - num_held_out
    if num_calibration < 0 or 0 < num_calibration < MIN_CALIBRATION:
        raise InputError(
            f"--held_out must leave none of the kit's {len(kit.networks)} networks, or at least {MIN_CALIBRATION} to "
            f"fit to. Received: {num_held_out}."
        )
    parts = kit.parts()
    files = [part.file for part in parts.distinct.values()] + [network_file(i) for i in range(len(kit.networks))]
    missing = [file for file in files if file not in measurements.timings]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise InputError(
            f"--measurements must have every file of the kit. It lacks {', '.join(missing[:3])}{more}: measure them."
        )
    parts_ms = {name: measurements.timings[part.file].mean_us / 1000 for name, part in parts.distinct.items()}
    plain = LatencyTable(kit.space, kit.image_size, kit.num_classes, parts_ms, 1.0, 0.0, device, threads)
    timings = [measurements.timings[network_file(index)] for index in range(len(kit.networks))]
    table = plain
    if num_calibration:
        table = _fitted(plain, kit.networks[:num_calibration], timings[:num_calibration])
    predictions = tuple(
        Prediction(genotype, timing.mean_us / 1000, table.latency(genotype))
        for genotype, timing in zip(kit.networks, timings, strict=True)
    )
    return Fit(table, predictions[:num_calibration], predictions[num_calibration:])


def _fitted(plain: LatencyTable, networks: Sequence[Genotype], timings: Sequence[Timing]) -> LatencyTable:
    sums = np.array([plain.latency(genotype) for genotype in networks])
    measured = np.array([timing.mean_us for timing in timings]) / 1000
    variances = np.array([timing.variance / timing.count for timing in timings]) / 1000**2
    scale, constant = fit_line(sums, measured, variances)
    if scale <= 0 or np.ptp(sums) == 0:
        raise InputError(
            f"--measurements must be of networks that take the longer, the longer their parts take. Received: a slope "
            f"of {scale:.3g} over {len(sums)} networks. Measure again, on a machine that does nothing else."
        )
    return LatencyTable(
        plain.space, plain.image_size, plain.num_classes, plain.parts_ms, scale, constant, plain.device, plain.threads
    )
