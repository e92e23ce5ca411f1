"""A kit of the space of three slots, written by the command, and times for its files."""

import csv
import os
import subprocess
import sys

import numpy as np
import pytest

from scarlet_tf.latency.kit import Kit, random_networks

IMAGE_SIZE, NUM_CLASSES, NUM_NETWORKS = 16, 5, 6


@pytest.fixture(scope="session")
def mini_kit(mini_space):
    """The kit of all parts of the space and 6 networks, in memory."""
    return Kit(mini_space, IMAGE_SIZE, NUM_CLASSES, 0, random_networks(mini_space, NUM_NETWORKS, 0))


@pytest.fixture(scope="session")
def part_times(mini_kit):
    """Milliseconds by part: random numbers, so that no two sums agree by chance."""
    rng = np.random.default_rng(0)
    return {name: float(rng.uniform(1, 2)) for name in mini_kit.parts().distinct}


@pytest.fixture(scope="session")
def kit_flags(mini_files):
    """How the kit is written, but for --output_dir."""
    sizes = (f"--image_size={IMAGE_SIZE}", f"--num_classes={NUM_CLASSES}", f"--networks={NUM_NETWORKS}")
    return ("latency", "kit", f"--space={mini_files / 'space.json'}", *sizes)


@pytest.fixture(scope="session")
def kit_dir(kit_flags, run_command, tmp_path_factory):
    """Where the kit was written. Tests leave it as it is."""
    path = tmp_path_factory.mktemp("latency") / "kit"
    done = run_command(*kit_flags, f"--output_dir={path}")
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture(scope="session")
def measure_here():
    """Runs a kit's measure_here.py to its end, with nothing of this package on Python's path."""

    def run(kit, output, *flags):
        line = [sys.executable, str(kit / "measure_here.py"), f"--output={output}", *flags]
        return subprocess.run(line, capture_output=True, text=True, env={"PATH": os.environ["PATH"]}, cwd=output.parent)

    return run


@pytest.fixture
def write_csv(tmp_path):
    """Writes rows of file, mean_us, variance, count as a CSV and returns its path."""

    def write(rows, header=("file", "mean_us", "variance", "count"), name="measured.csv"):
        path = tmp_path / name
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([header, *rows])
        return path

    return write
