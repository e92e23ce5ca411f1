"""What a search leaves in its workdir: the front, and the networks picked from it."""

from pathlib import Path

from scarlet_tf.arch import SearchSpace
from scarlet_tf.arch.named import NamedArch
from scarlet_tf.files import replacing, write_json
from scarlet_tf.search.selection import SearchResult


def write_results(workdir: str | Path, space: SearchSpace, result: SearchResult, num_picks: int = 3) -> list[Path]:
    """Writes `pareto.json`, the front by MAdds, and `picks/pick_1.json` and so on, `arch.json` files by
    MAdds.

    Returns the paths of the picks. Each of the two replaces what an earlier call left there.
    """
    workdir = Path(workdir)
    write_json(
        workdir / "pareto.json",
        [
            {
                "genotype": list(one.genotype),
                "accuracy": one.accuracy,
                "madds": one.madds,
                "params": one.params,
                **({"latency": one.measures["latency"]} if "latency" in one.measures else {}),
            }
            for one in result.front
        ],
    )
    names = []
    with replacing(workdir / "picks") as picks:
        picks.mkdir()
        for number, one in enumerate(result.picks(num_picks), start=1):
            name = f"pick_{number}"
            NamedArch(space, one.genotype, name).write(picks / f"{name}.json")
            names.append(name)
    return [workdir / "picks" / f"{name}.json" for name in names]
