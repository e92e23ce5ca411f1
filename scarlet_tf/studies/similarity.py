"""How alike the choices of each slot are with a plain skip and with ELS (paper Figs. 1 and 4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scarlet_tf.analysis.intervals import MIN_IMAGES, Estimate
from scarlet_tf.analysis.skip_similarity import (
    STABILIZERS,
    SkipComparison,
    SkipSimilarity,
    stabilized_slots,
)
from scarlet_tf.arch.space import SearchSpace
from scarlet_tf.data import Dataset
from scarlet_tf.errors import InputError
from scarlet_tf.figures.probes import choice_name
from scarlet_tf.figures.similarity_study import arrows_figure, matrices_figure, slots_figure
from scarlet_tf.progress import progress
from scarlet_tf.studies.finding import Finding
from scarlet_tf.studies.pairs import SupernetPair
from scarlet_tf.studies.supernets import StudySupernet, train_supernets
from scarlet_tf.studies.workdir import StudyWorkdir

SPLIT = "validation"
_BATCH_SIZE = 50

QUESTION = (
    "The paper says that the features of a plain skip are unlike those of the other choices of its slot, and that an "
    "equivariant learnable stabilizer (ELS) makes them alike (Figs. 1 and 4). Here the choices of a slot read the same "
    "input, and the cosine similarity of their outputs is taken image by image, in supernets that were trained alike "
    "but for the stabilizer: the same seed, so the same images in the same order, and the same paths at every step."
)
NOTES = (
    "What a slot reads comes through the first choice that is no skip in every slot before it; other paths would give "
    "other numbers. The output is what the next slot would read, with the shortcut of a block wherever it has one, in "
    "all slots but the first of a stage. By itself a shortcut makes a block's output like that of a plain skip. In the "
    "first slot of a stage a plain skip drops pixels and fills up the channels with zeros, where ELS is a convolution: "
    "part of what it gains there is that no channel is zero.",
    "Batch norms go by their moving statistics, as in a search: means over all paths that trained a block, which fit "
    "no path quite.",
    "Intervals over images are bootstrapped (percentiles, 9,999 resamples of the images, paired: the same images with "
    "either stabilizer) and say how sure a number is of the supernets at hand. Those over seeds, where there are "
    "several, are Student's and say how sure it is of other trainings. None is corrected for the number of slots.",
    "As an arrow, a choice is the vector of its outputs for all images, each output scaled to the same norm: these "
    "vectors have the mean similarities as scalar products.",
)
_VERDICTS = {1: "rises", -1: "falls", 0: "undecided"}


@dataclass(frozen=True)
class SimilarityConfig:
    """What is measured: `images` of the validation split, and the arrows of `slot`, by default the one in the middle of
    those with a stabilizer. Raises InputError, naming the flag, where a value is off."""

    space: SearchSpace
    images: int = 1000
    slot: int | None = None

    def __post_init__(self) -> None:
        stabilized = np.flatnonzero(stabilized_slots(self.space)).tolist()
        if not stabilized or self.space.num_choices < 3:
            raise InputError(
                "--space must have a skip that can be removed and at least two other choices for this study. Received: "
                f"{self.space.name}, with the choices {', '.join(map(choice_name, self.space.choices))}."
            )
        if self.images < MIN_IMAGES:
            raise InputError(f"--images must be at least {MIN_IMAGES} for intervals. Received: {self.images}.")
        if self.slot is None:
            object.__setattr__(self, "slot", stabilized[len(stabilized) // 2])
        if self.slot not in stabilized:
            raise InputError(
                f"--slot must be one of {self.space.name} whose skip is a stabilizer: "
                f"{', '.join(map(str, stabilized))}. Received: {self.slot}."
            )

    def images_of(self, dataset: Dataset) -> int:
        """How many images of `dataset` that makes. Raises InputError where it has too few."""
        held = dataset.num_examples(SPLIT)
        if held < MIN_IMAGES:
            raise InputError(
                f"--dataset must have at least {MIN_IMAGES} {SPLIT} images for intervals. Received: {dataset.name}, "
                f"with {held}."
            )
        return min(self.images, held)


def measure(
    supernet: StudySupernet, dataset: Dataset, config: SimilarityConfig, workdir: StudyWorkdir
) -> SkipSimilarity:
    """How alike the choices of `supernet` are on images of `dataset`; kept in `workdir`, by its weights."""
    from scarlet_tf.analysis.similarity import ChoiceSimilarity
    from scarlet_tf.models import load_supernet
    from scarlet_tf.search.evaluator import fingerprint

    loaded, images = load_supernet(supernet.path), config.images_of(dataset)

    def compute() -> dict:
        batches = dataset.evaluation_batches(SPLIT, _BATCH_SIZE, loaded.image_size, images)
        similarities, seen = [], 0
        with progress(f"similarity of {supernet.name}", images) as report, dataset.naming_bad_files():
            for batch in ChoiceSimilarity(loaded).by_image(batches):
                similarities.append(batch)
                seen += len(batch)
                report.update(seen)
        return SkipSimilarity.of(similarities, config.space).to_dict()

    return SkipSimilarity.from_dict(workdir.kept(f"{supernet.name}_{fingerprint(loaded)}", compute))


def _range(interval: np.ndarray) -> str:
    low, high = interval
    return f"{low:+z.3f} to {high:+z.3f}"


def _signed(estimate: Estimate) -> str:
    return f"{estimate.mean:+z.3f} ({_range(estimate.interval)})"


def _angle(similarity: Estimate) -> str:
    """The angle whose cosine it is, and its interval, in degrees."""
    low, high = similarity.interval
    angle, least, most = np.degrees(np.arccos(np.clip([similarity.mean, high, low], -1.0, 1.0)))
    return f"{angle:.1f} ({least:.1f} to {most:.1f})"


def _listed(slots: Sequence[int]) -> str:
    return f"{len(slots)} ({', '.join(map(str, slots))})" if slots else "none"


def conclusions(compared: SkipComparison, slot: int) -> str:
    """What the numbers say of the paper's claim, whichever way they go; `slot` is that of the arrows."""
    overall, difference = compared.overall, compared.overall.difference
    several = difference.over_seeds is not None
    found = {
        1: "it rises, as the paper says",
        -1: "it falls, contrary to the paper",
        0: "it neither rises nor falls for sure",
    }[difference.sign()]
    plain, els = (overall.to_blocks[name].mean for name in STABILIZERS)
    sentences = [
        "The paper says that ELS makes the skip more like the other choices of its slot. Here that similarity rises in "
        f"{_listed(compared.slots_where(1))} of the {len(overall.slots)} slots with a stabilizer, falls in "
        f"{_listed(compared.slots_where(-1))}, and is undecided in {_listed(compared.slots_where(0))}, by 95% "
        f"intervals over {'seeds' if several else 'images'}.",
        f"On average over these slots {found}: {els:.3f} with ELS and {plain:.3f} without, a difference of "
        f"{_signed(difference)}.",
    ]
    if compared.first and compared.later:
        sentences.append(
            f"In the first slots of stages, where no shortcut makes a block's output like its input, the difference is "
            f"{_signed(compared.first.difference)}; in the later ones, where one does, "
            f"{_signed(compared.later.difference)}."
        )
    plain_angle, els_angle = (_angle(compared.to_blocks[name].at(slot)) for name in STABILIZERS)
    sentences += [
        "By how much the other choices are more alike among themselves than the skip is to them: "
        f"{_signed(overall.gap['skip'])} with a plain skip, {_signed(overall.gap['els'])} with ELS, a difference of "
        f"{_signed(overall.gap_difference)}.",
        f"In slot {slot} the mean similarity of the skip to the others is that of vectors {els_angle} degrees apart "
        f"with ELS, and {plain_angle} without.",
    ]
    if not several:
        sentences.append("How other trainings would differ cannot be told from one seed: give several --seeds.")
    return " ".join(sentences)


