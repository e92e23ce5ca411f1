"""The whole road on images that come with the package: train, search, extract, retrain, export, evaluate.

Five to eight minutes on two CPU cores. Run the same command again to go on after a stop. The workdir gets supernet/,
search/ (with report.html and a diagram of each pick), picks/NAME/ (retrained), exported/NAME/ and summary.json.
"""

from dataclasses import dataclass
from pathlib import Path

from absl import flags
from rich.console import Console
from rich.table import Table

from scarlet_tf import command
from scarlet_tf.arch.named import NamedArch, resolve
from scarlet_tf.arch.spaces import SMALL
from scarlet_tf.data import load_dataset
from scarlet_tf.export.settings import ExportSettings
from scarlet_tf.files import check_output_dir, write_json
from scarlet_tf.search.config import SearchConfig
from scarlet_tf.search.evaluation import Evaluation
from scarlet_tf.train.config import TrainConfig
from scarlet_tf.weights import WeightsSource

DATASET, IMAGE_SIZE = "fashion_mnist_small", 28
SUPERNET = TrainConfig(
    DATASET, IMAGE_SIZE, space=SMALL, batch_size=32, epochs=2, optimizer="adamw", learning_rate=0.004, weight_decay=1e-4
)
SEARCH = SearchConfig(population=24, generations=6, acc_min=0.4, madds_max=6e6, image_size=IMAGE_SIZE, num_classes=10)
SEARCH_IMAGES = 600
NUM_PICKS = 3
RETRAINING = {"batch_size": 32, "epochs": 10, "learning_rate": 0.1, "weight_decay": 5e-4}
EXPORT = ExportSettings(("savedmodel", "tflite", "onnx", "keras"), ("none", "fp16"))


@dataclass(frozen=True)
class PickReport:
    """What became of one pick; accuracies, in [0, 1], are on the test images."""

    named: NamedArch
    madds: int
    params: int
    in_supernet: float
    extracted: float
    retrained: float
    artifacts: dict[str, float]


def follow_pick(path: Path, workdir: Path) -> PickReport:
    """Extracts a picked network from the supernet, retrains it shortly, exports it, and measures every step."""
    from scarlet_tf.evaluate import accuracy
    from scarlet_tf.export.describe import describe
    from scarlet_tf.export.run import ExportImages, export
    from scarlet_tf.export.runtimes import keras_predictor
    from scarlet_tf.models import LoadedModel, load_model
    from scarlet_tf.train.training import train

    named, dataset = resolve(str(path)), load_dataset(DATASET)

    def test_accuracy(predict) -> float:
        correct, seen = accuracy(predict, dataset, "test", IMAGE_SIZE)
        return correct / seen

    supernet = workdir / "supernet"
    extracted = load_model(named, WeightsSource.find(named, str(supernet)))
    in_supernet = test_accuracy(extracted.path_logits)
    after_extraction = test_accuracy(keras_predictor(extracted.model).predict)
    config = TrainConfig(DATASET, IMAGE_SIZE, model=named, weights=str(supernet), **RETRAINING)
    pick = workdir / "picks" / named.name
    model = train(config, pick)
    retrained = test_accuracy(keras_predictor(model).predict)
    examples = ExportImages.of_dataset(dataset, IMAGE_SIZE, dataset.num_examples("test"))
    output_dir = workdir / "exported" / named.name
    source = WeightsSource.find(named, str(pick))
    description = describe(named, source, dataset, None, IMAGE_SIZE, dataset.num_classes)
    formats = f"--format={','.join(EXPORT.formats)} --quantize={','.join(EXPORT.quantize)}"
    images = f"--num_images={len(examples.images)}"
    command = f"python -m scarlet_tf.export --model={pick} {formats} {images} --output_dir={output_dir}"
    certificate = export(named, LoadedModel(model), EXPORT, output_dir, examples, description, command=command)
    artifacts = {name: entry["accuracy"] for name, entry in certificate["formats"].items()}
    return PickReport(
        named,
        **certificate["cost"],
        in_supernet=in_supernet,
        extracted=after_extraction,
        retrained=retrained,
        artifacts=artifacts,
    )


def print_table(reports: list[PickReport]) -> None:
    """A column a pick, a row a measure."""
    table = Table("", *(report.named.name for report in reports))
    table.add_row("genotype", *(" ".join(map(str, report.named.genotype)) for report in reports))
    table.add_row("MAdds (M)", *(f"{report.madds / 1e6:.2f}" for report in reports))
    table.add_row("params (M)", *(f"{report.params / 1e6:.3f}" for report in reports), end_section=True)
    rows = {
        "in the supernet": [report.in_supernet for report in reports],
        "after extraction": [report.extracted for report in reports],
        "after retraining": [report.retrained for report in reports],
        **{name: [report.artifacts[name] for report in reports] for name in reports[0].artifacts},
    }
    for name, values in rows.items():
        table.add_row(name, *(f"{value:.2%}" for value in values))
    Console().print("accuracy on 2,000 test images", table)


def run(workdir: Path) -> list[PickReport]:
    """Goes the whole road in `workdir` and returns what became of each pick."""
    from scarlet_tf.search.run import search_supernet
    from scarlet_tf.train.training import train

    train(SUPERNET, workdir / "supernet")
    dataset = load_dataset(DATASET)
    evaluation = Evaluation(max_images=SEARCH_IMAGES)
    _, paths = search_supernet(workdir / "supernet", workdir / "search", dataset, SEARCH, evaluation, NUM_PICKS)
    reports = [follow_pick(path, workdir) for path in paths]
    write_json(workdir / "summary.json", [{**vars(report), "named": report.named.to_dict()} for report in reports])
    return reports


def main() -> None:
    workdir = check_output_dir(_WORKDIR.value, "workdir")
    command.start_tensorflow()
    print_table(run(workdir))
    print(f"search: {workdir}/search/report.html; diagrams: {workdir}/search/picks; artifacts: {workdir}/exported")


if __name__ == "__main__":
    _WORKDIR = flags.DEFINE_string("workdir", "runs/quickstart", "Directory of this run.")
    command.run(main, globals())
