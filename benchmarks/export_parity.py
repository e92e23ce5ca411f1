"""Whether every export of a supernet's networks computes what the supernet's path does, on real images.

SCARLET-A, B and C, where the supernet is of their space, and genotypes drawn at random are taken out of it, their
stabilizers removed, and exported to every format. Each artifact is run by its own runtime on the same test images.
Printed are, for each format, the errors against the network in Keras (max |a - b| / max |b|), how often the best class
is the same, the accuracy beside that of the supernet's path, bytes a parameter, and operators that only training needs;
then how the stabilizers went, and whether all is as good as it must be. A genotype whose stabilizers cannot be removed
in float32 is refused by the exporter; it is counted.
"""

import gc
import statistics
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from absl import flags
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from scarlet_tf import command
from scarlet_tf.arch.cost import count
from scarlet_tf.arch.named import NamedArch, resolve
from scarlet_tf.arch.space import SearchSpace
from scarlet_tf.data import DATASETS
from scarlet_tf.errors import InputError, RunError
from scarlet_tf.export.description import Description, Preprocessing
from scarlet_tf.export.settings import FORMATS, QUANTIZE, ExportSettings
from scarlet_tf.files import check_output_dir, write_json
from scarlet_tf.progress import progress
from scarlet_tf.weights import read_supernet_training

PUBLISHED = ("scarlet_a", "scarlet_b", "scarlet_c")
FLOAT32_ERROR, FLOAT16_ERROR = 1e-4, 1e-2
FLOAT16_AGREEMENT = 0.995
FLOAT32_BYTES = 4.05  # a parameter, in a TFLite file


@dataclass
class Outcome:
    """What came of one network: its parameters, its accuracy as the supernet's path, the certificate's entry of each
    artifact, how its stabilizers were removed, and what the exporter said of the
    formats that it did not let pass; or why it refused the genotype."""

    name: str
    params: int
    accuracy: float | None = None
    entries: dict[str, dict] = field(default_factory=dict)
    removals: list[dict] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    refused: str | None = None


def networks(space: SearchSpace, number: int, published: bool, seed: int) -> list[NamedArch]:
    """The published networks of `space`, then `number` of its genotypes, drawn with `seed`."""
    found = [named for named in map(resolve, PUBLISHED) if named.space == space] if published else []
    rng = np.random.default_rng(seed)
    return found + [NamedArch(space, space.sample(rng), f"random_{index}") for index in range(number)]


@dataclass(frozen=True)
class Check:
    """Something that must hold: what it is, what was found, and whether it does."""

    what: str
    found: str
    holds: bool


def checks(outcomes: Sequence[Outcome]) -> list[Check]:
    """What must hold of every artifact. A format that is none of `outcomes` is not checked."""
    by_format = defaultdict(list)
    for outcome in outcomes:
        for name, entry in outcome.entries.items():
            by_format[name].append((entry, outcome.params))
    failures = sum(len(outcome.failures) for outcome in outcomes)
    found = [Check("the exporter lets every artifact pass", f"all but {failures}" if failures else "all", not failures)]

    def add(what: str, value: float, limit: float, at_most: bool, digits: str) -> None:
        holds = value <= limit if at_most else value >= limit
        found.append(Check(f"{what} {'<=' if at_most else '>='} {limit:{digits}}", f"{value:{digits}}", holds))

    for name, entries in by_format.items():
        quantize = entries[0][0]["quantize"]
        if quantize not in ("none", "fp16"):
            continue
        half = quantize == "fp16"
        error = float(np.max([entry["max_rel_error"] for entry, _ in entries]))  # NaN where there is one
        add(f"{name}: max rel error", error, FLOAT16_ERROR if half else FLOAT32_ERROR, True, ".2e")
        same = min(agreement([entry]) for entry, _ in entries)
        add(f"{name}: same top-1 in every network", same, FLOAT16_AGREEMENT if half else 1, False, ".2%")
        if name.startswith("tflite"):
            size = max(entry["bytes"] / params for entry, params in entries)
            add(f"{name}: bytes a parameter", size, FLOAT32_BYTES / 2 if half else FLOAT32_BYTES, True, ".3f")
    having = [entry for entries in by_format.values() for entry, _ in entries]
    leftovers = Counter(name for entry in having for name in entry["training_leftovers"])
    found.append(Check("no operator that only training needs", str(dict(leftovers) or "none"), not leftovers))
    return found


def agreement(entries: Sequence[Mapping]) -> float:
    """The share of all images, over networks, for which the best class is the same."""
    counts = [(entry["top1_agreement"]["count"], entry["top1_agreement"]["of"]) for entry in entries]
    return sum(same for same, _ in counts) / sum(total for _, total in counts)


