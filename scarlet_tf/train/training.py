"""Training a supernet, or a standalone network, from settings to a finished workdir."""

from pathlib import Path

import keras
import tensorflow as tf

from scarlet_tf.data import Dataset, load_dataset
from scarlet_tf.errors import InputError
from scarlet_tf.export.keras_file import write_keras
from scarlet_tf.models import load_model
from scarlet_tf.nets.blocks import lay_lanes
from scarlet_tf.nets.standalone import StandaloneModel, build_model
from scarlet_tf.nets.supernet import build_supernet
from scarlet_tf.nets.sync_batch_norm import synchronise
from scarlet_tf.train.config import TrainConfig
from scarlet_tf.train.fine_tuning import freeze, unfreeze
from scarlet_tf.train.graph import lanes_of_a_path, share_cores_among_streams, skip_graph_rewrites_on_cpu
from scarlet_tf.train.loop import fit
from scarlet_tf.train.precision import computing_in
from scarlet_tf.train.strategy import (
    check_batch_size,
    check_same,
    gathered,
    is_chief,
    make_strategy,
    naming_lost_workers,
)
from scarlet_tf.train.workdir import MAY_DIFFER, Workdir
from scarlet_tf.weights import WeightsSource, has_checkpoint


def train(config: TrainConfig, path: str | Path, dataset: Dataset | None = None) -> keras.Model:
    """Trains what `config` says in the workdir `path`, going on from its last checkpoint, and returns the model.

    A supernet is trained by `config.method`. A standalone network starts from `config.weights` where given, and is also
    written as `model.keras`; with `config.qat` that, and what is returned, is the float32 network of the weights that
    were trained for int8. `dataset` is the one that `config` names, where it is loaded already. Raises InputError
    for settings that cannot be met, RunError where training diverges.
    """
    workdir = Workdir(path)
    dataset = dataset or load_dataset(config.dataset, config.data_dir)
    config = workdir.check(config, dataset)
    skip_graph_rewrites_on_cpu()
    paths, lanes = _side_by_side(config)
    share_cores_among_streams(paths * lanes)
    strategy = make_strategy(config.strategy, config.tpu, config.connect_timeout)
    if config.qat and strategy.num_replicas_in_sync > 1:
        raise InputError(
            f"--qat trains on one device. Received: --strategy={config.strategy}, which has "
            f"{strategy.num_replicas_in_sync}. Give --strategy=gpu."
        )
    check_batch_size(strategy, config.batch_size)
    workdir = Workdir(path, writes=is_chief(strategy))
    with naming_lost_workers(strategy):
        data = config.to_dict()
        check_same(strategy, {f"--{name}": data[name] for name in data if name not in MAY_DIFFER})
        return _train(config, workdir, dataset, strategy, lanes)


def _side_by_side(config: TrainConfig) -> tuple[int, int]:
    """How many paths a step works out side by side, and how many parts of each."""
    if config.space is not None and config.method == "fair":
        return config.streams_at_once or config.space.num_choices, 1
    if config.qat:
        return 1, 1
    return 1, 1 if config.strategy == "tpu" else lanes_of_a_path()  # a TPU by name is not known before it is reached


def _train(
    config: TrainConfig, workdir: Workdir, dataset: Dataset, strategy: tf.distribute.Strategy, lanes: int
) -> keras.Model:
    keras.utils.set_random_seed(config.seed)
    with strategy.scope(), computing_in(config.precision):
        if config.space is not None:
            model = build_supernet(
                config.space,
                config.image_size,
                config.num_classes,
                config.stabilizer,
                config.seed,
                config.method,
                config.rematerialize or (config.method == "spos" and config.strategy == "tpu"),
                config.streams_at_once,
            )
        elif config.keep_stabilizers:
            model = _network(config)
        else:
            source = WeightsSource.find(config.model, config.weights, config.new_classifier)
            model = load_model(config.model, source, config.image_size, config.num_classes, config.dropout).model
        if config.qat:
            network, model = model, _quantisation_aware(model, workdir, dataset)
    if config.sync_batch_norm:
        synchronise(model)
    if config.freeze is not None:
        freeze(model, config.model, config.freeze)
    workdir.start(config, dataset)
    lay_lanes(model, lanes)
    fit(model, dataset, config, workdir, strategy, f"train {workdir.path}")
    lay_lanes(model, 1)  # like what was frozen, a setting of this training and not of the network
    if config.freeze is not None:
        unfreeze(model)
    if config.qat:
        model.twin.write()
        model = network
    model_file = workdir.path / "model.keras"
    if config.model is not None and workdir.writes and not model_file.exists():
        write_keras(_in_float32(model, config), model_file)
    gathered(strategy)  # no worker leaves before all is written
    return model


def _quantisation_aware(network: keras.Model, workdir: Workdir, dataset: Dataset) -> keras.Model:
    """`network` to be trained for int8, calibrated, unless a checkpoint has its ranges."""
    from scarlet_tf.quantization.aware_model import QuantisationAwareModel  # takes seconds to import

    model = QuantisationAwareModel(network)
    if not has_checkpoint(workdir.path):
        model.calibrate(dataset)
    return model


def _in_float32(model: keras.Model, config: TrainConfig) -> keras.Model:
    """`model` as others are to load it: the same weights, computing in float32."""
    if config.precision == "float32":
        return model
    copy = _network(config)
    copy.set_weights(model.get_weights())
    return copy


def _network(config: TrainConfig) -> StandaloneModel:
    """The network that `config` trains, fresh."""
    arch, stabilizer = config.model.arch, config.kept_stabilizer
    return build_model(arch, config.image_size, config.num_classes, config.dropout, stabilizer)
