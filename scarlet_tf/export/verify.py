"""Whether the files of an export are still what their certificate says."""

import json
from collections.abc import Mapping
from pathlib import Path

from scarlet_tf.errors import InputError
from scarlet_tf.export.certificate import sha256
from scarlet_tf.files import read_json

CERTIFICATE = "certificate.json"
_SAME = (
    "model",
    "arch",
    "image_size",
    "num_classes",
    "images",
    "images_from",
    "cost",
    "cost_in_supernet",
    "stabilizers_removed",
    "stabilizers_left",
)
_SAME_OF_FILES = ("quantize", "bytes", "sha256", "operators", "partitions")


def read_certificate(output_dir: str | Path) -> dict:
    """The certificate in the directory of an export. Raises InputError where there is none, or a file that it names is
    missing or another one."""
    output_dir = Path(output_dir)
    certificate = read_json(output_dir / CERTIFICATE, "the certificate of an export")
    try:
        files = {entry["file"]: entry["sha256"] for entry in certificate["formats"].values()}
        certificate["command"].split()
    except (TypeError, KeyError, AttributeError) as error:
        raise InputError(
            f"{output_dir / CERTIFICATE} must be the certificate of an export. Received: {error!r}."
        ) from error
    for name, digest in files.items():
        path = output_dir / name
        if not path.exists():
            raise InputError(f"{path} must be there, as {CERTIFICATE} beside it says. Received: nothing. Export again.")
        if sha256(path) != digest:
            raise InputError(
                f"{path} does not match its certificate: its SHA-256 must be {digest}. Received: {sha256(path)}. "
                "Export again."
            )
    return certificate


def differences(old: Mapping, new: Mapping) -> list[str]:
    """What of the certificate `new`, computed again, is not what `old` says, each as one line.

    Sizes, operators, costs and how stabilizers were removed must be equal. Errors are of the order of rounding, which
    differs between processors: they may be anything within their tolerance, or where they have none, a tenth off; and
    one image in a thousand may change its best class.
    """
    new = json.loads(json.dumps(new))  # with lists for tuples, as what was read from a file
    found = [f"{key}: {old.get(key)!r}, now {new.get(key)!r}" for key in _SAME if old.get(key) != new.get(key)]
    found += _removals(old.get("removals", []), new.get("removals", []))
    if "against_reference" in old:
        found += _errors("against_reference", old["against_reference"], new.get("against_reference"))
    for name, entry in old["formats"].items():
        again = new["formats"][name]
        changed = [key for key in _SAME_OF_FILES if entry.get(key) != again.get(key)]
        found += [f"{name}: {key}: {entry.get(key)!r}, now {again.get(key)!r}" for key in changed]
        found += _errors(name, entry, again)
        for other in ("against_reference", "against_twin"):
            if other in entry:
                found += _errors(f"{name}: {other}", entry[other], again.get(other))
    return found


def _removals(old: list, new: list) -> list[str]:
    numbers = ("condition_number", "basis_condition_number")
    if len(old) != len(new):
        return [f"removals: {len(old)}, now {len(new)}"]
    found = []
    for before, after in zip(old, new, strict=True):
        for key in before:
            if key in numbers:
                same = abs(before[key] - after[key]) <= 1e-3 * abs(before[key])
            else:
                same = before[key] == after[key]
            if not same:
                found.append(f"removal of slot {before['slot']}: {key}: {before[key]!r}, now {after[key]!r}")
    return found


def _errors(what: str, old: Mapping, new: Mapping | None) -> list[str]:
    if new is None:
        return [f"{what}: none any more"]
    found = []
    error, again, tolerance = old["max_rel_error"], new["max_rel_error"], old.get("tolerance")
    if not (again <= tolerance if tolerance is not None else abs(again - error) <= 0.1 * error):
        found.append(f"{what}: max_rel_error: {error:.3g}, now {again:.3g}")
    before, after = old["top1_agreement"], new["top1_agreement"]
    most = max(1, before["of"] // 1000)
    if before["of"] != after["of"] or abs(before["count"] - after["count"]) > most:
        found.append(f"{what}: top1_agreement: {before}, now {after}")
    if "accuracy" in old and not abs(old["accuracy"] - new.get("accuracy", -1.0)) * before["of"] <= most + 0.5:
        found.append(f"{what}: accuracy: {old['accuracy']}, now {new.get('accuracy')}")
    return found


def check_same(output_dir: str | Path, old: Mapping, new: Mapping) -> None:
    """Raises InputError, with the first of `differences`, where there are any."""
    found = differences(old, new)
    if found:
        more = f" ({len(found) - 1} more)" if len(found) > 1 else ""
        raise InputError(
            f"{Path(output_dir) / CERTIFICATE} does not hold any more: {found[0]}{more}. Export again, or give "
            "--model, --weights, --dataset and --data_dir as they were."
        )
