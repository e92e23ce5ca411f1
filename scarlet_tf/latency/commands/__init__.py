"""What `python -m scarlet_tf.latency` can do, a module each: its docstring is the help text, its flags are defined on
import, and TensorFlow is not imported before `main` does so."""
