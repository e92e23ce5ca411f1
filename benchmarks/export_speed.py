"""How fast exported networks are beside what others use, all in turns in one run (`scarlet_tf.timing.contest`).

--contest=networks: SCARLET-A, B and C beside EfficientNet-B0, MobileNetV2 and MobileNetV3-Large of keras.applications,
all written by this package as TFLite files and run by LiteRT. --contest=runtimes: SCARLET-A as this package exports it,
ONNX, TFLite and SavedModel, beside the same network with the same weights in PyTorch: exported by torch.onnx.export,
and eager, in both memory layouts. --profile adds what LiteRT says that each kind of operator takes. Weights are random,
of a fixed seed: none of the networks comes near numbers so small that they would be slow.
"""

import importlib.util
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from absl import flags
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from scarlet_tf import command
from scarlet_tf.errors import InputError
from scarlet_tf.files import check_output_dir, write_json
from scarlet_tf.timing.artifacts import start_artifact
from scarlet_tf.timing.contest import Contestant, Started, Timing, measure
from scarlet_tf.timing.litert_profile import OperatorTime, profile, time_by_kind
from scarlet_tf.timing.report import timing_report, timing_table

CONTESTS = ("networks", "runtimes")
NUM_CLASSES, SEED = 1000, 0
OURS = ("scarlet_a", "scarlet_b", "scarlet_c")
PEERS = ("EfficientNetB0", "MobileNetV2", "MobileNetV3Large")
RATIOS = {
    "networks": (("scarlet_a", "EfficientNetB0"), ("scarlet_b", "EfficientNetB0"), ("scarlet_c", "MobileNetV2")),
    "runtimes": (("ours, ONNX", "PyTorch, ONNX"), ("ours, ONNX", "PyTorch, eager"), ("ours, TFLite", "PyTorch, ONNX")),
}
EAGER = ("PyTorch, eager", "PyTorch, eager, channels last")


def write_networks(directory: Path, image_size: int) -> dict[str, Path]:
    """Writes the networks of the first contest as TFLite files; returns them by name."""
    import keras

    from scarlet_tf.export.tflite import write_tflite
    from scarlet_tf.nets.standalone import build_model

    # Without its shape, MobileNetV3 would leave the image's size open, which LiteRT then refuses to plan for.
    shape = (image_size, image_size, 3)
    builders: dict[str, Callable[[], keras.Model]] = {
        name: lambda name=name: build_model(name, image_size, NUM_CLASSES) for name in OURS
    }
    for name in PEERS:
        builders[name] = lambda name=name: getattr(keras.applications, name)(
            input_shape=shape, weights=None, classes=NUM_CLASSES, classifier_activation=None
        )
    # Its own scaling of pixels to [-1, 1] is two operators more that the others do not have.
    builders["MobileNetV3Large"] = lambda: keras.applications.MobileNetV3Large(
        input_shape=shape,
        weights=None,
        classes=NUM_CLASSES,
        classifier_activation=None,
        include_preprocessing=False,
    )
    files = {}
    for name, build in builders.items():
        keras.utils.set_random_seed(SEED)
        files[name] = write_tflite(build(), directory / f"{name}.tflite")
    return files


