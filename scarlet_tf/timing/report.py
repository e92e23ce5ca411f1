"""What a contest found, for people and for programs."""

from collections.abc import Mapping, Sequence

from rich.box import SIMPLE
from rich.table import Table

from scarlet_tf.timing.contest import Timing
from scarlet_tf.timing.machine import machine

PACKAGES = ("tensorflow", "keras", "ai-edge-litert", "onnxruntime", "torch", "numpy")


def baselines(timings: Sequence[Timing]) -> list[Timing]:
    """For each of `timings`, the first one with as many threads: what its ratio is to."""
    first: dict[int, Timing] = {}
    for one in timings:
        first.setdefault(one.threads, one)
    return [first[one.threads] for one in timings]


def timing_table(timings: Sequence[Timing], title: str | None = None) -> Table:
    """A row for each of `timings`, in their order: the median, the range between the quartiles (IQR) and the minimum
    in milliseconds; `ratio` is of medians, to `baselines`; cores as in `Timing`, and the peak memory in MiB."""
    table = Table(title=title, box=SIMPLE)
    table.add_column("", overflow="fold", min_width=12)
    for column in ("threads", "ms", "IQR", "min", "ratio", "cores", "MiB"):
        table.add_column(column, justify="right", no_wrap=True)
    for one, baseline in zip(timings, baselines(timings), strict=True):
        low, high = one.quartiles
        table.add_row(
            one.name,
            str(one.threads),
            f"{one.median:.2f}",
            f"{high - low:.2f}",
            f"{one.fastest:.2f}",
            f"{one.median / baseline.median:.3f}",
            f"{one.cores:.2f}",
            "-" if one.peak_memory_mib is None else f"{one.peak_memory_mib:.0f}",
        )
    return table


def timing_report(timings: Sequence[Timing], settings: Mapping) -> dict:
    """`timings` as plain data, with the machine and `settings`; `ratio` is of medians, to `baselines`."""
    results = [
        {**one.to_dict(), "ratio": one.median / baseline.median}
        for one, baseline in zip(timings, baselines(timings), strict=True)
    ]
    return {"machine": machine(*PACKAGES), **settings, "results": results}
