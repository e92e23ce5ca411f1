"""Metadata of a TFLite file, read by the field numbers of TFLite's two published schemas, and by LiteRT."""

import io
import zipfile

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from flatbuffers import encode, number_types
from flatbuffers.table import Table

from scarlet_tf.data.preprocessing import Normalisation
from scarlet_tf.errors import InputError
from scarlet_tf.export.description import Description, Preprocessing, read_description
from scarlet_tf.export.runtimes import load_artifact
from scarlet_tf.export.tflite import write_tflite
from scarlet_tf.export.tflite_metadata import with_metadata

# of tflite.Model, Buffer and Metadata
BUFFERS, METADATA, BUFFER_DATA, METADATA_NAME, METADATA_BUFFER = 4, 6, 0, 0, 1
# of tflite.ModelMetadata and what it holds
NAME, SUBGRAPHS, FILES, INPUTS, OUTPUTS, CONTENT, UNITS, STATS, TENSOR_FILES = 0, 3, 6, 2, 3, 3, 4, 5, 6


class Reader:
    """A table of a flatbuffer, whose fields are asked for by their number."""

    def __init__(self, content: bytes, position: int) -> None:
        self.table = Table(bytearray(content), position)

    @classmethod
    def root(cls, content: bytes) -> "Reader":
        return cls(content, encode.Get(number_types.UOffsetTFlags.packer_type, content, 0))

    def place(self, field: int) -> int:
        offset = self.table.Offset(4 + 2 * field)
        assert offset, f"no field {field}"
        return offset + self.table.Pos

    def text(self, field: int) -> str:
        return self.table.String(self.place(field)).decode()

    def number(self, field: int, flags=number_types.Uint8Flags) -> int:
        return self.table.Get(flags, self.place(field))

    def inner(self, field: int) -> "Reader":
        return Reader(self.table.Bytes, self.table.Indirect(self.place(field)))

    def tables(self, field: int) -> list["Reader"]:
        offset = self.place(field) - self.table.Pos
        start, length = self.table.Vector(offset), self.table.VectorLen(offset)
        return [Reader(self.table.Bytes, self.table.Indirect(start + 4 * index)) for index in range(length)]

    def floats(self, field: int) -> list[float]:
        return self.table.GetVectorAsNumpy(number_types.Float32Flags, self.place(field) - self.table.Pos).tolist()

    def data(self, field: int) -> tuple[int, bytes]:
        """Where a vector of bytes starts, and these."""
        offset = self.place(field) - self.table.Pos
        start = self.table.Vector(offset)
        return start, bytes(self.table.Bytes[start : start + self.table.VectorLen(offset)])


@pytest.fixture(scope="module")
def plain(network, tmp_path_factory):
    """The content of a TFLite file without metadata."""
    return write_tflite(network, tmp_path_factory.mktemp("plain") / "model.tflite").read_bytes()


@pytest.fixture(scope="module")
def described(network, tiny_description, tmp_path_factory):
    return write_tflite(network, tmp_path_factory.mktemp("described") / "model.tflite", description=tiny_description)


def metadata(content: bytes) -> Reader:
    model = Reader.root(content)
    (entry,) = (entry for entry in model.tables(METADATA) if entry.text(METADATA_NAME) == "TFLITE_METADATA")
    buffer = model.tables(BUFFERS)[entry.number(METADATA_BUFFER, number_types.Uint32Flags)]
    _, held = buffer.data(BUFFER_DATA)
    assert held[4:8] == b"M001"
    return Reader.root(held)


def test_normalisation_is_of_pixels_from_0_to_255(described):
    (graph,) = metadata(described.read_bytes()).tables(SUBGRAPHS)
    (image,) = graph.tables(INPUTS)
    assert image.text(NAME) == "image"
    (unit,) = image.tables(UNITS)
    assert unit.number(0) == 1  # NormalizationOptions
    np.testing.assert_allclose(unit.inner(1).floats(0), [127.5, 63.75, 51.0], rtol=1e-6)  # mean
    np.testing.assert_allclose(unit.inner(1).floats(1), [51.0, 63.75, 127.5], rtol=1e-6)  # std
    np.testing.assert_allclose(image.inner(STATS).floats(0), [2.5, 3.0, 1.6], rtol=1e-6)  # largest
    np.testing.assert_allclose(image.inner(STATS).floats(1), [-2.5, -1.0, -0.4], rtol=1e-6)


