"""How many candidates a second a search evaluates: all of a generation together, one by one, and in PyTorch.

    python -m benchmarks.search_throughput --journal=runs/search

Takes from the journal of a search of S1 or S2 whom it evaluated in generation 0, and in the last generation that
evaluated as many anew as the population has places; there more of them begin alike. scarlet_tf evaluates all of a
generation in one call. One by one, the same evaluator is called for each candidate; PyTorch runs one after the other
eagerly, in channels_last. Those two evaluate --alone of the generation, every so many by MAdds, chosen so that their
mean MAdds are closest to those of all. The three take turns; a first turn, in which ours compiles, is not counted.
Candidates a second are medians over the turns, ratios too, with their lowest and highest. Weights, images and labels
are random. Run it on a machine that does nothing else: where PyTorch gets fewer cores than it has threads, these wait
for each other many times longer than they work.

What the search itself took, as its journal has it, is printed below.
"""

import importlib.util
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from absl import flags

from benchmarks.prefix_sharing import PathCosts, blocks_saved
from benchmarks.search_contest import CONTESTANTS, ONE_BY_ONE, OURS, PYTORCH, Generation, Setting, Timing, measure
from scarlet_tf import command
from scarlet_tf.arch import Genotype
from scarlet_tf.errors import InputError
from scarlet_tf.files import write_json
from scarlet_tf.search import read_journal
from scarlet_tf.search.evaluation import even_batch_size
from scarlet_tf.search.replay import PastSearch
from scarlet_tf.timing.machine import machine

MODELS = 8400  # of the paper's search
FEWEST_GENERATIONS = 20  # from which its time is extrapolated
SMALL = 128  # pixels a side, up to which images are small
SMALL_IMAGES, LARGE_IMAGES = (256, 32), (64, 4)  # how many, and PyTorch's fastest batch size of 1 to 256


def born(past: PastSearch) -> dict[int, tuple[Genotype, ...]]:
    """Whom the search evaluated anew in generation 0, and in the last that did so for a whole population."""
    by_generation = defaultdict(list)
    for one in past.individuals:
        by_generation[one.generation].append(one.genotype)
    full = [number for number, genotypes in by_generation.items() if len(genotypes) >= past.config.population]
    late = max(full, default=0)
    if not late:
        raise InputError(
            f"{past.journal} must hold a generation after 0 that evaluated {past.config.population} networks anew. "
            f"Received: {dict((number, len(genotypes)) for number, genotypes in by_generation.items())}."
        )
    return {number: tuple(by_generation[number]) for number in (0, late)}


