#!/usr/bin/env python3
"""Times every file of a kit on this machine, by LiteRT with XNNPACK, and writes a CSV: file, mean_us, variance, count.

Needs only ai-edge-litert and numpy, and the directory that this script is in. How it measures, and why:

- In rounds. Each goes over all files in an order of its own and runs each a few times, so that a machine that slows
  down for a while slows down every kind of file, and no file rests on one moment.
- Only the fastest runs of a file count, by default half of them: whatever else runs here only ever adds time. Mean,
  variance and count are theirs.
- A part is run with cold weights and a warm input, as it would be inside a network: before each run as many bytes are
  read as a network of the kit has weights, and then the input is written. In a plain loop the weights of a part would
  stay in the cache, those of a network do not. A network needs no such help and is run in a loop.
- With --clock=cpu, for one thread, the clock stands still while other programs have the processor: for a machine that
  is shared. The time on the wall is what a user waits for; on a quiet machine, measure that.
- The first run of a loaded file is left out: it packs weights and touches memory for the first time.

Run the same command again to go on after a stop; with more --rounds, to add to what is there.
"""

import argparse
import csv
import hashlib
import json
import os
import platform
import sys
import time
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

COLUMNS = ("file", "mean_us", "variance", "count", "device", "threads")
SECONDS_BETWEEN_LINES = 15.0
CLOCKS = {"wall": time.perf_counter_ns, "cpu": time.thread_time_ns}


def fail(message):
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kit", type=Path, default=Path(__file__).resolve().parent, help="directory of the kit")
    parser.add_argument("--output", type=Path, default=Path("measured.csv"), help="CSV to write (measured.csv)")
    parser.add_argument("--threads", type=int, default=1, help="threads of LiteRT (1)")
    parser.add_argument("--rounds", type=int, default=20, help="times over all files (20)")
    parser.add_argument("--runs", type=int, default=5, help="runs of a file in a round (5)")
    parser.add_argument(
        "--keep", type=float, default=0.5, help="share of a file's runs, the fastest, that counts (0.5)"
    )
    parser.add_argument("--cold_mb", type=float, help="MB read before a part's run; by default as a network's weights")
    parser.add_argument("--clock", choices=sorted(CLOCKS), default="wall", help="what time is measured (wall)")
    parser.add_argument("--device", help="what to call this machine; by default its processor's name")
    options = parser.parse_args()
    for name in ("threads", "rounds", "runs"):
        if getattr(options, name) < 1:
            fail(f"--{name} must be at least 1. Received: {getattr(options, name)}.")
    if options.clock == "cpu" and options.threads != 1:
        fail(f"--clock=cpu counts the time of one thread. Received: --threads={options.threads}.")
    if not 0 < options.keep <= 1:
        fail(f"--keep must be above 0 and at most 1. Received: {options.keep}.")
    if options.cold_mb is not None and not 0 <= options.cold_mb <= 10_000:
        fail(f"--cold_mb must be from 0 to 10000. Received: {options.cold_mb}.")
    return options


def processor():
    """The name of this machine's processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def kit_files(directory):
    """Names of the parts' files, and of the networks', and a digest of what the kit is of.

    Leaves with an error where a file is not there.
    """
    try:
        manifest = json.loads((directory / "kit.json").read_text())
        parts, networks = ([entry["file"] for entry in manifest[key]] for key in ("parts", "networks"))
        about = [manifest[key] for key in ("space", "image_size", "num_classes", "seed")]
    except (OSError, ValueError, KeyError, TypeError) as error:
        fail(f"--kit must be a directory with a kit.json. Received: {directory} ({error}).")
    missing = [file for file in (*parts, *networks) if not (directory / file).is_file()]
    if missing:
        fail(f"The kit in {directory} lacks {len(missing)} files, the first: {missing[0]}. Write the kit to its end.")
    return parts, networks, hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]


def silently_loaded(path, threads):
    """An interpreter with its tensors allocated. LiteRT's native notices, which no setting stops, are dropped."""
    sys.stderr.flush()
    kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        interpreter = Interpreter(model_path=str(path), num_threads=threads)
        interpreter.allocate_tensors()
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)
    return interpreter


