"""Cells of spaces of plain convolutions: which genotypes are the same network. Never imports TensorFlow.

A cell is the slots from one entry to the next. Between its entry and its end a skipped slot leaves nothing behind, so
that only the order of a cell's convolutions tells its networks apart: of the 3^5 choices of five slots (1x1, 3x3, skip)
there are 63 chains. In a supernet they remain different paths, of different weights.
"""

from collections.abc import Sequence

from scarlet_tf.arch.space import Genotype, SearchSpace


def _check_has_cells(space: SearchSpace) -> None:
    if not space.is_plain or space.skip_index is None:
        raise ValueError(f"space must be of plain convolutions, one of its choices a skip. Received: {space.name}.")


def cells(space: SearchSpace) -> tuple[range, ...]:
    """The slots of each cell. Raises ValueError for a space that is not of plain convolutions with a skip."""
    _check_has_cells(space)
    starts = [slot for slot, start in enumerate(space.stage_starts) if start]
    return tuple(map(range, starts, [*starts[1:], space.num_slots]))


def chains(space: SearchSpace, genotype: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """For each cell, the choices of `genotype` that are no skip, in order: equal for genotypes of the same network.

    Raises ValueError where it is not of the space, or the space has no cells.
    """
    genotype = space.check(genotype)
    return tuple(tuple(genotype[slot] for slot in cell if genotype[slot] != space.skip_index) for cell in cells(space))


def _filled(space: SearchSpace, chain: Sequence[int], length: int) -> Genotype:
    return (space.skip_index,) * (length - len(chain)) + tuple(chain)


def canonical(space: SearchSpace, genotype: Sequence[int]) -> Genotype:
    """The one genotype for all that are the same network as `genotype`: in each cell, its skips first.

    First, because max-pooling may follow a cell: a stabilizer in the last slot could not be removed past that
    (`scarlet_tf.export.fold_plain`). Raises ValueError as `chains` does.
    """
    filled = (
        _filled(space, chain, len(cell)) for chain, cell in zip(chains(space, genotype), cells(space), strict=True)
    )
    return sum(filled, ())


def repeated(space: SearchSpace, chain: Sequence[int]) -> Genotype:
    """The canonical genotype whose cells all hold `chain`, choices that are no skip.

    Raises ValueError where a cell has too few slots for that, or the space has no cells.
    """
    shortest = min(map(len, cells(space)))
    if len(chain) > shortest:
        raise ValueError(f"A chain must have at most {shortest} choices, the slots of a cell. Received: {len(chain)}.")
    return space.check(sum((_filled(space, chain, len(cell)) for cell in cells(space)), ()))
