"""Times exported files side by side: .tflite by LiteRT, .onnx by onnxruntime, SavedModels and .keras by TensorFlow.

Each is in a process of its own with so many threads, and they take turns, in an order drawn anew for each round, so
that what else the machine does meets all alike. A run is from a NumPy array to NumPy arrays. Any network with one
input will do, be it from here or not.
"""

from pathlib import Path

from absl import flags
from rich.console import Console

from scarlet_tf import command
from scarlet_tf.errors import InputError
from scarlet_tf.files import check_output_dir, write_json

_MODEL = flags.DEFINE_list("model", None, "Files and SavedModel directories, separated by commas.")
_THREADS = flags.DEFINE_list("threads", ["1"], "Numbers of threads to time each with, separated by commas.")
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 1, "Images a run.")
_IMAGE_SIZE = flags.DEFINE_integer("image_size", 224, "Pixels a side where a file takes images of any size.")
_WARMUP = flags.DEFINE_integer("warmup", 10, "Runs of each before the timed ones.")
_RUNS = flags.DEFINE_integer("runs", 50, "Timed runs of each.")
_SEED = flags.DEFINE_integer("seed", 0, "Of the order in which they take turns.")
_OUTPUT = flags.DEFINE_string("output", None, "JSON file to write every run's time to.")
_FIGURE = flags.DEFINE_string("figure", None, "PNG file to draw a bar chart in.")


def _thread_counts() -> list[int]:
    try:
        counts = [int(text) for text in _THREADS.value]
    except ValueError:
        counts = []
    if not counts or min(counts) < 1:
        raise InputError(f"--threads must be numbers of at least 1. Received: {','.join(_THREADS.value)!r}.")
    return list(dict.fromkeys(counts))


def main() -> None:
    command.require(_MODEL)
    if not _MODEL.value:
        raise InputError("--model must name at least one file. Received: none.")
    threads = _thread_counts()
    for flag, least in ((_BATCH_SIZE, 1), (_IMAGE_SIZE, 1), (_WARMUP, 0), (_RUNS, 1), (_SEED, 0)):
        if flag.value < least:
            raise InputError(f"--{flag.name} must be at least {least}. Received: {flag.value}.")
    for flag, suffix in ((_OUTPUT, ".json"), (_FIGURE, ".png")):
        if flag.value is not None:
            if Path(flag.value).suffix != suffix or Path(flag.value).is_dir():
                raise InputError(f"--{flag.name} must be a file that ends in {suffix}. Received: {flag.value}.")
            check_output_dir(Path(flag.value).parent, flag.name)
    from scarlet_tf.timing.artifacts import check_artifact, contestants
    from scarlet_tf.timing.contest import measure
    from scarlet_tf.timing.report import timing_report, timing_table

    paths = [check_artifact(path, "model") for path in _MODEL.value]
    entrants = contestants(paths, threads, _BATCH_SIZE.value, _IMAGE_SIZE.value)
    timings = measure(entrants, _RUNS.value, _WARMUP.value, _SEED.value)
    settings = {flag.name: flag.value for flag in (_BATCH_SIZE, _WARMUP, _RUNS, _SEED)}
    report = timing_report(timings, settings)
    hardware = ", ".join(f"{key} {value}" for key, value in report["machine"].items())
    Console().print(timing_table(timings))
    print(f"{hardware}; ratio: of medians, to the first with as many threads")
    if _OUTPUT.value:
        write_json(_OUTPUT.value, report)
    if _FIGURE.value:
        from scarlet_tf.figures.timing import plot_timings  # matplotlib takes a second that bad input should not cost

        plot_timings(_FIGURE.value, timings, f"{report['machine']['cpu']}, batches of {_BATCH_SIZE.value}")
    written = [flag.value for flag in (_OUTPUT, _FIGURE) if flag.value]
    if written:
        print(f"written: {', '.join(written)}")


if __name__ == "__main__":
    command.run(main, globals())