def parity_table(outcomes: Sequence[Outcome]) -> Table:
    """A row for each format: the largest and the median relative error; the share of images with the same best class,
    in the network where it is the least and of all networks; how far the accuracy is at most from that of the
    supernet's path; bytes a parameter; XNNPACK's partitions; and how many artifacts the exporter did not let pass,
    which are in no other column."""
    table = Table(box=SIMPLE, padding=0)
    table.add_column("", no_wrap=True)
    for column in ("max err", "median", "least", "all", "acc off", "B/param", "parts", "failed"):
        table.add_column(column, justify="right", no_wrap=True)
    for name in dict.fromkeys(name for outcome in outcomes for name in outcome.entries):
        having = [outcome for outcome in outcomes if name in outcome.entries]
        entries = [outcome.entries[name] for outcome in having]
        errors = [entry["max_rel_error"] for entry in entries]
        off = max(abs(outcome.entries[name]["accuracy"] - outcome.accuracy) for outcome in having)
        partitions = [entry["partitions"]["count"] for entry in entries if "partitions" in entry]
        table.add_row(
            name,
            f"{np.max(errors):.1e}",
            f"{statistics.median(errors):.0e}",
            f"{min(agreement([entry]) for entry in entries):.2%}",
            f"{agreement(entries):.2%}",
            f"{off:.1%}",
            f"{max(outcome.entries[name]['bytes'] / outcome.params for outcome in having):.3f}",
            str(max(partitions)) if partitions else "-",
            str(sum(name in outcome.failures for outcome in outcomes)),
        )
    return table


class Exporter:
    """Exports networks of one supernet, which is loaded once, as are the images."""

    def __init__(
        self,
        supernet: object,
        examples: object,
        settings: ExportSettings,
        preprocessing: Preprocessing,
        labels: tuple[str, ...],
        representative: np.ndarray | None,
    ) -> None:
        self.supernet, self.examples, self.settings = supernet, examples, settings
        self.preprocessing, self.labels, self.representative = preprocessing, labels, representative

    def export(self, named: NamedArch, output_dir: Path) -> Outcome:
        """Writes `named` in all formats into `output_dir` and says what came of it."""
        import tensorflow as tf

        from scarlet_tf.export.extract import extract_path
        from scarlet_tf.export.fold import IllConditionedError
        from scarlet_tf.models import LoadedModel

        supernet, seen = self.supernet, {}
        outcome = Outcome(named.name, count(named.arch, supernet.image_size, supernet.num_classes).params)
        try:
            extraction = extract_path(supernet, named.genotype, named.name)
        except IllConditionedError as error:
            outcome.refused = str(error)
            return outcome
        image = tf.TensorSpec((None, supernet.image_size, supernet.image_size, 3), tf.float32)
        path = tf.function(lambda images: supernet(images, path=named.genotype)).get_concrete_function(image)

        def path_logits(images: np.ndarray) -> np.ndarray:
            if "logits" not in seen:
                batches = [
                    path(tf.constant(images[start : start + 250])).numpy() for start in range(0, len(images), 250)
                ]
                seen["logits"] = np.concatenate(batches)
            return seen["logits"]

        loaded = LoadedModel(extraction.model, extraction, path_logits)
        self._certified(named, loaded, output_dir, outcome)
        outcome.accuracy = float(np.mean(path_logits(self.examples.images).argmax(axis=1) == self.examples.labels))
        return outcome

    def _certified(self, named: NamedArch, loaded: object, output_dir: Path, outcome: Outcome) -> None:
        from scarlet_tf.export.artifacts import entry_name
        from scarlet_tf.export.run import export

        description = Description(named.name, self.labels, self.preprocessing)
        alone = [ExportSettings([name], [how]) for name, how in self.settings.jobs]
        exports = [self.settings]
        while exports:
            settings = exports.pop(0)
            try:
                certificate = export(
                    named, loaded, settings, output_dir, self.examples, description, self.representative
                )
            except RuntimeError as error:  # of a file that is not as it must be
                if settings is self.settings and len(alone) > 1:
                    exports = alone  # one after the other: the others are to be published, and certified
                else:
                    outcome.failures[entry_name(*settings.jobs[0])] = str(error)
                continue
            outcome.removals = certificate["removals"]
            outcome.entries |= certificate["formats"]


