"""Feature maps of the choices of a slot for one image (paper Fig. 11)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scarlet_tf.analysis.feature_maps import FeatureMaps
from scarlet_tf.analysis.skip_similarity import block_indices, stabilized_slots
from scarlet_tf.arch.space import SearchSpace
from scarlet_tf.data import Dataset
from scarlet_tf.errors import InputError
from scarlet_tf.export.description import Preprocessing
from scarlet_tf.figures.feature_maps import Panel, feature_maps_figure
from scarlet_tf.figures.probes import choice_name
from scarlet_tf.studies.finding import Finding
from scarlet_tf.studies.supernets import StudySupernet, train_supernets
from scarlet_tf.studies.workdir import StudyWorkdir

SPLIT = "test"

QUESTION = (
    "The paper shows feature maps by choice (Fig. 11) for its point that those of a plain skip are unlike the others, "
    "and those of an equivariant learnable stabilizer (ELS) are not. Here all choices of a slot read the same input, "
    "and the same channels of each output are drawn in the same scale of colours."
)
NOTES = (
    "What the slot reads comes through the first choice that is no skip in every slot before it; batch norms go by "
    "their moving statistics. The output is what the next slot would read, with the shortcut of a block, which all "
    "slots but the first of a stage have: by itself it makes a block's output like that of a plain skip. Where a stage "
    "begins, a plain skip drops pixels and fills up the channels with zeros.",
    "Drawn are the channels in which the first choice that is no skip has the largest mean absolute value over the "
    "pixels, chosen for each supernet: channels of different trainings have nothing to do with each other. Cosine "
    "similarities and norms are of all channels and pixels.",
    "One image can show how outputs look, not whether it is so in general: no interval can be had of it. The study "
    "similarity has intervals, over many images.",
)


@dataclass(frozen=True)
class FeaturesConfig:
    """What is drawn: `channels` channels of the outputs of `slot`, by default the one in the middle. Raises InputError,
    naming the flag, where a value is off."""

    space: SearchSpace
    slot: int | None = None
    channels: int = 6

    def __post_init__(self) -> None:
        if self.slot is None:
            object.__setattr__(self, "slot", self.space.num_slots // 2)
        if not 0 <= self.slot < self.space.num_slots:
            raise InputError(
                f"--slot must be from 0 to {self.space.num_slots - 1}, a slot of {self.space.name}. Received: "
                f"{self.slot}."
            )
        held = self.space.slots[self.slot].filters
        if not 1 <= self.channels <= held:
            raise InputError(
                f"--channels must be from 1 to {held}, the channels of slot {self.slot} of {self.space.name}. "
                f"Received: {self.channels}."
            )


@dataclass(frozen=True, eq=False)
class ShownImage:
    """An image as `fed` to networks, float32 (size, size, 3), and as `pixels` in [0, 1]; its name, and its class where
    that is known."""

    fed: np.ndarray
    pixels: np.ndarray
    name: str
    label: str | None = None

    @classmethod
    def _of(cls, fed: np.ndarray, preprocessing: Preprocessing, name: str, label: str | None = None) -> "ShownImage":
        normalisation = preprocessing.normalisation
        return cls(fed, np.clip(fed * normalisation.std + normalisation.mean, 0.0, 1.0), name, label)

    @classmethod
    def of_file(cls, path: str | Path, preprocessing: Preprocessing) -> "ShownImage":
        """That of a JPEG or PNG file. Raises InputError where it is none that is whole and of a usual size."""
        import tensorflow as tf

        from scarlet_tf.export.image_bytes import LIMITS, network_input

        try:
            decode = tf.function(lambda contents: network_input(contents, preprocessing))
            fed = decode(tf.constant([Path(path).read_bytes()]))[0].numpy()
        except OSError as error:
            raise InputError(f"--image must be a JPEG or PNG file. Received: {path} ({error.strerror}).") from error
        except tf.errors.InvalidArgumentError as error:
            raise InputError(
                f"--image must be a whole JPEG or PNG image of at most {LIMITS.max_bytes:,} bytes and "
                f"{LIMITS.max_pixels:,} pixels, at most {LIMITS.max_aspect} times as long as wide. Received: {path}."
            ) from error
        return cls._of(fed, preprocessing, Path(path).name)

    @classmethod
    def of_dataset(cls, dataset: Dataset, index: int, image_size: int) -> "ShownImage":
        """Test image number `index` of `dataset`. Raises InputError where it has none of that number."""
        held = dataset.num_examples(SPLIT)
        if not 0 <= index < held:
            raise InputError(
                f"--image_index must be from 0 to {held - 1}, a {SPLIT} image of {dataset.name}. Received: {index}."
            )
        with dataset.naming_bad_files():
            batches = dataset.evaluation_batches(SPLIT, 1, image_size, index + 1).skip(index)
            images, labels = next(iter(batches.as_numpy_iterator()))
        name, label = f"{SPLIT} image {index} of {dataset.name}", dataset.class_names[labels[0]]
        return cls._of(images[0], Preprocessing.of_dataset(dataset, image_size), name, label)


def check_one_dataset(supernets: Sequence[StudySupernet]) -> None:
    """Raises InputError unless all were trained on images of the same data set, and so take images alike."""
    first = supernets[0]
    for supernet in supernets[1:]:
        if supernet.config.dataset != first.config.dataset:
            raise InputError(
                f"--supernets must be trained on one dataset. Received: {first.path} on {first.config.dataset}, and "
                f"{supernet.path} on {supernet.config.dataset}."
            )


@dataclass(frozen=True)
class SkipMap:
    """How the map of a skip stands to those of the blocks of its slot: its mean cosine similarity to them, theirs among
    each other (None of a single one), and its norm as a multiple of their median."""

    to_blocks: float
    among_blocks: float | None
    norm_ratio: float

    @classmethod
    def of(cls, maps: FeatureMaps, space: SearchSpace) -> "SkipMap | None":
        """None where the space has no skip, or nothing else."""
        blocks = block_indices(space)
        if space.skip_index is None or not blocks:
            return None
        cosines, norms = maps.cosines, maps.norms
        pairs = [cosines[one, other] for one in blocks for other in blocks if one < other]
        return cls(
            float(cosines[space.skip_index, blocks].mean()),
            float(np.mean(pairs)) if pairs else None,
            float(norms[space.skip_index] / np.median(norms[blocks])),
        )

    def said(self, name: str) -> str:
        """It in a sentence, of the supernet `name`."""
        among = "" if self.among_blocks is None else f", these among themselves {self.among_blocks:.2f}"
        return (
            f"In {name} the skip's map has a mean cosine similarity of {self.to_blocks:.2f} to the others{among}; its "
            f"norm is {self.norm_ratio:.2f} times their median."
        )


def conclusions(skip_maps: Mapping[str, SkipMap], supernets: Sequence[StudySupernet], config: FeaturesConfig) -> str:
    """What the numbers say of the paper's claim, whichever way they go. `skip_maps`: by name of the supernet."""
    if not skip_maps:
        return f"The space {config.space.name} has no skip beside other choices: there is nothing to compare."
    sentences = [skip_map.said(name) for name, skip_map in skip_maps.items()]
    if not stabilized_slots(config.space)[config.slot]:
        sentences.append(
            f"In slot {config.slot} a skip is a 1x1 convolution with batch norm that stays in the network, whatever "
            "the stabilizer: these maps say nothing about ELS."
        )
        return " ".join(sentences)
    means = {
        stabilizer: [skip_maps[one.name].to_blocks for one in supernets if one.config.stabilizer == stabilizer]
        for stabilizer in ("skip", "els")
    }
    if all(means.values()):
        plain, els = (np.mean(values) for values in means.values())
        more = (
            "more like the others, as in the paper's" if els > plain else "no more like the others, unlike the paper's"
        )
        sentences.append(
            f"With ELS the skip's map is {more}: a mean similarity of {els:.3f}, for {plain:.3f} with a plain skip. "
            "One image shows how it looks, and settles nothing."
        )
    return " ".join(sentences)


