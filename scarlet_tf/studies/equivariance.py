"""Does a network train with stabilizers as without? Only where they are linear, says the paper (section 6.3)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np

from scarlet_tf.analysis.accuracy_difference import accuracy_difference
from scarlet_tf.analysis.estimate import Estimate, over_seeds, proportion
from scarlet_tf.arch.cost import count
from scarlet_tf.data import Dataset
from scarlet_tf.figures.equivariance_study import LABELS, equivariance_figure
from scarlet_tf.studies.finding import Finding
from scarlet_tf.studies.stabilized_networks import StudyNetwork, trained_and_tested
from scarlet_tf.studies.workdir import StudyWorkdir

ROUNDING = 1e-4
"""The largest error of a logit, by the largest logit, that passes for rounding in float32."""

_CHANGED = {"removed": "els", "without_relu": "els_relu"}
"""What becomes of the networks of a variant after their training."""

QUESTION = (
    "An Equivariant Learnable Stabilizer (ELS) in a skipped slot is linear and can be removed exactly, so that a "
    "network with it should train like the same network without. A ReLU after it (ELS-ReLU) is a nonlinearity that the "
    "final network does not have: the paper finds that it overestimates the network (section 6.3, Fig. 8). Here the "
    "same architecture is trained alone with either in its skipped slots, and without, on the same images in the same "
    "order. Intervals are 95%: of one seed over the test images, Wilson's of an accuracy and Student's of paired "
    "differences; of several, Student's over the seeds."
)


def study_equivariance(networks: Sequence[StudyNetwork], workdir: StudyWorkdir, dataset: Dataset) -> Finding:
    """Trains and tests `networks` (see `planned_networks`), each in its directory below that of the study."""
    workdir.begin()
    results = {}
    for number, network in enumerate(networks, 1):
        print(f"network {number} of {len(networks)}: {network.name}", flush=True)
        path = workdir.path / network.name
        results[network.name] = workdir.kept(
            network.name, lambda network=network, path=path: trained_and_tested(network, path, dataset)
        )
    return equivariance_finding(equivariance_numbers(networks, results, dataset))


def equivariance_numbers(networks: Sequence[StudyNetwork], results: Mapping[str, Mapping], dataset: Dataset) -> dict:
    """All that the study measured, as plain data, from the `results` by name of the network (`trained_and_tested`)."""
    config = networks[0].config
    arch, sizes = config.model.arch, (config.image_size, dataset.num_classes)
    by_variant = {variant: [] for variant in (network.variant for network in networks)}
    for network in networks:
        by_variant[network.variant].append(results[network.name])
    correct = {variant: _correct(of_variant, "trained") for variant, of_variant in by_variant.items()}
    for kind, variant in _CHANGED.items():
        if variant in by_variant and all(kind in result["correct"] for result in by_variant[variant]):
            correct[kind] = _correct(by_variant[variant], kind)
    return {
        "model": config.model.to_dict(),
        "skipped_slots": list(arch.skipped_slots),
        "cost": {"without": asdict(count(arch, *sizes)), "with_els": asdict(count(arch, *sizes, stabilizers=True))},
        "dataset": dataset.name,
        "images": {split: dataset.num_examples(split) for split in ("train", "validation", "test")},
        "seeds": list(dict.fromkeys(network.config.seed for network in networks)),
        "runs": [
            {"variant": network.variant, "seed": network.config.seed}
            | {key: results[network.name][key] for key in ("losses", "validation", "removal")}
            for network in networks
        ],
        "accuracy": {name: _accuracy(rights) for name, rights in correct.items()},
        "difference_from_none": {
            name: _difference(rights, correct["none"]) for name, rights in correct.items() if name != "none"
        },
        "curves_from_none": {
            variant: _curves_difference(of_variant, by_variant["none"])
            for variant, of_variant in by_variant.items()
            if variant != "none"
        },
    }


def _correct(results: Sequence[Mapping], kind: str) -> np.ndarray:
    """Whether each test image gets its label, bool (seeds, images)."""
    return np.array([[right == "1" for right in result["correct"][kind]] for result in results])


def _accuracy(correct: np.ndarray) -> dict:
    """Accuracy of networks of one kind, correct: bool (seeds, images)."""
    each = [proportion(int(rights.sum()), len(rights)) for rights in correct]
    whole = each[0] if len(each) == 1 else over_seeds([one.value for one in each])
    return asdict(whole) | {"over": _over(correct), "of_seeds": [asdict(one) for one in each]}


def _difference(correct: np.ndarray, of_none: np.ndarray) -> dict:
    """By how much networks are more accurate than those without, seed by seed; both bool (seeds, images)."""
    each = [accuracy_difference(rights, others) for rights, others in zip(correct, of_none, strict=True)]
    whole = each[0] if len(each) == 1 else over_seeds([one.value for one in each])
    over_images = accuracy_difference(correct.mean(axis=0), of_none.mean(axis=0))
    return asdict(whole) | {
        "over": _over(correct),
        "over_images": asdict(over_images),
        "of_seeds": [asdict(one) for one in each],
    }


def _over(correct: np.ndarray) -> str:
    return "images" if len(correct) == 1 else "seeds"


def _curves_difference(results: Sequence[Mapping], of_none: Sequence[Mapping]) -> dict:
    """How curves differ from those without, seed by seed: the training `loss` of the last epoch; validation `accuracy`,
    its mean over the epochs; and the `largest` gap of that after any epoch, to either side, of the means over the
    seeds."""
    losses = [
        result["losses"][-1]["loss"] - other["losses"][-1]["loss"]
        for result, other in zip(results, of_none, strict=True)
    ]
    gaps = _validation_accuracies(results) - _validation_accuracies(of_none)
    by_epoch = gaps.mean(axis=0)
    return {
        "loss": _over_seeds(losses),
        "accuracy": _over_seeds(gaps.mean(axis=1)),
        "largest": float(by_epoch[np.abs(by_epoch).argmax()]),
    }


def _over_seeds(values: Sequence[float]) -> dict:
    """Their mean, with an interval unless there is one alone."""
    return asdict(over_seeds(values)) if len(values) > 1 else {"value": float(values[0])}


def _validation_accuracies(results: Sequence[Mapping]) -> np.ndarray:
    """(seeds, epochs)."""
    return np.array([[line["correct"] / line["images"] for line in result["validation"]] for result in results])


def equivariance_finding(numbers: Mapping) -> Finding:
    """What `equivariance_numbers` say."""
    accuracy, difference, runs = numbers["accuracy"], numbers["difference_from_none"], numbers["runs"]
    last_losses = {
        variant: np.mean([run["losses"][-1]["loss"] for run in runs if run["variant"] == variant])
        for variant in {run["variant"] for run in runs}
    }
    rows = [
        [
            LABELS[name],
            f"{last_losses[name]:.3f}" if name in last_losses else "",
            _percent(accuracy[name]),
            _percent(difference[name], signed=True) if name in difference else "",
        ]
        for name in LABELS
        if name in accuracy
    ]
    images, seeds = numbers["images"], numbers["seeds"]
    training = (
        f"{numbers['model']['name']}, which skips the slots {_listed(numbers['skipped_slots'])}, on "
        f"{images['train']:,} images of {numbers['dataset']}, "
        + (f"{len(seeds)} seeds" if len(seeds) > 1 else f"seed {seeds[0]}")
    )
    caption = (
        f"{training}. Above: training loss, and accuracy on {images['validation']:,} validation images after each epoch"
        + (", mean over the seeds and, thin, each seed. " if len(seeds) > 1 else ", with Wilson's 95% interval. ")
        + f"Below: accuracy on {images['test']:,} test images after the training, and its difference from that without "
        f"stabilizers, with 95% intervals over {accuracy['none']['over']}."
    )
    return Finding(
        title="Training with stabilizers, with rectified ones, and without",
        question=QUESTION,
        numbers=numbers,
        header=["in skipped slots", "last training loss", "test accuracy, %", "minus that without, points"],
        rows=rows,
        figures={"equivariance": equivariance_figure(numbers)},
        captions={"equivariance": caption},
        conclusions=_conclusions(numbers),
        notes=_notes(numbers),
    )


def _conclusions(numbers: Mapping) -> str:
    difference = {name: _estimate(each) for name, each in numbers["difference_from_none"].items()}
    parts = []
    if "els" in difference:
        parts += [_els(difference["els"]), _els_curves(numbers["curves_from_none"]["els"]), _removal(numbers)]
    if "els_relu" in difference:
        parts += [_els_relu(difference["els_relu"]), _without_relu(difference["without_relu"], numbers)]
    if len(numbers["seeds"]) > 1:
        parts.append(f"These intervals are over {len(numbers['seeds'])} seeds, all on the same test images.")
    else:
        parts.append(
            "These intervals are over the test images, for these very networks: what another seed would do is not in "
            "them. Give more --seeds to count that in."
        )
    return " ".join(parts)


def _els(difference: Estimate) -> str:
    said = f"With ELS the network ends {_points(difference)} from the one without: "
    if difference.sign > 0:
        return said + (
            "it becomes better, where the paper claims no difference. That is no overestimate as long as the accuracy "
            "stays when the stabilizers are removed."
        )
    if difference.sign < 0:
        return said + "it becomes worse, against the paper's claim that it trains alike."
    furthest = max(abs(difference.low), abs(difference.high))
    return said + (
        f"no difference is seen, as the paper claims, though one of up to {100 * furthest:.1f} points is not ruled out."
    )


def _els_curves(curves: Mapping) -> str:
    said = (
        f"On the way validation accuracies are at most {100 * abs(curves['largest']):.1f} points apart after any epoch"
    )
    loss = curves["loss"]
    if "low" not in loss:
        return f"{said}, and the training losses of the last epoch differ by {loss['value']:+.3f}."
    loss = _estimate(loss)
    said += (
        f", {_points(_estimate(curves['accuracy']))} in the mean of the epochs, and the training losses of the last "
        f"epoch differ by {loss.value:+.3f} [{loss.low:+.3f}, {loss.high:+.3f}]: "
    )
    if loss.sign == 0:
        return said + "no difference is seen in how well the training images are fitted."
    how = "worse" if loss.sign > 0 else "better"
    return said + f"with ELS the training images are fitted {how}, so the trainings are not quite alike."


def _removal(numbers: Mapping) -> str:
    removals = [run["removal"] for run in numbers["runs"] if run["variant"] == "els"]
    refused = [removal["refused"] for removal in removals if "refused" in removal]
    if refused:
        return f"Not every ELS could be removed. {refused[0]}"
    images, worst = numbers["images"]["test"], max(removal["max_rel_error"] for removal in removals)
    same = min(removal["same_class"] for removal in removals)
    said = (
        f"Once its {len(numbers['skipped_slots'])} stabilizers are removed, the network gives {same:,} of {images:,} "
        f"test images the same class as before, its logits are off by at most {worst:.1e} of the largest one, and its "
        f"accuracy is {100 * numbers['accuracy']['removed']['value']:.2f}% after "
        f"{100 * numbers['accuracy']['els']['value']:.2f}%: "
    )
    if worst <= ROUNDING:
        return said + "the same up to rounding."
    return said + f"more than the {ROUNDING:.0e} that would pass for rounding."


def _els_relu(difference: Estimate) -> str:
    said = f"With ELS-ReLU it ends {_points(difference)} from what the network without it reaches: "
    if difference.sign > 0:
        return said + "an overestimate, as the paper claims, of accuracy that the final network will not have."
    if difference.sign < 0:
        return said + (
            "an underestimate, where the paper finds an overestimate; in either case not the accuracy of the final "
            "network."
        )
    return said + "the overestimate that the paper finds is not seen here, though not ruled out within that interval."


def _without_relu(difference: Estimate, numbers: Mapping) -> str:
    said = (
        f"Without its ReLUs, as a removal would need it, the network of these weights has "
        f"{_percent(numbers['accuracy']['without_relu'])}%"
    )
    if difference.sign < 0:
        return said + ": they do not carry over to the final network."
    return said + ", no less than the network trained without."


def _notes(numbers: Mapping) -> list[str]:
    cost, notes = numbers["cost"], []
    notes.append(
        f"MAdds and params: {cost['without']['madds']:,} and {cost['without']['params']:,} without stabilizers, "
        f"{cost['with_els']['madds']:,} and {cost['with_els']['params']:,} with ELS, while it trains."
    )
    conditions = [run["removal"]["condition_number"] for run in numbers["runs"] if "condition_number" in run["removal"]]
    if conditions:
        notes.append(f"Largest condition number of a trained ELS: {max(conditions):.3g}.")
    if len(numbers["seeds"]) > 1:
        over_images = [
            f"{LABELS[name]} {_percent(each['over_images'], signed=True)}"
            for name, each in numbers["difference_from_none"].items()
        ]
        notes.append(
            "Differences from none with intervals over the test images, for these very networks, in points: "
            f"{'; '.join(over_images)}."
        )
    return notes


def _estimate(data: Mapping) -> Estimate:
    return Estimate(data["value"], data["low"], data["high"])


def _percent(data: Mapping, signed: bool = False) -> str:
    return _estimate(data).percent(signed=signed)


def _points(difference: Estimate) -> str:
    return f"{difference.percent(signed=True)} points"


def _listed(slots: Sequence[int]) -> str:
    return ", ".join(map(str, slots))
