from scarlet_tf.export.operators import operators


def test_keras_file_counts_layers(exported):
    assert operators(exported / "model.keras") == {
        "InvertedBottleneck": 4,
        "InputLayer": 1,
        "Stem": 1,
        "ProjectionConv": 1,
        "HeadConv": 1,
        "GlobalAveragePooling2D": 1,
        "Dropout": 1,
        "Dense": 1,
    }


def test_savedmodel_counts_what_the_signature_computes(exported):
    counts = operators(exported / "savedmodel" / "1")
    assert counts["Conv2D"] == 16
    assert counts["DepthwiseConv2dNative"] == 5
    assert counts["FusedBatchNormV3"] == 17  # stem 3, three a block, projection 1, head 1
    assert counts["MatMul"] == 1
    assert not {"SaveV2", "RestoreV2", "StatefulPartitionedCall", "Const"} & set(counts)


def test_the_most_frequent_operator_comes_first(exported):
    counts = list(operators(exported / "model.onnx").values())
    assert counts == sorted(counts, reverse=True)
