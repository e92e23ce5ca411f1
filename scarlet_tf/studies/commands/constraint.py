"""Searches with and without a bound on accuracy: what it does to skips, and to the front (the paper's Fig. 9).

Accuracies are those in a supernet: of --supernet, trained already, or one that is trained first, strictly fairly and
with ELS, as the training flags say. Or they come from a table (--evaluator=table:FILE, with --space, --image_size and
--num_classes). Searches differ in the bound and in the seed alone. Run the same command again to go on after a stop.
"""

from pathlib import Path

from absl import flags

from scarlet_tf import command
from scarlet_tf.arch.spaces import get_space
from scarlet_tf.errors import InputError
from scarlet_tf.search.config import SearchConfig
from scarlet_tf.search.evaluation import Evaluation
from scarlet_tf.search.table import AccuracyTable
from scarlet_tf.studies.accuracy_sources import AccuracySource, SupernetSource, TableSource
from scarlet_tf.studies.commands.study_flags import OF_A_TRAINING, TrainingFlags, whole_numbers
from scarlet_tf.studies.supernets import StudySupernet, planned_supernets
from scarlet_tf.studies.workdir import StudyWorkdir
from scarlet_tf.weights import read_supernet_training

PAPERS_BOUND, PAPERS_DATASET, MEDIAN = 0.4, "imagenet2012", "median"

_FLAGS = TrainingFlags(
    {
        "epochs": 2,
        "seeds": ["0", "1", "2", "3"],
        "population": 24,
        "generations": 10,
        "acc_min": MEDIAN,
        "max_images": 300,
        "bn": "recalibrate",
        "recalibration_images": 100,
    }
)
_EVALUATOR = _FLAGS.add(flags.DEFINE_string("evaluator", "supernet", "What gives accuracies: supernet, or table:FILE."))
_SUPERNET = _FLAGS.add(flags.DEFINE_string("supernet", None, "Workdir of a supernet; by default one is trained."))
_NUM_CLASSES = _FLAGS.add(
    flags.DEFINE_integer("num_classes", None, "Classes, by which a table's networks are counted.")
)
_SEEDS = _FLAGS.add(flags.DEFINE_list("seeds", ["0", "1", "2", "3", "4"], "Seeds of the searches, two or more."))
_POPULATION = _FLAGS.add(flags.DEFINE_integer("population", 70, "Networks that survive a generation."))
_GENERATIONS = _FLAGS.add(flags.DEFINE_integer("generations", 120, "Generations of each search."))
_MADDS_MAX = _FLAGS.add(flags.DEFINE_float("madds_max", 500e6, "Multiply-adds that every network must stay below."))
_ACC_MIN = _FLAGS.add(
    flags.DEFINE_string(
        "acc_min",
        None,
        "The bound, from 0 to 1, or median, that of random networks; by default the paper's 0.4 on ImageNet.",
    )
)
_BN = _FLAGS.add(flags.DEFINE_enum("bn", "moving", ["moving", "recalibrate"], "As in search."))
_RECALIBRATION_IMAGES = _FLAGS.add(flags.DEFINE_integer("recalibration_images", None, "As in search."))
_MAX_IMAGES = _FLAGS.add(flags.DEFINE_integer("max_images", None, "Validation images to use; by default all."))
_OF_A_SUPERNET = (_SUPERNET, _BN, _RECALIBRATION_IMAGES, _MAX_IMAGES)


def _table(path: str) -> TableSource:
    mode, counted = f"--evaluator={_EVALUATOR.value}", ("space", "image_size")
    useless = (*OF_A_TRAINING, "dataset", "data_dir", "strategy")
    command.refuse(mode, *(_FLAGS[name] for name in useless if name not in counted), *_OF_A_SUPERNET)
    for flag in (*map(_FLAGS.__getitem__, counted), _NUM_CLASSES):
        if not flag.present:
            raise InputError(f"--{flag.name} must be given with {mode}: it says what the table's networks are.")
    space = get_space(_FLAGS["space"].value)
    table = AccuracyTable(path, space)
    description = f"the accuracies in {Path(path).name}"
    return TableSource(space, _FLAGS["image_size"].value, _NUM_CLASSES.value, table, description)


def _supernet(workdir: Path) -> SupernetSource:
    command.refuse("--evaluator=supernet", _NUM_CLASSES)
    given = _SUPERNET.value is not None
    if given:
        command.refuse("--supernet", *(_FLAGS[name] for name in OF_A_TRAINING))
        supernet = StudySupernet(Path(_SUPERNET.value), read_supernet_training(_SUPERNET.value, "supernet"))
        name = _FLAGS["dataset"].value if _FLAGS["dataset"].present else supernet.config.dataset
        dataset = command.load_dataset(name, _FLAGS["data_dir"].value or supernet.config.data_dir)
    else:
        (supernet,) = planned_supernets(_FLAGS.training(), workdir, ["els"], ["fair"], [0])
        dataset = command.load_dataset(_FLAGS["dataset"].value, _FLAGS["data_dir"].value)
    recalibrated = _BN.value == "recalibrate" or _RECALIBRATION_IMAGES.present
    evaluation = Evaluation(
        _MAX_IMAGES.value, bn=_BN.value, recalibration_images=_RECALIBRATION_IMAGES.value if recalibrated else None
    )
    return SupernetSource(supernet, not given, dataset, evaluation, workdir / "searches", _FLAGS["strategy"].value)


def _acc_min(source: AccuracySource) -> float | None:
    """The bound; None for the median."""
    text = _ACC_MIN.value
    if text is None and source.dataset_name == PAPERS_DATASET:
        return PAPERS_BOUND
    if text == MEDIAN:
        return None
    try:
        return float(text)
    except (TypeError, ValueError):
        received = "none; the paper's 0.4 is for ImageNet" if text is None else repr(text)
        raise InputError(f"--acc_min must be an accuracy, as 0.4 for 40%, or {MEDIAN}. Received: {received}.") from None


def main() -> None:
    _FLAGS.read()
    kind, _, table = _EVALUATOR.value.partition(":")
    if kind not in ("supernet", "table") or (kind == "table") != bool(table):
        raise InputError(f"--evaluator must be supernet or table:FILE. Received: {_EVALUATOR.value!r}.")
    from scarlet_tf.studies.constraint import ConstraintConfig, constraint_finding, run_searches  # slow: not for --help

    source = _table(table) if table else _supernet(Path(_FLAGS.workdir.value))
    search = SearchConfig(
        _POPULATION.value,
        _GENERATIONS.value,
        _MADDS_MAX.value,
        image_size=source.image_size,
        num_classes=source.num_classes,
    )
    config = ConstraintConfig(search, _acc_min(source), tuple(whole_numbers(_SEEDS)))
    workdir = StudyWorkdir(_FLAGS.workdir.value, "constraint", _FLAGS.settings() | {"origin": source.origin})
    config.check(source)
    workdir.begin()
    if not table:
        command.start_tensorflow()
    source.prepare()
    outcome = run_searches(source, config, workdir)
    finding = constraint_finding(outcome, config, source.description)
    finding.print()
    print(f"written: {finding.write(workdir.path, _FLAGS.command('constraint'))}")