def test_input_is_an_rgb_image_of_its_size(described):
    (graph,) = metadata(described.read_bytes()).tables(SUBGRAPHS)
    content = graph.tables(INPUTS)[0].inner(CONTENT)
    assert content.number(0) == 2  # ImageProperties
    assert content.inner(1).number(0) == 1  # RGB
    size = content.inner(1).inner(1)
    assert [size.number(field, number_types.Uint32Flags) for field in (0, 1)] == [28, 28]


def test_labels_are_an_axis_of_the_output_in_a_file_of_the_archive(described, tiny_description):
    content = described.read_bytes()
    model = metadata(content)
    assert model.text(NAME) == "tiny"
    assert [file.text(0) for file in model.tables(FILES)] == ["description.json"]
    (logits,) = model.tables(SUBGRAPHS)[0].tables(OUTPUTS)
    assert logits.text(NAME) == "logits"
    (file,) = logits.tables(TENSOR_FILES)
    assert (file.text(0), file.number(2)) == ("labels.txt", 2)  # TENSOR_AXIS_LABELS
    with zipfile.ZipFile(described) as archive:
        assert archive.read("labels.txt").decode().splitlines() == list(tiny_description.labels)
        for member in archive.infolist():  # as readers of a mapped file need them
            assert member.compress_type == zipfile.ZIP_STORED
            assert content[member.header_offset :].startswith(b"PK\3\4")


def test_description_is_read_back(described, tiny_description, plain, tmp_path):
    assert read_description(described) == tiny_description
    (tmp_path / "plain.tflite").write_bytes(plain)
    assert read_description(tmp_path / "plain.tflite") is None


def test_every_weight_keeps_its_bytes_and_alignment(described, plain):
    old, new = (
        [buffer.data(BUFFER_DATA) for buffer in Reader.root(content).tables(BUFFERS) if buffer.table.Offset(4)]
        for content in (plain, described.read_bytes())
    )
    assert [data for _, data in new[: len(old)]] == [data for _, data in old]
    assert len(new) == len(old) + 1
    assert {(after - before) % 16 for (before, _), (after, _) in zip(old, new, strict=False)} == {0}
    assert plain in described.read_bytes()


def test_litert_computes_the_same_bits(described, plain, random_images):
    image = random_images(1)
    with_it, without = (
        Interpreter(model_content=content).get_signature_runner("serving_default")(image=image)["logits"]
        for content in (described.read_bytes(), plain)
    )
    np.testing.assert_array_equal(with_it, without)


def test_metadata_is_replaced_by_later_metadata(described, tiny_description, random_images, tmp_path):
    other = Description("other", tuple("abcdefghij"), tiny_description.preprocessing)
    path = tmp_path / "model.tflite"
    path.write_bytes(with_metadata(described.read_bytes(), other))
    assert read_description(path) == other
    assert metadata(path.read_bytes()).text(NAME) == "other"
    images = random_images(1)
    np.testing.assert_array_equal(load_artifact(path).predict(images), load_artifact(described).predict(images))


def test_the_same_description_gives_the_same_bytes(described, plain, tiny_description):
    assert with_metadata(plain, tiny_description) == described.read_bytes()


def test_a_damaged_file_never_loads(described, tmp_path):
    whole = described.read_bytes()
    path = tmp_path / "model.tflite"
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(described) as archive:
        start = min(member.header_offset for member in archive.infolist())
    damaged = [whole[:length] for length in np.linspace(0, len(whole) - 1, 60).astype(int)]
    for position in rng.integers(0, start, 60):
        flipped = bytearray(whole)
        flipped[position] ^= int(rng.integers(1, 256))
        damaged.append(bytes(flipped))
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"^[^\n]*model\.tflite must hold[^\n]*$"):
            load_artifact(path)


def test_description_that_is_damaged_is_refused(described, tmp_path):
    whole = described.read_bytes()
    path = tmp_path / "model.tflite"
    position = whole.rindex(b'"labels"')
    path.write_bytes(whole[:position] + b"{" + whole[position + 1 :])
    with pytest.raises(InputError, match=r"model\.tflite must hold"):
        read_description(path)


def test_labels_of_several_lines_stay_one_line_each(plain):
    preprocessing = Preprocessing(28, "whole", Normalisation((0.5,) * 3, (0.5,) * 3))
    tiny_description = Description("tiny", ("a\nb", *"cdefghijk"), preprocessing)
    with zipfile.ZipFile(io.BytesIO(with_metadata(plain, tiny_description))) as archive:
        assert archive.read("labels.txt").decode() == "a b\n" + "".join(f"{label}\n" for label in "cdefghijk")
