"""Whether candidates that are evaluated together get what each gets alone.

A supernet with random weights and batch norm statistics evaluates networks drawn at random and networks bred from each
other, as of a search: together, on one replica and on two, and one by one; with the moving statistics and with those of
the paths themselves. Printed are the largest differences between together and alone, the largest logit, and how far
logits are from a call of the supernet, whose operations are others: random networks enlarge what these round.
"""

from collections.abc import Sequence

import numpy as np
from absl import flags
from rich.console import Console
from rich.table import Table

from scarlet_tf import command
from scarlet_tf.arch import Genotype, SearchSpace, get_space
from scarlet_tf.progress import progress

NUM_CLASSES = 10


def bred(space: SearchSpace, count: int, rng: np.random.Generator) -> list[Genotype]:
    """Genotypes of which each but the first two is made of two before it, one cut and one mutation."""
    genotypes = [space.sample(rng), space.sample(rng)]
    while len(genotypes) < count:
        first, second = (genotypes[index] for index in rng.integers(len(genotypes), size=2))
        cut, slot = rng.integers(space.num_slots, size=2)
        child = [*first[:cut], *second[cut:]]
        child[slot] = int(rng.integers(space.num_choices))
        genotypes.append(tuple(child))
    return genotypes


def randomise(weights: Sequence, rng: np.random.Generator) -> None:
    """Gives the weights of a supernet values with which its paths differ, and signals neither vanish nor explode."""
    for weight in weights:
        if weight.name.endswith(("gamma", "variance")):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        elif weight.name.endswith(("beta", "mean", "bias")):
            weight.assign(rng.normal(0, 0.1, weight.shape))
        elif len(weight.shape) > 1:
            taps = weight.shape[:2] if "depthwise" in weight.name else weight.shape[:-1]
            weight.assign(rng.normal(0, np.sqrt(2 / np.prod(taps)), weight.shape))


def main() -> None:
    command.start_tensorflow()
    import tensorflow as tf

    from scarlet_tf.nets.supernet import build_supernet
    from scarlet_tf.search.evaluator import SupernetEvaluator

    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategies = [tf.distribute.OneDeviceStrategy("/cpu:0"), tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])]
    rng = np.random.default_rng(_SEED.value)
    space, size = get_space(_SPACE.value), _IMAGE_SIZE.value
    sets = {
        "random": [space.sample(rng) for _ in range(_GENOTYPES.value)],
        "related": bred(space, _GENOTYPES.value, rng),
    }
    with strategies[1].scope():
        supernet = build_supernet(space, size, NUM_CLASSES)
    randomise(supernet.weights, rng)
    images = rng.normal(size=(_IMAGES.value, size, size, 3)).astype(np.float32)
    labels = rng.integers(NUM_CLASSES, size=_IMAGES.value, dtype=np.int32)
    batches = tf.data.Dataset.from_tensor_slices((images, labels)).batch(_BATCH_SIZE.value)
    few = images[: _BATCH_SIZE.value]
    calibration = [(1.5 * few, labels[:1]), (few - 0.5, labels[:1])]
    table = Table("statistics", "genotypes", "replicas", "accuracy", "logits", "largest", "supernet")
    done = 0
    with progress("alone", 4 * _GENOTYPES.value) as report:
        for bn in ("moving", "recalibrate"):
            alone = SupernetEvaluator(supernet, batches, bn, calibration, threads=1)
            together = [SupernetEvaluator(supernet, batches, bn, calibration, strategy) for strategy in strategies]
            for name, genotypes in sets.items():
                accuracies, logits, calls = [], [], []
                for genotype in genotypes:
                    accuracies += alone([genotype])
                    logits.append(alone.logits([genotype], few)[0])
                    if bn == "moving":
                        calls.append(supernet(few, path=genotype).numpy())
                    done += 1
                    report.update(done)
                for strategy, evaluate in zip(strategies, together, strict=True):
                    table.add_row(
                        bn,
                        f"{len(genotypes)} {name}",
                        str(strategy.num_replicas_in_sync),
                        f"{np.abs(np.subtract(evaluate(genotypes), accuracies)).max():g}",
                        f"{np.abs(evaluate.logits(genotypes, few) - logits).max():g}",
                        f"{np.abs(logits).max():.1f}",
                        f"{np.abs(np.subtract(calls, logits)).max():.1g}" if calls else "",
                    )
    Console().print(table)


if __name__ == "__main__":
    _SPACE = flags.DEFINE_string("space", "s2", "Whose networks.")
    _IMAGE_SIZE = flags.DEFINE_integer("image_size", 32, "Pixels a side.")
    _GENOTYPES = flags.DEFINE_integer("genotypes", 64, "How many at random, and how many bred.")
    _IMAGES = flags.DEFINE_integer("images", 40, "Images that each is evaluated on.")
    _BATCH_SIZE = flags.DEFINE_integer("batch_size", 24, "Images at a time; logits are of the first so many.")
    _SEED = flags.DEFINE_integer("seed", 0, "Of everything.")
    command.run(main, globals())
