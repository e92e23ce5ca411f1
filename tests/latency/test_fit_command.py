"""`python -m scarlet_tf.latency fit`: from measurements to latency.json, and what it refuses."""

import json

import pytest
from matplotlib.image import imread

from scarlet_tf.latency.kit import network_file
from scarlet_tf.latency.table import LatencyTable


@pytest.fixture
def additive_rows(mini_kit, part_times):
    """Lines of a CSV in which networks take 1.2 x the sum of their parts + 0.4 ms."""
    rows = [(f"{name}.tflite", 1000 * ms, 1.0, 10) for name, ms in part_times.items()]
    for index, genotype in enumerate(mini_kit.networks):
        total = sum(part_times[part.name] for part in mini_kit.parts().of(genotype))
        rows.append((network_file(index), 1000 * (1.2 * total + 0.4), 1.0, 10))
    return rows


@pytest.fixture
def run_fit(run_command, kit_dir, tmp_path):
    def run(csv, *flags):
        output = f"--output={tmp_path / 'out' / 'latency.json'}"
        return run_command(
            "latency", "fit", f"--kit={kit_dir}", f"--measurements={csv}", output, "--held_out=3", *flags
        )

    return run


def test_table_and_picture_are_written_and_errors_printed(run_fit, additive_rows, write_csv, mini_space, tmp_path):
    done = run_fit(write_csv(additive_rows), "--device=a phone", "--threads=4")
    assert done.returncode == 0, done.stderr
    assert "1.200 x sum of parts +0.400 ms; a phone, 4 thread(s)" in done.stdout
    assert "held out" in done.stdout
    assert "0.0%" in done.stdout
    table = LatencyTable.read(tmp_path / "out" / "latency.json")
    table.check(mini_space, 16, 5)
    data = json.loads((tmp_path / "out" / "latency.json").read_text())
    assert (data["held_out"]["networks"], data["calibration"]["networks"]) == (3, 3)
    for one in data["held_out"]["predictions"]:
        assert table.latency(one["genotype"]) == pytest.approx(one["measured_ms"], rel=1e-6)
    assert imread(tmp_path / "out" / "latency.png")[..., :3].std() > 0.05


def test_what_was_measured_here_can_be_fitted(run_fit, measure_here, kit_dir, mini_space, tmp_path):
    done = measure_here(kit_dir, tmp_path / "measured.csv", "--rounds=1", "--runs=1")
    assert done.returncode == 0, done.stderr
    done = run_fit(tmp_path / "measured.csv", "--held_out=6")  # a fit to so tiny times may fail
    assert done.returncode == 0, done.stderr
    table = LatencyTable.read(tmp_path / "out" / "latency.json")
    table.check(mini_space, 16, 5)
    assert table.latency((0, 1, 0)) > 0
    assert table.device


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--measurements=missing.csv"], ["missing.csv"]),
        (["--kit=missing"], ["kit.json"]),
        (["--held_out=4"], ["--held_out", "4"]),
        (["--held_out=-1"], ["--held_out", "-1"]),
        (["--output=latency.csv"], ["--output", ".json"]),
        (["--output="], ["--output"]),
    ],
)
def test_bad_flags_are_refused_and_nothing_is_written(run_fit, additive_rows, write_csv, tmp_path, flags, words):
    done = run_fit(write_csv(additive_rows), "--device=a phone", "--threads=1", *flags)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert all(word in done.stderr for word in words), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["measured.csv"]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda rows: rows[1:], ["--measurements", "stem-16x3-s2-8.tflite"]),
        (lambda rows: [(*rows[0][:1], -1, 0, 1), *rows[1:]], ["line 2", "above 0", "'-1'"]),
        (lambda rows: [*rows, rows[0]], ["one line", "stem-16x3-s2-8.tflite"]),
    ],
)
def test_bad_measurements_are_refused_and_nothing_is_written(run_fit, additive_rows, write_csv, tmp_path, spoil, words):
    done = run_fit(write_csv(spoil(additive_rows)), "--device=a phone", "--threads=1")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert all(word in done.stderr for word in words), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["measured.csv"]


def test_measurements_that_do_not_say_where_they_are_from_need_the_flags(run_fit, additive_rows, write_csv):
    done = run_fit(write_csv(additive_rows))
    assert done.returncode == 2
    assert "--device and --threads must be given" in done.stderr


def test_missing_columns_are_named(run_fit, write_csv):
    done = run_fit(write_csv([("stem-16x3-s2-8.tflite", 1.0)], ("file", "mean_us")))
    assert done.returncode == 2
    assert "columns file, mean_us, variance, count" in done.stderr
