import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf.data.preprocessing import FASHION_MNIST
from scarlet_tf.export.description import Preprocessing
from scarlet_tf.export.warmup import (
    BATCH_SIZES,
    WARMUP_FILE,
    Request,
    read_warmup,
    replay_warmup,
    warmup_requests,
    write_warmup,
)


def write_module(directory, call, shape=(None, 2)):
    """A SavedModel whose signature `serving_default` maps `x` to `y`."""
    function = tf.function(lambda x: {"y": call(x)}).get_concrete_function(tf.TensorSpec(shape, tf.float32, name="x"))
    tf.saved_model.save(tf.Module(), str(directory), signatures={"serving_default": function})


def ask(directory, value):
    write_warmup(directory, [Request("serving_default", {"x": np.float32(value)})], "name")
    return replay_warmup(directory)


def test_every_signature_is_asked_at_every_batch_size_with_the_images_given(random_images):
    images = random_images(3)
    requests = warmup_requests(images, Preprocessing(28, "whole"))
    sizes = [(request.signature, len(value)) for request in requests for value in request.inputs.values()]
    assert sizes == [(name, n) for name in ("serving_default", "image_bytes", "classify") for n in BATCH_SIZES]
    np.testing.assert_array_equal(requests[1].inputs["image"], images[[0, 1, 2, 0]])


def test_files_in_requests_hold_the_pixels_of_the_images():
    ramp = np.linspace(0, 255, 28).astype(np.float32)
    pixels = np.broadcast_to(ramp[:, None, None], (1, 28, 28, 3))
    requests = warmup_requests((pixels / 255 - 0.2860) / 0.3530, Preprocessing(28, "whole", FASHION_MNIST))
    content = next(request for request in requests if request.signature == "image_bytes").inputs["image_bytes"][0]
    assert content.startswith(b"\xff\xd8\xff")
    np.testing.assert_allclose(tf.io.decode_jpeg(content), pixels[0], atol=4)


def test_what_is_written_is_what_is_read(tmp_path):
    requests = [
        Request("one", {"image": np.float32([[1, 2], [3, 4]])}),
        Request("other", {"image_bytes": np.array([b"\x00\xff\x00", b""], object)}),
    ]
    write_warmup(tmp_path, requests, "name")
    assert (tmp_path / WARMUP_FILE).is_file()
    for request, again in zip(requests, read_warmup(tmp_path), strict=True):
        assert request.signature == again.signature
        assert request.inputs.keys() == again.inputs.keys()
        for name, value in request.inputs.items():
            np.testing.assert_array_equal(value, again.inputs[name])


def test_replay_gives_the_answers(tmp_path):
    write_module(tmp_path, lambda x: 2 * x)
    (answer,) = ask(tmp_path, [[1, 2], [3, 4]])
    np.testing.assert_array_equal(answer["y"], [[2, 4], [6, 8]])


def test_a_request_that_fails_is_an_error(tmp_path):
    write_module(tmp_path, lambda x: tf.debugging.check_numerics(x, "no number"))
    with pytest.raises(RuntimeError, match=r"request of serving_default failed: .*no number"):
        ask(tmp_path, [[1, float("nan")]])


@pytest.mark.parametrize("call", [tf.reduce_sum, tf.transpose])
def test_an_output_that_cannot_be_split_by_the_batch_is_an_error(tmp_path, call):
    write_module(tmp_path, call, (None, 3))
    with pytest.raises(RuntimeError, match="first dimension"):
        ask(tmp_path, [[1, 2, 3], [3, 4, 5]])
