import tensorflow as tf

from scarlet_tf.nets.supernet import build_supernet
from scarlet_tf.nets.variables import of_one_name


def test_variables_of_one_name_are_variables_of_their_own():
    with tf.name_scope("scope"), of_one_name():
        first, second = tf.Variable(1.0, name="first"), tf.Variable(2.0, trainable=False)
    second.assign_add(5.0)
    assert (first.name, second.name) == ("variable:0", "variable:0")
    assert (float(first), float(second)) == (1.0, 7.0)
    assert (first.trainable, second.trainable) == (True, False)


def test_variables_of_a_graph_keep_their_names():
    with tf.Graph().as_default(), of_one_name():
        variables = [tf.Variable(float(value), name=name, use_resource=True) for value, name in enumerate("ab")]
    assert [variable.name for variable in variables] == ["a:0", "b:0"]


def test_weights_of_a_saved_supernet_stay_apart(tmp_path, tiny_space):
    size = tiny_space.min_image_size
    supernet, path = build_supernet(tiny_space, size, 5), (0,) * tiny_space.num_slots
    images = tf.random.stateless_normal([2, size, size, 3], [0, 0])

    @tf.function(input_signature=[tf.TensorSpec(images.shape)])
    def serve(images):
        return supernet(images, path=path)

    module = tf.Module()
    module.weights, module.serve = [weight.value for weight in supernet.weights], serve
    tf.saved_model.save(module, str(tmp_path), signatures=serve)
    loaded = tf.saved_model.load(str(tmp_path))
    assert float(tf.reduce_max(abs(loaded.serve(images) - serve(images)))) == 0