def evenly_spaced(genotypes: Sequence[Genotype], madds: Sequence[int], number: int) -> tuple[Genotype, ...]:
    """`number` of the genotypes, every so many by MAdds: of such choices the one with the mean MAdds closest to all's;
    all, where there are no more."""
    if number >= len(genotypes):
        return tuple(genotypes)
    madds, order = np.asarray(madds), np.argsort(madds, kind="stable")
    evenly = np.arange(number) * len(genotypes) // number
    choices = [order[evenly + offset] for offset in range(len(genotypes) // number)]
    closest = min(choices, key=lambda chosen: abs(madds[chosen].mean() - madds.mean()))
    return tuple(genotypes[index] for index in closest)


@dataclass(frozen=True)
class SearchTime:
    """What a search spent on evaluation: seconds of each generation, and of a candidate on average."""

    generations_s: tuple[float, ...]
    candidate_s: float

    @classmethod
    def read(cls, journal: Path) -> "SearchTime":
        """From a journal that was found to be one."""
        *lines, _ = journal.read_text().split("\n")  # the last has no end
        individuals = [entry for entry in map(json.loads, lines) if "genotype" in entry]
        seconds = defaultdict(float)
        for one in individuals:
            seconds[one["generation"]] += one["seconds"]
        return cls(tuple(seconds.values()), sum(seconds.values()) / len(individuals))

    def __str__(self) -> str:
        generations = len(self.generations_s)
        median, longest = np.median(self.generations_s), max(self.generations_s)
        text = (
            f"{generations} generations: {median:.2f} s each (median; longest {longest:.2f}), {self.candidate_s:.4f} s "
            f"a candidate (mean)"
        )
        if generations < FEWEST_GENERATIONS:
            return f"{text}; too few to say how long {MODELS:,} models take"
        return f"{text}; {MODELS:,} models at that mean: {MODELS * self.candidate_s / 3600:.2f} h"


def _ratio(ours: Timing, theirs: Timing) -> str:
    """The median of the turns, and in brackets the lowest and the highest."""
    ratios = ours.per_second / theirs.per_second
    return f"{np.median(ratios):.2f} ({ratios.min():.2f}-{ratios.max():.2f})"


def _table(timings: dict[int, dict[str, Timing]], sharing: dict[int, dict[str, float]]) -> str:
    """Candidates a second, the ratios of ours, and what beginning alike saves."""
    widths = (12, 12, 9, 21, 18)
    titles = (*CONTESTANTS, f"/ {PYTORCH}", f"/ {ONE_BY_ONE}")
    lines = [
        f"{'generation':>10}{'size':>6}"
        + "".join(f"{title:>{width}}" for title, width in zip(titles, widths, strict=True))
        + "  blocks   MAdds saved"
    ]
    for number, of in timings.items():
        cells = [
            *(f"{np.median(of[name].per_second):.2f}" for name in CONTESTANTS),
            _ratio(of[OURS], of[PYTORCH]),
            _ratio(of[OURS], of[ONE_BY_ONE]),
        ]
        saved = sharing[number]
        lines.append(
            f"{number:>10}{of[OURS].count:>6}"
            + "".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
            + f"{saved['blocks_saved']:>8.1%}{saved['madds_saved']:>8.1%}"
        )
    return "\n".join(lines)


def _sizes(index: int) -> str:
    return f"{SMALL_IMAGES[index]} up to {SMALL} px, else {LARGE_IMAGES[index]}"


def _setting(past: PastSearch) -> Setting:
    if past.space.name not in ("s1", "s2"):
        raise InputError(f"--journal must be of a search of s1 or s2. Received: {past.space.name}.")
    image_size = _IMAGE_SIZE.value or past.config.image_size
    if image_size < past.space.min_image_size:
        raise InputError(f"--image_size must be at least {past.space.min_image_size}. Received: {image_size}.")
    default_images, torch_batch_size = LARGE_IMAGES if image_size > SMALL else SMALL_IMAGES
    images = _IMAGES.value or default_images
    return Setting(
        past.space.name,
        image_size,
        past.config.num_classes,
        images,
        _BATCH_SIZE.value or even_batch_size(images, image_size, _THREADS.value, on_cpu=True),
        _TORCH_BATCH_SIZE.value or torch_batch_size,
        _THREADS.value,
    )


def main() -> None:
    command.require(_JOURNAL)
    if importlib.util.find_spec("torch") is None:
        raise InputError("This benchmark needs PyTorch, which is not installed: pip install 'scarlet-tf[torch]'.")
    past = PastSearch.read(_JOURNAL.value)
    setting, candidates = _setting(past), born(past)
    costs = PathCosts(past.space, setting.image_size, setting.num_classes)
    generations, sharing = {}, {}
    for number, genotypes in candidates.items():
        madds = [costs.alone(genotype) for genotype in genotypes]
        alone = evenly_spaced(genotypes, madds, _ALONE.value)
        generations[number] = Generation(genotypes, alone)
        sharing[number] = {
            "blocks_saved": blocks_saved(genotypes),
            "madds_saved": costs.saved(genotypes),
            "mean_madds": float(np.mean(madds)),
            "mean_madds_alone": float(np.mean([costs.alone(genotype) for genotype in alone])),
        }
    hardware = machine("tensorflow", "keras", "torch")
    print(", ".join(f"{key} {value}" for key, value in (hardware | asdict(setting)).items()))
    timings, memory = measure(setting, generations, _TURNS.value)
    print(f"{setting.space}, {setting.image_size} px: candidates a second, each on {setting.images} images")
    print(_table(timings, sharing))
    for number, of in sharing.items():
        cores = ", ".join(f"{name} {timing.cores:.2f}" for name, timing in timings[number].items())
        print(
            f"generation {number}: cores at work: {cores}; {len(generations[number].alone)} of "
            f"{len(candidates[number])} evaluated alone, whose mean MAdds are {of['mean_madds'] / 1e6:.1f} M "
            f"{of['mean_madds_alone'] / of['mean_madds'] - 1:+.2%}"
        )
    if any(of[PYTORCH].cores < 0.9 * setting.threads for of in timings.values()):
        print("The machine was busy: PyTorch had fewer cores than threads, and its figures mean nothing.")
    print("peak memory:", ", ".join(f"{name} {mib:.0f} MiB" for name, mib in memory.items()))
    evaluator = read_journal(past.journal)[0].get("evaluator", {})
    search_time = SearchTime.read(past.journal)
    print(f"the search itself, {past.config.image_size} px, {evaluator.get('images', 'a table')}: {search_time}")
    if _OUTPUT.value:
        report = {
            "machine": hardware,
            "setting": asdict(setting),
            "sharing": sharing,
            "timings": {number: {name: asdict(one) for name, one in of.items()} for number, of in timings.items()},
            "peak_memory_mib": memory,
            "search": {"image_size": past.config.image_size, "evaluator": evaluator, **asdict(search_time)},
        }
        write_json(_OUTPUT.value, report)
        print(f"written: {_OUTPUT.value}")


if __name__ == "__main__":
    _JOURNAL = flags.DEFINE_string("journal", None, "Journal of a search of S1 or S2, or the workdir that holds it.")
    _IMAGE_SIZE = flags.DEFINE_integer("image_size", 0, "Side of the images in pixels; 0: the search's.", lower_bound=0)
    _IMAGES = flags.DEFINE_integer(
        "images", 0, f"Images that a candidate is measured on; 0: {_sizes(0)}.", lower_bound=0
    )
    _BATCH_SIZE = flags.DEFINE_integer(
        "batch_size", 0, "Images of ours that a thread takes at a time; 0: as many as in a search.", lower_bound=0
    )
    _TORCH_BATCH_SIZE = flags.DEFINE_integer(
        "torch_batch_size", 0, f"Images a batch of PyTorch's; 0: {_sizes(1)}.", lower_bound=0
    )
    _ALONE = flags.DEFINE_integer("alone", 10, "Candidates of a generation evaluated one by one.", lower_bound=1)
    _TURNS = flags.DEFINE_integer("turns", 5, "Timed turns of each, after one that is not.", lower_bound=1)
    _THREADS = flags.DEFINE_integer("threads", 2, "Threads of each.", lower_bound=1)
    _OUTPUT = flags.DEFINE_string("output", None, "JSON file to write the figures to.")
    command.run(main, globals())
