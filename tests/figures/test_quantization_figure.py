import pytest

from scarlet_tf.figures.quantization import plot_sqnr, sqnr_figure

SQNR = {"fp16": {"stem": 60.0, "slot_0": 58.5, "logits": 57.0}, "int8": {"stem": 33.0, "slot_0": 30.0, "logits": 28.0}}


def test_a_bar_for_each_layer_of_each_variant():
    (axes,) = sqnr_figure(SQNR, "two variants").axes
    heights = [[bar.get_height() for bar in bars] for bars in axes.containers]
    assert heights == [list(by_layer.values()) for by_layer in SQNR.values()]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["stem", "0", "logits"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["fp16", "int8"]
    fp16, int8 = axes.containers
    assert all(left.get_x() < right.get_x() < left.get_x() + 1 for left, right in zip(fp16, int8, strict=True))


def test_written_as_a_picture(tmp_path):
    plot_sqnr(tmp_path / "sqnr.png", SQNR)
    assert (tmp_path / "sqnr.png").read_bytes().startswith(b"\x89PNG")


def test_a_layer_that_a_variant_lacks_has_no_bar_there():
    (axes,) = sqnr_figure({"qat": {"stem": 1.0, "logits": 2.0}, **SQNR}).axes
    heights = [bar.get_height() for bar in axes.containers[0]]
    assert (heights[0], heights[2]) == (1.0, 2.0)
    assert heights[1] != heights[1]  # not a number


@pytest.mark.parametrize("sqnr_db", [{}, {"fp16": {}}, {**SQNR, "qat": {"stem": 1.0, "slot_7": 1.0}}])
def test_one_variant_must_have_all_layers(sqnr_db):
    with pytest.raises(ValueError, match="has all layers"):
        sqnr_figure(sqnr_db)