def time_runs(path, threads, runs, cold, clock):
    """Microseconds, by `clock`, of each of `runs` runs of a file, before each of which the array `cold` is read."""
    interpreter = silently_loaded(path, threads)
    (details,) = interpreter.get_input_details()
    values = np.random.default_rng(0).standard_normal(details["shape"]).astype(np.float32)
    tensor = interpreter.tensor(details["index"])
    times = []
    for _ in range(runs + 1):
        cold.sum()
        np.copyto(tensor(), values)
        start = clock()
        interpreter.invoke()
        times.append((clock() - start) / 1000)
    return times[1:]


class Runs:
    """All runs so far, in a file of a JSON line a file and round, written as they come: a stop costs nothing."""

    def __init__(self, path, settings):
        self.times, self.done = {}, set()
        content = path.read_bytes() if path.exists() else b""
        content = content[: content.rfind(b"\n") + 1]  # a stop may leave a last line without its end
        try:
            lines = [json.loads(line) for line in content.splitlines()]
            found = lines.pop(0) if lines else None
            for line in lines:
                self._take(line["round"], line["file"], line["us"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            fail(f"{path} must hold runs of this script. Received: {error}. Remove it to begin anew.")
        if found not in (None, settings):
            fail(f"{path} must be of the same settings, {settings}. Received: {found}. Give another --output.")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("r+b" if path.exists() else "w+b")
        self._file.truncate(len(content))
        self._file.seek(0, os.SEEK_END)
        if found is None:
            self._write(settings)

    def _write(self, line):
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()

    def _take(self, number, file, times):
        self.times.setdefault(file, []).extend(times)
        self.done.add((number, file))

    def add(self, number, file, times):
        self._write({"round": number, "file": file, "us": [round(us, 1) for us in times]})
        self._take(number, file, times)


def write_csv(path, times, keep, settings):
    """Writes mean, variance and number of the fastest share `keep` of each file's runs, in place of `path`."""
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for name, runs in sorted(times.items()):
            fastest = np.sort(runs)[: max(1, int(len(runs) * keep))]
            mean, variance = f"{fastest.mean():.3f}", f"{fastest.var():.4f}"
            table.writerow([name, mean, variance, len(fastest), settings["device"], settings["threads"]])
    os.replace(temporary, path)


def main():
    options = arguments()
    parts, networks, kit_digest = kit_files(options.kit)
    cold_mb = options.cold_mb
    if cold_mb is None:
        sizes = [(options.kit / file).stat().st_size for file in networks]
        cold_mb = round(float(np.mean(sizes)) / 1e6, 1) if sizes else 20.0
    settings = {
        "kit": kit_digest,
        "device": options.device or processor(),
        "threads": options.threads,
        "runs": options.runs,
        "cold_mb": options.cold_mb,
        "clock": options.clock,
    }
    runs = Runs(options.output.with_name(options.output.name + ".runs"), settings)
    cold = {True: np.zeros(int(cold_mb * 1e6 / 4), np.float32), False: np.zeros(0, np.float32)}
    files, met_cold = [*parts, *networks], set(parts)
    total, last_line, began = options.rounds * len(files), time.monotonic(), time.monotonic()
    at_start = done = len([key for key in runs.done if key[0] < options.rounds])
    for number in range(options.rounds):
        for index in np.random.default_rng(number).permutation(len(files)):
            file = files[index]
            if (number, file) in runs.done:
                continue
            before_each, clock = cold[file in met_cold], CLOCKS[options.clock]
            times = time_runs(options.kit / file, options.threads, options.runs, before_each, clock)
            runs.add(number, file, times)
            done += 1
            now = time.monotonic()
            if now - last_line >= (1 if sys.stdout.isatty() else SECONDS_BETWEEN_LINES) or done == total:
                last_line, left = now, (now - began) / (done - at_start) * (total - done)
                line = f"round {number + 1} of {options.rounds}, {done}/{total} timed, {left:.0f} s left"
                print(
                    f"\r{line:<70}" if sys.stdout.isatty() else line, end="\n" * (not sys.stdout.isatty()), flush=True
                )
        write_csv(options.output, runs.times, options.keep, settings)
    print(f"\nwritten: {options.output}" if sys.stdout.isatty() else f"written: {options.output}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\ninterrupted; run the same command again to go on", file=sys.stderr)
        sys.exit(130)
