"""A search as one page, `report.html`: self-contained, opened from disk, with every network evaluated."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path

import numpy as np

from scarlet_tf.arch.space import Genotype, SearchSpace
from scarlet_tf.arch.spaces import space_to_data
from scarlet_tf.arch.spec import SKIP
from scarlet_tf.files import replacing, write_json
from scarlet_tf.search.config import SearchConfig
from scarlet_tf.search.individual import Individual, objective_values
from scarlet_tf.search.objectives import Objective
from scarlet_tf.search.pareto import non_dominated
from scarlet_tf.search.selection import SearchResult

_PAGE = files("scarlet_tf.search").joinpath("report_page")
_SCRIPTS = (  # in the order in which each needs those before it
    "elements.js",
    "data.js",
    "ticks.js",
    "lineage.js",
    "scatter.js",
    "diagram.js",
    "charts.js",
    "command.js",
    "front.js",
    "main.js",
)


def _text(genotype: Genotype) -> str:
    return "-".join(map(str, genotype))


def _ranks(individuals: Sequence[Individual], objectives: Sequence[Objective]) -> list[int | None]:
    """The front that each is in, 0 the best, among those that meet the constraints; None for the others."""
    ranks: list[int | None] = [None] * len(individuals)
    values = objective_values(individuals, objectives)
    left = np.array([index for index, one in enumerate(individuals) if not one.violated], int)
    rank = 0
    while left.size:  # front after front: sorting all at once would take the square of their number in bytes
        first = non_dominated(values[left])
        for index in left[first]:
            ranks[index] = rank
        left, rank = np.delete(left, first), rank + 1
    return ranks


def _space_data(space: SearchSpace) -> dict:
    """What the page draws blocks from; a skip is a choice without a kernel."""
    return {
        "name": space.name,
        "stem": asdict(space.stem),
        "slots": [asdict(slot) for slot in space.slots],
        "choices": [{} if choice == SKIP else asdict(choice) for choice in space.choices],
        "head": asdict(space.head),
        "projects": space.stage_skip == "projection",
    }


def report_data(
    space: SearchSpace,
    result: SearchResult,
    picks: Mapping[str, Individual],
    export_weights: str | None,
    config: SearchConfig,
    model: str,
) -> dict:
    """All that the page shows, ready for JSON: the evaluated networks as columns, everything else by their index.

    A parent that was not evaluated stands there as its genotype's text. `model` is how `--model` names the space.
    """
    evaluated = result.evaluated
    place = {one.genotype: index for index, one in enumerate(evaluated)}
    networks = {
        "genotype": [_text(one.genotype) for one in evaluated],
        "measures": {measure: [one.measures[measure] for one in evaluated] for measure in evaluated[0].measures},
        "generation": [one.generation for one in evaluated],
        "operator": [one.operator for one in evaluated],
        "parents": [[place.get(parent, _text(parent)) for parent in one.parents] for one in evaluated],
        "violated": [list(one.violated) for one in evaluated],
        "rank": _ranks(evaluated, result.objectives),
    }
    return {
        "space": _space_data(space),
        "image_size": config.image_size,
        "num_classes": config.num_classes,
        "objectives": [asdict(objective) for objective in result.objectives],
        "constraints": [asdict(constraint) for constraint in config.all_constraints],
        "networks": networks,
        "front": [place[one.genotype] for one in result.front],
        "picks": {name: place[one.genotype] for name, one in picks.items()},
        "rejected": dict(result.rejected),
        "history": [
            {
                "generation": record.generation,
                "survivors": list(record.survivors),
                "hypervolume": record.hypervolume,
            }
            for record in result.history
        ],
        "export": {"model": model, "weights": export_weights},
    }


def _render(data: dict) -> str:
    """The page with its style, its scripts and `data` in it."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    parts = {
        "style": _PAGE.joinpath("page.css").read_text(encoding="utf-8"),
        "script": "\n".join(_PAGE.joinpath(name).read_text(encoding="utf-8") for name in _SCRIPTS),
        "data": text.replace("<", "\\u003c"),  # or a name could end the script element
    }
    page = _PAGE.joinpath("page.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], page)  # in one pass: names may hold braces


def write_report(
    path: str | Path,
    space: SearchSpace,
    result: SearchResult,
    picks: Mapping[str, Individual],
    export_weights: str | None,
    config: SearchConfig,
) -> None:
    """Writes the page of a search in place of `path`.

    The commands on it export from `export_weights`, or with fresh weights where there are none. Of a space that does
    not come with the package they name a `space.json`, written beside the page.
    """
    path = Path(path)
    model = space_to_data(space)
    if not isinstance(model, str):
        write_json(path.with_name("space.json"), model)
        model = str(path.with_name("space.json"))
    data = report_data(space, result, picks, export_weights, config, model)
    with replacing(path) as temporary:
        temporary.write_text(_render(data), encoding="utf-8")