def write_formats(directory: Path, image_size: int) -> dict[str, Path]:
    """Writes SCARLET-A in our formats, and the same network exported by PyTorch; returns them by name."""
    import keras
    import numpy as np
    import torch

    from benchmarks.torch_network import torch_network
    from scarlet_tf.arch.zoo import get_arch
    from scarlet_tf.export.certificate import check_parity, parity
    from scarlet_tf.export.onnx import write_onnx
    from scarlet_tf.export.runtimes import keras_predictor
    from scarlet_tf.export.savedmodel import write_signature
    from scarlet_tf.export.tflite import write_tflite
    from scarlet_tf.nets.standalone import build_model

    keras.utils.set_random_seed(SEED)
    model = build_model(OURS[0], image_size, NUM_CLASSES)
    net = torch_network(get_arch(OURS[0]), model)
    images = np.random.default_rng(SEED).standard_normal((1, image_size, image_size, 3), np.float32)
    nchw = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    with torch.inference_mode():
        logits = net(nchw).numpy()
    check_parity("PyTorch's network against ours", parity(logits, keras_predictor(model).predict(images)), 1e-4)
    files = {
        "ours, ONNX": write_onnx(model, directory / "ours.onnx"),
        "ours, TFLite": write_tflite(model, directory / "ours.tflite"),
        "ours, SavedModel": directory / "savedmodel",
        "PyTorch, ONNX": directory / "torch.onnx",
        EAGER[0]: directory / "torch.pt",
    }
    write_signature(model, files["ours, SavedModel"])
    with warnings.catch_warnings():  # the exporter that needs no further package is the older one, and says so
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            net,
            (nchw,),
            files["PyTorch, ONNX"],
            opset_version=17,
            input_names=["image"],
            output_names=["logits"],
            dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
            dynamo=False,
        )
    torch.save(net.state_dict(), files[EAGER[0]])
    return files


def start_eager(path: str, image_size: int, channels_last: bool, threads: int) -> Started:
    """PyTorch's network, run eagerly, from an array to an array."""
    import numpy as np
    import torch

    from benchmarks.torch_network import TorchNetwork
    from scarlet_tf.arch.zoo import get_arch

    torch.set_num_threads(threads)
    net = TorchNetwork(get_arch(OURS[0]), NUM_CLASSES).eval()
    net.load_state_dict(torch.load(path, weights_only=True))
    layout = torch.channels_last if channels_last else torch.contiguous_format
    net = net.to(memory_format=layout)
    images = np.random.default_rng(SEED).standard_normal((1, 3, image_size, image_size), np.float32)

    def run() -> np.ndarray:
        with torch.inference_mode():
            return net(torch.from_numpy(images).contiguous(memory_format=layout)).numpy()

    return Started(run)


def contestants(files: Mapping[str, Path], image_size: int, threads: Sequence[int]) -> list[Contestant]:
    """Every file with every number of threads; PyTorch's weights twice, for its two layouts."""
    found = []
    for count in threads:
        for name, path in files.items():
            if path.suffix != ".pt":
                found.append(Contestant(name, count, start_artifact, (str(path), 1, image_size)))
                continue
            for eager, channels_last in zip(EAGER, (False, True), strict=True):
                found.append(Contestant(eager, count, start_eager, (str(path), image_size, channels_last)))
    return found


def without_the_slower_eager(timings: Sequence[Timing]) -> list[Timing]:
    """Of PyTorch's two layouts, the faster one of each number of threads."""
    found = [one for one in timings if one.name not in EAGER]
    for threads in dict.fromkeys(one.threads for one in timings):
        eager = [one for one in timings if one.name in EAGER and one.threads == threads]
        found += [min(eager, key=lambda one: one.median)] if eager else []
    order = {id(one): index for index, one in enumerate(timings)}
    return sorted(found, key=lambda one: order[id(one)])


def ratios(timings: Sequence[Timing], pairs: Sequence[tuple[str, str]]) -> dict[str, float]:
    """Median over median for each pair and number of threads; a name stands for those that begin with it."""
    found = {}
    for threads in dict.fromkeys(one.threads for one in timings):
        for ours, theirs in pairs:
            first, second = (
                next(one for one in timings if one.name.startswith(name) and one.threads == threads)
                for name in (ours, theirs)
            )
            found[f"{first.name} / {second.name}, {threads} thread{'s' if threads > 1 else ''}"] = (
                first.median / second.median
            )
    return found


