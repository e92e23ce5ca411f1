"""The scripts of a kit: on this machine, and on a phone whose adb is a fake that answers as benchmark_model does."""

import csv
import json
import os
import subprocess

import numpy as np
import pytest

from scarlet_tf.latency.measurements import read_measurements

QUICK = ("--rounds=2", "--runs=2")

FAKE_ADB = r"""#!/usr/bin/env bash
echo "$*" >> "$ADB_LOG"
cat > /dev/null  # the real one reads its input too
case "$*" in
    "shell getprop"*) printf 'Pixel 4\r\n' ;;
    *"--graph"*)
        [ -z "${ADB_FAIL:-}" ] || { echo "ERROR: Failed to load model"; exit 1; }
        cat << 'END'
INFO: STARTING!
INFO: Log parameter values verbosely: [0]
INFO: Min num runs: [50]
INFO: Num threads: [1]
INFO: Graph: [/data/local/tmp/part.tflite]
INFO: Created TensorFlow Lite XNNPACK delegate for CPU.
INFO: The input model file size (MB): 16.9008
INFO: Initialized session in 17.187ms.
INFO: Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
INFO: count=1 curr=3512391

INFO: Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 150 seconds.
END
        echo "INFO: $ADB_COUNT"
        echo
        echo "INFO: Inference timings in us: Init: 17187, First inference: 3512391, Warmup (avg): 3.51e+06,"
        ;;
esac
"""
USUAL = "count=50 first=2990275 curr=2913402 min=2727568 max=3189954 avg=2.95034e+06 std=109798"


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def timed(measure_here, kit_dir, tmp_path_factory):
    """A CSV of two rounds over the kit, of which every run counts."""
    output = tmp_path_factory.mktemp("timed") / "measured.csv"
    done = measure_here(kit_dir, output, *QUICK, "--keep=1", "--device=this one")
    assert done.returncode == 0, done.stderr
    return output


def test_every_file_is_timed_in_every_round(kit_dir, timed):
    measurements = read_measurements(timed)
    assert set(measurements.timings) == {path.name for path in kit_dir.glob("*.tflite")}
    assert {timing.count for timing in measurements.timings.values()} == {4}
    assert (measurements.device, measurements.threads) == ("this one", 1)


def test_mean_and_variance_are_of_the_runs_that_count(measure_here, kit_dir, timed, tmp_path):
    runs = {}
    for line in timed.with_name("measured.csv.runs").read_text().splitlines()[1:]:
        entry = json.loads(line)
        runs.setdefault(entry["file"], []).extend(entry["us"])
    for row in rows(timed):
        np.testing.assert_allclose(float(row["mean_us"]), np.mean(runs[row["file"]]), rtol=0.05, atol=0.1)
    (tmp_path / "measured.csv.runs").write_bytes(timed.with_name("measured.csv.runs").read_bytes())
    done = measure_here(kit_dir, tmp_path / "measured.csv", *QUICK, "--device=this one")  # nothing is left to time
    assert done.returncode == 0, done.stderr
    for row in rows(tmp_path / "measured.csv"):
        fastest = np.sort(runs[row["file"]])[:2]
        np.testing.assert_allclose(float(row["mean_us"]), fastest.mean(), atol=0.1)
        np.testing.assert_allclose(float(row["variance"]), fastest.var(), rtol=0.01, atol=0.5)
        assert row["count"] == "2"


def test_a_stopped_measurement_goes_on_and_rounds_can_be_added(measure_here, kit_dir, timed, tmp_path):
    lines = timed.with_name("measured.csv.runs").read_bytes().splitlines(keepends=True)
    stopped = tmp_path / "measured.csv.runs"
    stopped.write_bytes(b"".join(lines[:10]) + lines[10][:-9])  # within its 10th entry
    done = measure_here(kit_dir, tmp_path / "measured.csv", "--rounds=3", "--runs=2", "--device=this one")
    assert done.returncode == 0, done.stderr
    written = stopped.read_bytes().splitlines(keepends=True)
    assert written[:10] == lines[:10]
    entries = [json.loads(line) for line in written[1:]]
    num_files = len(list(kit_dir.glob("*.tflite")))
    assert len({(one["round"], one["file"]) for one in entries}) == len(entries) == 3 * num_files
    assert {row["count"] for row in rows(tmp_path / "measured.csv")} == {"3"}  # of 6 runs, the fastest half


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--threads=2"], ["measured.csv.runs", "same settings"]),
        (["--runs=3"], ["measured.csv.runs", "same settings"]),
        (["--rounds=0"], ["--rounds must be at least 1"]),
        (["--keep=0"], ["--keep"]),
        (["--clock=cpu"], ["measured.csv.runs", "same settings"]),
        (["--clock=cpu", "--threads=2"], ["--clock=cpu", "--threads=2"]),
        (["--cold_mb=-1"], ["--cold_mb"]),
        (["--kit=missing"], ["--kit", "missing"]),
    ],
)
def test_other_settings_are_refused(measure_here, kit_dir, timed, digest, flags, words):
    before = digest(timed.parent)
    done = measure_here(kit_dir, timed, *QUICK, "--device=this one", *flags)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert all(word in done.stderr for word in words), done.stderr
    assert digest(timed.parent) == before


