"""Makes latency.json of a kit's measurements: how long every part takes, for `search --latency_table`.

A network's latency is the sum of its parts' mean times, scaled, and a constant; both numbers are fitted to the kit's
networks but for those held out, which say how far the sum is from the truth. A picture of predicted against measured
latency goes beside latency.json.
"""

from pathlib import Path

from absl import flags
from rich.console import Console
from rich.table import Table

from scarlet_tf import command
from scarlet_tf.errors import InputError
from scarlet_tf.files import check_output_dir, write_json
from scarlet_tf.latency.fitting import Agreement, fit
from scarlet_tf.latency.kit import Kit
from scarlet_tf.latency.measurements import read_measurements

_KIT = flags.DEFINE_string("kit", None, "Directory of the kit.")
_MEASUREMENTS = flags.DEFINE_string(
    "measurements", None, "CSV or JSON file with mean_us, variance and count of each file of the kit."
)
_OUTPUT = flags.DEFINE_string("output", None, "The latency.json to write; the picture gets its name with .png.")
_HELD_OUT = flags.DEFINE_integer("held_out", 20, "Networks, the kit's last, to test the fit on.", lower_bound=0)
_DEVICE = flags.DEFINE_string("device", None, "What was measured on; by default as the measurements say.")
_THREADS = flags.DEFINE_integer("threads", None, "With how many threads; as the measurements say.", lower_bound=1)


def main() -> None:
    command.require(_KIT, _MEASUREMENTS, _OUTPUT)
    output = Path(_OUTPUT.value)
    if output.suffix != ".json" or output.is_dir():
        raise InputError(f"--output must be a file that ends in .json. Received: {output}.")
    check_output_dir(output.parent, "output")
    kit, measurements = Kit.read(_KIT.value), read_measurements(_MEASUREMENTS.value)
    device, threads = _DEVICE.value or measurements.device, _THREADS.value or measurements.threads
    if device is None or threads is None:
        raise InputError(
            "--device and --threads must be given where the measurements do not say them. "
            f"Received: --device={device}, --threads={threads}."
        )
    fitted = fit(kit, measurements, _HELD_OUT.value, device, threads)
    from scarlet_tf.figures.latency import plot_latency  # matplotlib takes a second that bad input should not cost

    write_json(output, fitted.to_dict())
    table = Table("networks", "number", "median error", "max error", "Pearson", "Kendall")
    for name, predictions in (("fitted to", fitted.calibration), ("held out", fitted.held_out)):
        if predictions:
            found = Agreement.of(predictions)
            correlations = ["-" if one is None else f"{one:.3f}" for one in (found.pearson, found.kendall)]
            errors = f"{found.median_error:.1%}", f"{found.max_error:.1%}"
            table.add_row(name, str(found.networks), *errors, *correlations)
    scale, constant = fitted.table.scale, fitted.table.constant_ms
    print(f"latency = {scale:.3f} x sum of parts {constant:+.3f} ms; {device}, {threads} thread(s)")
    if kit.networks:
        Console().print(table)
        picture = output.with_suffix(".png")
        plot_latency(picture, fitted.calibration, fitted.held_out, f"{kit.space.name}, {kit.image_size} px, {device}")
        print(f"written: {output}, {picture}")
    else:
        print(f"written: {output}; no network in the kit says how good it is")