def profile_table(name: str, threads: int, operators: Sequence[OperatorTime]) -> Table:
    """A row for each kind of operator, the most costly first."""
    total = sum(one.milliseconds for one in operators)
    table = Table(title=f"{name}, {threads} thread{'s' if threads > 1 else ''}: {total:.2f} ms", box=SIMPLE)
    for column in ("operator", "number", "ms", "share"):
        table.add_column(column, justify="left" if column == "operator" else "right")
    for kind, (number, milliseconds) in time_by_kind(operators).items():
        table.add_row(kind, str(number), f"{milliseconds:.2f}", f"{milliseconds / total:.1%}")
    return table


@contextmanager
def _directory(path: str | None) -> Iterator[Path]:
    if path is not None:
        Path(path).mkdir(parents=True, exist_ok=True)
        yield Path(path)
        return
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)


def main() -> None:
    chosen = _CONTEST.value
    if not chosen or not set(chosen) <= set(CONTESTS):
        raise InputError(f"--contest takes {', '.join(CONTESTS)}. Received: {','.join(chosen)!r}.")
    if not _THREADS.value or not all(text.isdecimal() and int(text) > 0 for text in _THREADS.value):
        raise InputError(f"--threads must be numbers of at least 1. Received: {','.join(_THREADS.value)!r}.")
    if "runtimes" in chosen and importlib.util.find_spec("torch") is None:
        raise InputError("--contest=runtimes needs PyTorch, which is not installed: pip install 'scarlet-tf[torch]'.")
    for flag in (_FILES, _OUTPUT):
        if flag.value is not None:
            check_output_dir(Path(flag.value) if flag is _FILES else Path(flag.value).parent, flag.name)
    threads = [int(text) for text in _THREADS.value]
    command.start_tensorflow()
    report, console = {}, Console()
    with _directory(_FILES.value) as directory:
        for contest in chosen:
            write = {"networks": write_networks, "runtimes": write_formats}[contest]
            files = write(directory, _IMAGE_SIZE.value)
            timings = measure(contestants(files, _IMAGE_SIZE.value, threads), _RUNS.value, _WARMUP.value, SEED)
            shown = without_the_slower_eager(timings)
            settings = {"image_size": _IMAGE_SIZE.value, "runs": _RUNS.value, "warmup": _WARMUP.value}
            report[contest] = timing_report(timings, settings)
            report[contest]["ratios"] = ratios(shown, RATIOS[contest])
            console.print(timing_table(shown))
            print(", ".join(f"{key} {value}" for key, value in report[contest]["machine"].items()))
            for pair, ratio in report[contest]["ratios"].items():
                print(f"{pair}: {ratio:.3f}")
            if _PROFILE.value and contest == "networks":
                report["operators"] = {}
                for name, path in files.items():
                    for count in threads:
                        operators = profile(path, count)
                        report["operators"][f"{name}, {count}"] = time_by_kind(operators)
                        console.print(profile_table(name, count, operators))
    if _OUTPUT.value:
        write_json(_OUTPUT.value, report)
        print(f"written: {_OUTPUT.value}")


if __name__ == "__main__":
    _CONTEST = flags.DEFINE_list("contest", list(CONTESTS), f"Any of {', '.join(CONTESTS)}.")
    _IMAGE_SIZE = flags.DEFINE_integer("image_size", 224, "Pixels a side.", lower_bound=32)
    _THREADS = flags.DEFINE_list("threads", ["1", "2"], "Numbers of threads, separated by commas.")
    _RUNS = flags.DEFINE_integer("runs", 100, "Timed runs of each.", lower_bound=1)
    _WARMUP = flags.DEFINE_integer("warmup", 10, "Runs of each before the timed ones.", lower_bound=0)
    _PROFILE = flags.DEFINE_bool("profile", False, "Also time every operator of the networks' TFLite files.")
    _FILES = flags.DEFINE_string(
        "files", None, "Directory to keep the exported files in; by default they are not kept."
    )
    _OUTPUT = flags.DEFINE_string("output", None, "JSON file to write the figures to.")
    command.run(main, globals())