def _rows(compared: SkipComparison) -> list[list[str]]:
    def row(slot: str, to_blocks: Mapping[str, Estimate], difference: Estimate, verdict: str | None) -> list[str]:
        cells = [slot, *(f"{to_blocks[name].mean:.3f}" for name in STABILIZERS), f"{difference.mean:+z.3f}"]
        intervals = (difference.over_images, difference.over_seeds)
        cells += [_range(interval) for interval in intervals if interval is not None]
        return [*cells, verdict or _VERDICTS[difference.sign()]]

    rows = []
    for slot, stabilized in enumerate(compared.stabilized):
        to_blocks = {name: estimate.at(slot) for name, estimate in compared.to_blocks.items()}
        verdict = None if stabilized else "no stabilizer: left out"
        rows.append(row(str(slot), to_blocks, compared.difference.at(slot), verdict))
    groups = {"stage starts": compared.first, "later": compared.later}
    means = groups if all(groups.values()) else {}
    for name, group in (means | {"all": compared.overall}).items():
        rows.append(row(name, group.to_blocks, group.difference, None))
    return rows


def finding(compared: SkipComparison, slot: int, images: int, trained: str) -> Finding:
    """The study's outcome, with the arrows of `slot`; `trained` says in a phrase what the supernets are."""
    space, stabilized = compared.space, compared.stabilized
    names = list(map(choice_name, space.choices))
    several = compared.difference.over_seeds is not None
    planes, angles = compared.planes(slot), compared.angles_degrees(slot)
    shares = " and ".join(
        f"{planes[name].share:.0%} with {what}" for name, what in (("skip", "a plain skip"), ("els", "ELS"))
    )
    mean = f"means over {images:,} {SPLIT} images" + (" and the seeds" if several else "")
    notes = list(NOTES)
    if not stabilized.all():
        notes.append(
            f"In the slots {', '.join(map(str, np.flatnonzero(~stabilized)))} a skip is a 1x1 convolution with batch "
            "norm that stays in the network, whatever the stabilizer: they are drawn hollow, and left out of means and "
            "counts."
        )
    header = ["slot", "plain skip", "ELS", "change", "95% over images"]
    return Finding(
        title="How alike the choices of a slot are, with a plain skip and with ELS",
        question=QUESTION,
        numbers={
            "space": space.name,
            "choices": names,
            "images": images,
            **compared.to_dict(),
            "plane": {
                "slot": slot,
                **{
                    name: planes[name].to_dict() | {"angles_to_skip_degrees": angles[name].tolist()}
                    for name in STABILIZERS
                },
            },
        },
        header=[*header, *(["95% over seeds"] if several else []), "with ELS"],
        rows=_rows(compared),
        figures={
            "similarity": slots_figure(compared.to_blocks, compared.difference, stabilized, space.stage_starts),
            "similarity_matrices": matrices_figure(compared.matrices, names, space.skip_index, stabilized),
            "similarity_arrows": arrows_figure(planes, angles, names, space.skip_index, slot),
        },
        captions={
            "similarity": "Above: cosine similarity of the skip to the other choices of its slot, with a plain skip "
            f"and with ELS. Below: the difference. Marks are {mean}, bars 95% intervals over "
            f"{'seeds' if several else 'images'}; {trained}. In the slots shaded grey, the first of stages, no block "
            "has a shortcut.",
            "similarity_matrices": f"Cosine similarity of each two choices (paper Fig. 4), {mean}; skip framed.",
            "similarity_arrows": f"The choices of slot {slot} as directions (paper Fig. 1) in the plane through the "
            f"origin that holds most of their squared norms: {shares}. All have norm 1, the dashed circle; what an "
            "arrow lacks of it is outside of the plane. Degrees are the angles to the skip of the vectors themselves.",
        },
        conclusions=conclusions(compared, slot),
        notes=notes,
    )


def study_similarity(
    pairs: Sequence[SupernetPair], dataset: Dataset, config: SimilarityConfig, workdir: StudyWorkdir, to_train: bool
) -> Finding:
    """Trains the supernets of `pairs` where they are `to_train`, and compares them on validation images of `dataset`.

    Raises InputError, before it writes anything, where these are too few.
    """
    images = config.images_of(dataset)
    workdir.begin()
    if to_train:
        train_supernets([supernet for pair in pairs for supernet in (pair.skip, pair.els)], dataset)
    measured = {
        pair.seed: {name: measure(getattr(pair, name), dataset, config, workdir) for name in STABILIZERS}
        for pair in pairs
    }
    method = {"fair": "strictly fair", "spos": "one sampled path a step"}[pairs[0].els.config.method]
    seeds = f"seed {pairs[0].seed}" if len(pairs) == 1 else f"{len(pairs)} seeds"
    trained = f"space {config.space.name} trained on {dataset.name}, {method}, {seeds}"
    return finding(SkipComparison.of(measured, config.space), config.slot, images, trained)
