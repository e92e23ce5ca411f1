"""LiteRT's time of every operator."""

import pytest

from scarlet_tf.errors import RunError
from scarlet_tf.timing.litert_profile import OperatorTime, parsed, profile, time_by_kind

HEAD = "[node type]  [start]  [first]  [avg ms]  [%]  [cdf%]  [mem KB]  [times called]  [Name]"
KINDS = ["Convolution", "Convolution", "Convolution", "Mean", "Fully"]
SUMMARY = f"""\
========= Run Order =========
  {HEAD}
  Delegate/Convolution (NHWC, F32) DWConv  0.000  9.000  0.208  0.538%  1.154%  0.000  1  [Delegate]:0
  HARD_SWISH  0.000  9.000  1.5  0.404%  1.923%  0.000  1  [a, b:0]:3

========= Top by Computation Time =========
  {HEAD}
  HARD_SWISH  0.000  9.000  1.5  0.404%  1.923%  0.000  1  [a, b:0]:3
"""


def test_operators_are_read_in_their_order():
    assert parsed(SUMMARY) == [("Convolution (NHWC, F32) DWConv", True, 0.208), ("HARD_SWISH", False, 1.5)]


def test_operators_of_a_kind_are_added_up():
    times = [OperatorTime("a", True, 1.0), OperatorTime("b", True, 5.0), OperatorTime("a", True, 2.0)]
    assert list(time_by_kind(times).items()) == [("b", (1, 5.0)), ("a", (2, 3.0))]


@pytest.mark.parametrize("threads", [1, 2])
def test_every_operator_of_a_file_is_timed(tmp_path, threads, capfd):
    import keras

    from scarlet_tf.export.tflite import write_tflite

    image = keras.Input((96, 96, 3))
    x = keras.layers.Conv2D(8, 3)(image)
    x = keras.layers.DepthwiseConv2D(3)(x)
    x = keras.layers.Conv2D(64, 9)(x)
    x = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    path = write_tflite(keras.Model(image, keras.layers.Conv2D(3, 1)(x)), tmp_path / "model.tflite")
    capfd.readouterr()
    found = profile(path, threads, runs=5, warmup=1)
    assert capfd.readouterr().err == ""
    assert [kind.split()[0] for kind in (one.kind for one in found)] == KINDS
    assert ["IGEMM" in found[0].kind, "DWConv" in found[1].kind] == [True, True]
    assert all(one.delegated and one.milliseconds >= 0 for one in found)
    assert sum(one.milliseconds for one in found) > 0


def test_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "model.tflite").write_text("no model")
    with pytest.raises(RunError, match=r"model\.tflite could not be profiled: LiteRtCreateModelFromFile"):
        profile(tmp_path / "model.tflite")
