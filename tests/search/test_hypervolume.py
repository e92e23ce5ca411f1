import numpy as np
import pytest
from pymoo.indicators.hv import HV

from scarlet_tf.search import Objective, parse_constraints
from scarlet_tf.search.hypervolume import Box
from scarlet_tf.search.objectives import EQUATION_4, Constraint

BUDGET = (Constraint("madds", "max", 100), Constraint("acc", "min", 0.5))


def row(acc, madds, params=0, **others):
    return {"acc": acc, "madds": madds, "params": params, **others}


def test_bounds_are_the_reference_and_else_the_worst_of_the_first_generation():
    first = [row(0.6, 50, 7), row(0.9, 90, 3), row(0.7, 20, 9)]
    box = Box.of(EQUATION_4, BUDGET, first, {"params": 12}.get)
    assert (box.reference, box.ideal) == ((0.5, 100, 3), (1, 0, 12))
    free = Box.of(EQUATION_4, (), first, {"params": 12}.get)
    assert (free.reference, free.ideal) == ((0.6, 90, 3), (1, 0, 12))


def test_bounds_from_the_good_side_are_the_ideal():
    objectives = (Objective("madds", "min", 0.5), Objective("params", "max", 0.5))
    box = Box.of(objectives, parse_constraints("madds:min:10,params:max:8"), [row(0, 50, 7)], None)
    assert (box.reference, box.ideal) == ((50, 7), (10, 8))


def test_a_hypervolume_by_hand():
    box = Box.of(EQUATION_4[:2], BUDGET, [], None)  # from accuracy 0.5 to 1, MAdds 100 to 0
    assert box.hypervolume([row(0.75, 50)]) == pytest.approx(0.25)
    # 0.5 x 0.5, and 0.8 x 0.2, of which 0.5 x 0.2 is in common
    assert box.hypervolume([row(0.75, 50), row(0.9, 80)]) == pytest.approx(0.25 + 0.16 - 0.1)
    assert box.hypervolume([row(1.0, 0)]) == 1
    assert box.hypervolume([]) == box.hypervolume([row(0.5, 10)]) == 0


def test_what_lies_outside_of_the_box_counts_as_its_border():
    box = Box(EQUATION_4, (0.5, 100, 3), (1, 0, 12))
    assert box.hypervolume([row(1, 0, 99)]) == 1
    assert box.hypervolume([row(1, 0, 1)]) == 0


def test_a_flat_objective_has_nothing_to_tell():
    box = Box.of(EQUATION_4, BUDGET, [row(0.6, 50, 12)], {"params": 12}.get)
    assert box.hypervolume([row(0.75, 50, 12)]) == pytest.approx(0.25)


@pytest.mark.parametrize("seed", range(5))
def test_hypervolumes_equal_those_of_pymoo(seed):
    rng = np.random.default_rng(seed)
    values = np.column_stack([rng.uniform(0.5, 1, 30), rng.uniform(0, 100, 30), rng.uniform(3, 12, 30)])
    box = Box(EQUATION_4, (0.5, 100, 3), (1, 0, 12))
    scaled = np.column_stack([(1 - values[:, 0]) / 0.5, values[:, 1] / 100, (12 - values[:, 2]) / 9])
    expected = HV(ref_point=np.ones(3))(scaled)
    assert box.hypervolume([row(*one) for one in values]) == pytest.approx(expected, rel=1e-9)
