import numpy as np
import pytest
from scipy.stats import kendalltau, pearsonr

from scarlet_tf.errors import InputError
from scarlet_tf.latency.fitting import MODEL_ERROR, Agreement, Prediction, fit, fit_line, kendall_tau
from scarlet_tf.latency.kit import network_file
from scarlet_tf.latency.measurements import Measurements, Timing
from scarlet_tf.latency.table import LatencyTable


@pytest.fixture
def measured(mini_kit, part_times):
    """Times of the kit as they would be if networks took exactly `scale` x the sum of their parts + `constant` ms."""

    def measure(scale=1.0, constant=0.0):
        timings = {f"{name}.tflite": Timing(1000 * ms, 4.0, 10) for name, ms in part_times.items()}
        parts = mini_kit.parts()
        for index, genotype in enumerate(mini_kit.networks):
            total = sum(part_times[part.name] for part in parts.of(genotype))
            timings[network_file(index)] = Timing(1000 * (scale * total + constant), 9.0, 5)
        return Measurements(timings)

    return measure


@pytest.mark.parametrize(("scale", "constant"), [(1.0, 0.0), (1.25, 0.5), (0.8, -0.3)])
def test_additive_times_are_recovered_exactly(mini_kit, part_times, measured, scale, constant):
    fitted = fit(mini_kit, measured(scale, constant), 3)
    assert fitted.table.scale == pytest.approx(scale, rel=1e-9)
    assert fitted.table.constant_ms == pytest.approx(constant, abs=1e-8)
    assert fitted.table.parts_ms == pytest.approx(part_times)
    assert [one.genotype for one in (*fitted.calibration, *fitted.held_out)] == list(mini_kit.networks)
    for one in fitted.held_out:
        assert one.predicted_ms == pytest.approx(one.measured_ms, rel=1e-9)
    agreement = Agreement.of(fitted.held_out)
    assert (agreement.networks, agreement.pearson, agreement.kendall) == (3, pytest.approx(1), pytest.approx(1))
    assert agreement.max_error < 1e-9


def test_with_all_networks_held_out_the_sum_stands_as_it_is(mini_kit, measured):
    fitted = fit(mini_kit, measured(2.0), 6)
    assert (fitted.table.scale, fitted.table.constant_ms, fitted.calibration) == (1.0, 0.0, ())
    assert Agreement.of(fitted.held_out).median_error == pytest.approx(0.5)  # half of what was measured
    assert "calibration" not in fitted.to_dict()


def test_networks_held_out_have_no_say_in_the_fit(mini_kit, measured):
    times = measured(1.25, 0.5)
    for index in (4, 5):
        times.timings[network_file(index)] = Timing(1e6, 0.0, 1)
    fitted = fit(mini_kit, times, 2)
    assert fitted.table.scale == pytest.approx(1.25)
    assert Agreement.of(fitted.held_out).median_error > 0.9


def test_fit_is_weighted_least_squares():
    rng = np.random.default_rng(0)
    sums = rng.uniform(5, 20, 12)
    measured = 1.1 * sums + 0.7 + rng.normal(0, 0.5, 12)
    variances = rng.uniform(0.01, 2, 12)
    scale, constant = fit_line(sums, measured, variances)
    weights = 1 / np.sqrt(variances + (MODEL_ERROR * measured) ** 2)
    np.testing.assert_allclose([scale, constant], np.polyfit(sums, measured, 1, w=weights), rtol=1e-9)
    assert abs(scale - np.polyfit(sums, measured, 1)[0]) > 1e-3  # and not the unweighted one


def test_agreement_is_of_relative_errors_and_correlations():
    measured, predicted = [10.0, 20.0, 40.0, 40.0], [11.0, 19.0, 44.0, 30.0]  # 10%, 5%, 10%, 25%
    found = Agreement.of([Prediction((0,), a, b) for a, b in zip(measured, predicted, strict=True)])
    assert (found.median_error, found.max_error) == (pytest.approx(0.1), pytest.approx(0.25))
    assert found.pearson == pytest.approx(pearsonr(measured, predicted).statistic)
    assert found.kendall == pytest.approx(kendalltau(measured, predicted).statistic)
    single = Agreement.of([Prediction((0,), 10.0, 11.0)])
    assert (single.pearson, single.kendall) == (None, None)


def test_kendall_is_scipys_with_and_without_ties():
    rng = np.random.default_rng(1)
    for levels in (4, 10**6):
        a, b = rng.integers(levels, size=(2, 25)).astype(float)
        assert kendall_tau(a, b) == pytest.approx(kendalltau(a, b).statistic)


def test_json_is_a_table_with_its_errors(mini_kit, measured, mini_space):
    data = fit(mini_kit, measured(1.25), 3, "a phone", 2).to_dict()
    assert (data["device"], data["threads"]) == ("a phone", 2)
    assert data["held_out"]["networks"] == data["calibration"]["networks"] == 3
    assert data["held_out"]["max_error"] < 1e-9
    assert [one["genotype"] for one in data["held_out"]["predictions"]] == [list(one) for one in mini_kit.networks[3:]]
    LatencyTable(mini_space, 16, 5, data["parts_ms"]).check(mini_space, 16, 5)


@pytest.mark.parametrize("held_out", [4, 5, 7])
def test_too_few_networks_are_refused(mini_kit, measured, held_out):
    with pytest.raises(InputError, match=rf"--held_out must leave none of the kit's 6 .* Received: {held_out}"):
        fit(mini_kit, measured(), held_out)


def test_files_not_measured_are_named(mini_kit, measured):
    times = measured()
    for file in ("block-4x12-e24-k3-s1-12-add.tflite", network_file(3)):
        del times.timings[file]
    with pytest.raises(InputError, match=r"block-4x12-e24-k3-s1-12-add\.tflite, network-003\.tflite"):
        fit(mini_kit, times, 3)


def test_networks_that_get_faster_with_slower_parts_are_refused(mini_kit, measured):
    with pytest.raises(InputError, match="a slope of -1"):
        fit(mini_kit, measured(-1.0, 100.0), 3)