def main() -> None:
    command.require(_SUPERNET)
    training = read_supernet_training(_SUPERNET.value, "supernet")
    settings = ExportSettings(_FORMAT.value, _QUANTIZE.value)
    for flag in (_OUTPUT_DIR, _OUTPUT):
        if flag.value is not None:
            check_output_dir(Path(flag.value) if flag is _OUTPUT_DIR else Path(flag.value).parent, flag.name)
    chosen = networks(training.space, _GENOTYPES.value, _PUBLISHED.value, _SEED.value)
    if not chosen:
        raise InputError("--genotypes must be at least 1 where no published network is of the supernet's space.")
    name = _DATASET.value or training.dataset
    dataset = command.load_dataset(name, _DATA_DIR.value or (None if _DATASET.value else training.data_dir))
    if dataset.num_classes != training.num_classes:
        raise InputError(
            f"--dataset must have {training.num_classes} classes. Received: {name}, {dataset.num_classes}."
        )
    command.start_tensorflow()
    from scarlet_tf.export.run import ExportImages
    from scarlet_tf.models import load_supernet

    supernet = load_supernet(_SUPERNET.value)
    examples = ExportImages.of_dataset(dataset, supernet.image_size, _IMAGES.value)
    representative = None
    if "int8" in settings.quantize:
        representative = ExportImages.of_dataset(dataset, supernet.image_size, 200, "train").images
    preprocessing = Preprocessing.of_dataset(dataset, supernet.image_size)
    exporter = Exporter(supernet, examples, settings, preprocessing, dataset.class_names, representative)
    outcomes = []
    with progress("export", len(chosen)) as report:
        for done, named in enumerate(chosen):
            report.update(done, named.name)
            with tempfile.TemporaryDirectory() as holder:
                directory = Path(_OUTPUT_DIR.value or holder) / named.name
                outcomes.append(exporter.export(named, directory))
            gc.collect()  # a model and its traces refer to each other
            report.update(done + 1, named.name)
    finish(outcomes, examples.origin)


def finish(outcomes: Sequence[Outcome], origin: str) -> None:
    """Prints and writes what was found. Raises RunError where something does not hold."""
    if _OUTPUT.value:
        write_json(_OUTPUT.value, {"images": origin, "networks": [vars(outcome) for outcome in outcomes]})
    Console().print(parity_table(outcomes))
    refused = [outcome for outcome in outcomes if outcome.refused]
    removals = [removal for outcome in outcomes for removal in outcome.removals]
    print(f"{len(outcomes) - len(refused)} networks exported, {len(refused)} refused; compared on {origin}")
    for outcome in refused:
        print(f"refused: {outcome.name}: {outcome.refused}")
    for outcome in outcomes:
        for name, message in outcome.failures.items():
            print(f"failed: {outcome.name}, {name}: {message}")
    if removals:
        methods = Counter(removal["method"] for removal in removals)
        bases = max(removal["basis_condition_number"] for removal in removals)
        own = max(removal["condition_number"] for removal in removals)
        how = ", ".join(f"{number} {method}" for method, number in methods.most_common())
        print(f"{len(removals)} stabilizers removed: {how}")
        print(f"worst condition number: {bases:.3g} of a basis, {own:.3g} of a stabilizer")
    found = checks(outcomes)
    for check in found:
        print(f"{'PASS' if check.holds else 'FAIL'}  {check.what}: {check.found}")
    if _OUTPUT.value:
        print(f"written: {_OUTPUT.value}")
    if not all(check.holds for check in found):
        raise RunError(f"{sum(not check.holds for check in found)} of {len(found)} checks failed.")


if __name__ == "__main__":
    _SUPERNET = flags.DEFINE_string("supernet", None, "Workdir of the trained supernet.")
    _GENOTYPES = flags.DEFINE_integer("genotypes", 30, "Genotypes to draw beside the published ones.", lower_bound=0)
    _PUBLISHED = flags.DEFINE_bool("published", True, "Export SCARLET-A, B and C too, where they are of the space.")
    _FORMAT = flags.DEFINE_list("format", list(FORMATS), f"Any of {', '.join(FORMATS)}.")
    _QUANTIZE = flags.DEFINE_list("quantize", ["none", "fp16"], f"TFLite files, any of {', '.join(QUANTIZE)}.")
    _DATASET = flags.DEFINE_enum("dataset", None, DATASETS, "Test images; by default those of the supernet's training.")
    _DATA_DIR = flags.DEFINE_string("data_dir", None, "Where they are.")
    _IMAGES = flags.DEFINE_integer("images", 1000, "How many of them.", lower_bound=1)
    _SEED = flags.DEFINE_integer("seed", 0, "Of the genotypes.", lower_bound=0)
    _OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Directory to keep the artifacts in; else they are not kept.")
    _OUTPUT = flags.DEFINE_string("output", None, "JSON file to write the certificates to.")
    command.run(main, globals())
