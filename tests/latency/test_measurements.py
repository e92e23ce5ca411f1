import json

import pytest

from scarlet_tf.errors import InputError
from scarlet_tf.latency.measurements import Measurements, Timing, read_measurements

ROWS = [("a.tflite", 12.5, 0.25, 40), ("b.tflite", 1e3, 0, 1)]
TIMINGS = {"a.tflite": Timing(12.5, 0.25, 40), "b.tflite": Timing(1000.0, 0.0, 1)}


def test_csv_is_read(write_csv):
    assert read_measurements(write_csv(ROWS)) == Measurements(TIMINGS)


def test_csv_may_say_device_and_threads_and_have_columns_in_any_order(write_csv):
    header = ("count", "device", "file", "mean_us", "threads", "median_us", "variance")
    path = write_csv([(40, "Pixel, 4", "a.tflite", 12.5, 2, 12, 0.25)], header)
    assert read_measurements(path) == Measurements({"a.tflite": TIMINGS["a.tflite"]}, "Pixel, 4", 2)


def test_json_is_read(tmp_path):
    files = {file: {"mean_us": mean, "variance": variance, "count": count} for file, mean, variance, count in ROWS}
    path = tmp_path / "measured.json"
    path.write_text(json.dumps({"files": files}))
    assert read_measurements(path) == Measurements(TIMINGS)
    path.write_text(json.dumps({"files": files, "device": "a phone", "threads": 4}))
    assert read_measurements(path) == Measurements(TIMINGS, "a phone", 4)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (("b.tflite", -1, 0, 1), ["line 3", "mean_us must be above 0", "'-1'"]),
        (("b.tflite", 0, 0, 1), ["mean_us"]),
        (("b.tflite", "nan", 0, 1), ["'nan'"]),
        (("b.tflite", "inf", 0, 1), ["'inf'"]),
        (("b.tflite", "fast", 0, 1), ["'fast'"]),
        (("b.tflite", 1, -0.5, 1), ["variance", "'-0.5'"]),
        (("b.tflite", 1, 0, 0), ["count", "'0'"]),
        (("b.tflite", 1, 0, 1.5), ["count", "'1.5'"]),
        (("b.tflite", 1, 0), ["line 3", "count"]),
        (("a.tflite", 1, 0, 1), ["line 3", "one line", "'a.tflite'"]),
        (("", 1, 0, 1), ["line 3", "''"]),
    ],
)
def test_a_wrong_line_of_a_csv_is_refused(write_csv, row, words):
    path = write_csv([ROWS[0], row])
    with pytest.raises(InputError) as caught:
        read_measurements(path)
    assert all(word in str(caught.value) for word in [str(path), *words])


@pytest.mark.parametrize(
    ("header", "rows", "words"),
    [
        (
            ("file", "mean_us", "count"),
            [("a.tflite", 1, 1)],
            ["columns file, mean_us, variance, count", "file, mean_us"],
        ),
        (("file", "mean_us", "variance", "count"), [], ["no row"]),
        (
            ("file", "mean_us", "variance", "count", "threads"),
            [("a.tflite", 1, 0, 1, 1), ("b.tflite", 1, 0, 1, 2)],
            ["threads must be the same", "'1', '2'"],
        ),
        (("file", "mean_us", "variance", "count", "threads"), [("a.tflite", 1, 0, 1, "two")], ["threads", "'two'"]),
    ],
)
def test_another_csv_is_refused(write_csv, header, rows, words):
    with pytest.raises(InputError) as caught:
        read_measurements(write_csv(rows, header))
    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("{", "JSON"),
        ("[]", '"files"'),
        ('{"files": []}', '"files"'),
        ('{"files": {"a.tflite": 3}}', '"files"'),
        ('{"files": {"a.tflite": {"mean_us": 1, "count": 1}}}', "variance"),
        ('{"files": {"a.tflite": {"mean_us": -1, "variance": 0, "count": 1}}}', "a.tflite"),
        ('{"files": {}, "threads": 0}', "threads"),
    ],
)
def test_another_json_is_refused(tmp_path, content, word):
    path = tmp_path / "measured.json"
    path.write_text(content)
    with pytest.raises(InputError, match=word):
        read_measurements(path)


def test_files_that_cannot_be_read_are_refused(tmp_path):
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    for name in ("missing.csv", "missing.json", "bytes.csv"):
        with pytest.raises(InputError, match=name):
            read_measurements(tmp_path / name)