def _panel(title: str, maps: FeatureMaps, config: FeaturesConfig) -> Panel:
    space = config.space
    blocks = block_indices(space)
    channels = maps.strongest_channels(blocks[0] if blocks else 0, config.channels)
    anchor = space.skip_index if space.skip_index is not None else 0
    notes = [f"{norm:.3g}, {cosine:z.2f}" for norm, cosine in zip(maps.norms, maps.cosines[anchor], strict=True)]
    head = f"norm, cosine\nto {choice_name(space.choices[anchor])}"
    return Panel(title, maps.maps[..., channels], channels.tolist(), notes, head)


def finding(
    supernets: Sequence[StudySupernet], maps: Sequence[FeatureMaps], image: ShownImage, config: FeaturesConfig
) -> Finding:
    """The study's outcome for `maps`, one of each of `supernets`."""
    space = config.space
    names = list(map(choice_name, space.choices))
    skip_maps = {one.name: SkipMap.of(held, space) for one, held in zip(supernets, maps, strict=True)}
    skip_maps = {name: skip_map for name, skip_map in skip_maps.items() if skip_map is not None}
    panels = [_panel(one.name, held, config) for one, held in zip(supernets, maps, strict=True)]
    rows, numbers = [], {}
    for supernet, held, panel in zip(supernets, maps, panels, strict=True):
        norms, cosines = held.norms, held.cosines
        for index, choice in enumerate(names):
            others = np.delete(cosines[index], index)
            to_skip = "" if space.skip_index is None else f"{cosines[index, space.skip_index]:z.3f}"
            mean = f"{others.mean():z.3f}" if len(others) else ""
            rows.append([supernet.name, choice, f"{norms[index]:.4g}", to_skip, mean])
        numbers[supernet.name] = {
            "norms": norms.tolist(),
            "cosines": cosines.tolist(),
            "drawn_channels": list(panel.channels),
        }
    label = f", {image.label}" if image.label else ""
    return Finding(
        title=f"Feature maps of the choices of slot {config.slot}",
        question=QUESTION,
        numbers={
            "space": space.name,
            "choices": names,
            "slot": config.slot,
            "image": image.name,
            "label": image.label,
            "maps": numbers,
        },
        header=["supernet", "choice", "norm", "cosine to skip", "mean cosine to all others"],
        rows=rows,
        figures={"features": feature_maps_figure(image.pixels, image.name + label, panels, names)},
        captions={
            "features": f"What the choices of slot {config.slot} of the space {space.name} make of one image (paper "
            f"Fig. 11; {image.name}{label}), by method, stabilizer and seed of the supernet. Each channel has a scale "
            "of colours of its own, the same for all choices; at the right the norm of each output, and its cosine "
            "similarity, over all channels."
        },
        conclusions=conclusions(skip_maps, supernets, config),
        notes=NOTES,
    )


def study_features(
    supernets: Sequence[StudySupernet],
    image: ShownImage,
    config: FeaturesConfig,
    workdir: StudyWorkdir,
    dataset: Dataset | None,
) -> Finding:
    """Draws what the choices of a slot of each of `supernets` make of `image`; trains them on `dataset` before that,
    unless that is None."""
    from scarlet_tf.models import load_supernet

    workdir.begin()
    if dataset is not None:
        train_supernets(supernets, dataset)
    maps = [FeatureMaps.of(load_supernet(one.path), image.fed, config.slot) for one in supernets]
    return finding(supernets, maps, image, config)
