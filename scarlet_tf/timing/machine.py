"""What a figure was measured on."""

import importlib.metadata
import os
import platform
from pathlib import Path


def machine(*packages: str) -> dict[str, str | float]:
    """Processor, cores, load and Python's version, and those of the `packages` that are installed."""
    cpu = platform.processor()
    if (cpuinfo := Path("/proc/cpuinfo")).exists():
        names = [line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        cpu = names[0] if names else cpu
    versions = {}
    for package in packages:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    busy = round(os.getloadavg()[0], 1)  # timings on a machine that is not idle mean little
    return {"cpu": cpu, "cores": os.cpu_count(), "load": busy, "python": platform.python_version(), **versions}
