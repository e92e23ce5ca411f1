import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf.export import savedmodel
from scarlet_tf.export.savedmodel import publish_version, write_savedmodel


@pytest.mark.parametrize("batch", [1, 3])
def test_signature_takes_any_batch_and_gives_logits(exported, network, batch, random_images, logits_of):
    signature = tf.saved_model.load(exported / "savedmodel" / "1").signatures["serving_default"]
    images = random_images(batch)
    outputs = signature(image=tf.constant(images))
    assert list(outputs) == ["logits"]
    np.testing.assert_allclose(outputs["logits"], logits_of(network, images), rtol=0, atol=1e-6)


def test_tensorflow_1_loader_sees_the_serve_tag_and_the_batch_first(exported, random_images):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        meta_graph = tf.compat.v1.saved_model.load(session, ["serve"], str(exported / "savedmodel" / "1"))
        signature = meta_graph.signature_def["serving_default"]
        answer = session.run(signature.outputs["logits"].name, {signature.inputs["image"].name: random_images(2)})
    assert answer.shape == (2, 10)


def test_every_weight_is_stored_once(exported, network):
    weights = 4 * sum(np.prod(weight.shape, dtype=int) for weight in network.weights)  # bytes
    (stored,) = (exported / "savedmodel" / "1" / "variables").glob("*.data-*")
    assert weights < stored.stat().st_size < 1.5 * weights


def test_each_export_is_the_next_version(monkeypatch, tmp_path):
    monkeypatch.setattr(savedmodel, "write_signature", lambda model, directory: directory.mkdir())
    assert write_savedmodel(None, tmp_path / "savedmodel") == tmp_path / "savedmodel" / "1"
    assert write_savedmodel(None, tmp_path / "savedmodel") == tmp_path / "savedmodel" / "2"
    (tmp_path / "savedmodel" / "9").mkdir()
    (tmp_path / "savedmodel" / "notes").mkdir()
    assert write_savedmodel(None, tmp_path / "savedmodel").name == "10"


def test_a_version_appears_only_once_it_is_whole(monkeypatch, tmp_path):
    def write_half(model, directory):
        directory.mkdir()
        (directory / "saved_model.pb").write_text("half")
        assert savedmodel.versions(tmp_path) == []
        raise OSError("disk full")

    monkeypatch.setattr(savedmodel, "write_signature", write_half)
    with pytest.raises(OSError, match="disk full"):
        write_savedmodel(None, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_number_taken_meanwhile_is_not_overwritten(monkeypatch, tmp_path):
    monkeypatch.setattr(savedmodel, "versions", lambda base_dir: [])  # as if listed before the other's rename
    for text in ("theirs", "ours"):
        (tmp_path / text).mkdir()
        (tmp_path / text / "saved_model.pb").write_text(text)
        published = publish_version(tmp_path / text, tmp_path / "savedmodel")
    assert published.name == "2"
    assert (tmp_path / "savedmodel" / "1" / "saved_model.pb").read_text() == "theirs"
