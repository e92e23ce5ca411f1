import json

import pytest

from benchmarks import quantization


@pytest.fixture(scope="module")
def report(mini_network, tmp_path_factory):
    return quantization.measure(str(mini_network), None, 100, 200, tmp_path_factory.mktemp("files"))


def test_every_variant_is_measured_on_the_test_images(report):
    assert list(report) == ["none", "fp16", "dynamic", "int8", "converter"]
    assert all(entry["top1_agreement"]["of"] == 200 for entry in report.values())
    assert report["none"]["accuracy"] > 0.9
    assert report["int8"]["accuracy"] > report["none"]["accuracy"] - 0.05
    assert report["int8"]["partitions"] == 1 < report["converter"]["partitions"]
    assert json.loads(json.dumps(report)) == report


def test_table_says_what_was_not_trained(report, capsys):
    quantization.print_table({"mini": report})
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("mini", "200", "QAT", "not", "trained", "1 part."))