def test_a_kit_that_was_stopped_is_not_measured(measure_here, kit_dir, tmp_path):
    for name in ("kit.json", "measure_here.py"):
        (tmp_path / name).write_bytes((kit_dir / name).read_bytes())
    done = measure_here(tmp_path, tmp_path / "measured.csv")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "lacks" in done.stderr
    assert not (tmp_path / "measured.csv").exists()


@pytest.fixture
def phone(kit_dir, tmp_path):
    """Runs measure_device.sh of the kit with the fake adb; what adb was asked is in adb.log."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "adb").write_text(FAKE_ADB)
    (tmp_path / "bin" / "adb").chmod(0o755)
    (tmp_path / "benchmark_model").write_bytes(b"")

    def run(*words, line=USUAL, **environment):
        path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
        settings = {"PATH": path, "ADB_LOG": str(tmp_path / "adb.log"), "ADB_COUNT": line, **environment}
        script = [str(kit_dir / "measure_device.sh"), *map(str, words)]
        return subprocess.run(script, capture_output=True, text=True, env=settings, cwd=tmp_path)

    return run


@pytest.mark.parametrize(
    ("line", "numbers"),
    [
        (USUAL, (2.95034e06, 109798.0**2, 50)),
        ("count=69 first=14628 curr=14532 min=14325 max=15000 avg=14545.3 std=120 p5=14330 median=14540 p95=14900",
         (14545.3, 120.0**2, 69)),
        ("count=50 curr=211 (all same)", (211.0, 0.0, 50)),
    ],
)  # fmt: skip
def test_benchmark_models_answer_becomes_a_line_of_the_csv(kit_dir, phone, tmp_path, line, numbers):
    done = phone("benchmark_model", line=line, THREADS="4", MASK="f0")
    assert done.returncode == 0, done.stderr
    measurements = read_measurements(tmp_path / "measured.csv")
    assert set(measurements.timings) == {path.name for path in kit_dir.glob("*.tflite")}
    assert (measurements.device, measurements.threads) == ("Pixel 4", 4)
    for timing in measurements.timings.values():
        assert (timing.mean_us, timing.variance, timing.count) == pytest.approx(numbers, rel=1e-5)
    asked = (tmp_path / "adb.log").read_text()
    assert "shell taskset f0 /data/local/tmp/benchmark_model --graph=/data/local/tmp/part.tflite" in asked
    assert "--num_threads=4 --num_runs=50 --warmup_runs=10 --use_xnnpack=true" in asked


def test_a_phone_that_was_unplugged_goes_on_where_it_stopped(kit_dir, phone, tmp_path):
    assert phone("benchmark_model", "out.csv").returncode == 0
    lines = (tmp_path / "out.csv").read_text().splitlines(keepends=True)
    (tmp_path / "out.csv").write_text("".join(lines[:-3]))
    (tmp_path / "adb.log").unlink()
    assert phone("benchmark_model", "out.csv").returncode == 0
    assert (tmp_path / "out.csv").read_text().splitlines(keepends=True) == lines
    assert (tmp_path / "adb.log").read_text().count("--graph") == 3


@pytest.mark.parametrize(
    ("words", "settings", "expected"),
    [
        ([], {}, ["usage"]),
        (["missing"], {}, ["BENCHMARK_MODEL", "missing"]),
        (["benchmark_model"], {"THREADS": "0"}, ["THREADS", "0"]),
        (["benchmark_model"], {"RUNS": "many"}, ["RUNS", "many"]),
        (["benchmark_model", "other.csv"], {}, ["other.csv", "must begin with"]),
        (["benchmark_model", "phone.csv"], {}, ["phone.csv", "Pixel 4"]),
        (["benchmark_model"], {"ADB_FAIL": "1"}, ["failed on", "Failed to load model"]),
        (["benchmark_model"], {"line": "nothing"}, ["count=", "Inference timings"]),
    ],
)
def test_what_cannot_be_measured_is_said_in_one_line(phone, tmp_path, words, settings, expected):
    (tmp_path / "other.csv").write_text("a,b\n")
    (tmp_path / "phone.csv").write_text("file,mean_us,variance,count,device,threads\na.tflite,1,0,1,Pixel 3,1\n")
    done = phone(*words, **settings)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
    assert all(word in done.stderr for word in expected), done.stderr
