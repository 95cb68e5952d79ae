"""What a reader needs to know of the machine and the versions to judge a figure."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path

from . import peers
from .postgres import Cluster
from .servers import pocketbase
from .settings import PROJECT_FOLDER, Settings

QUIET_LOAD = 0.5


def first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT_FOLDER)
    except OSError:
        return "unknown"
    lines = done.stdout.strip().splitlines()
    return lines[0] if lines else "unknown"


def processor() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found.group(1) if found else platform.machine()


def memory_gib() -> float:
    found = re.search(r"^MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return int(found.group(1)) / 2**20


def file_system(folder: Path) -> str:
    """Its name matters: in memory (tmpfs) nothing is ever synced to a disk."""
    mounts = [line.split()[1:3] for line in Path("/proc/self/mounts").read_text().splitlines()]
    holding = [(point, kind) for point, kind in mounts if folder.resolve().is_relative_to(point)]
    return max(holding, key=lambda mount: len(mount[0]))[1] if holding else "unknown"


def commit() -> str:
    return first_line(["git", "describe", "--always", "--dirty"])


def header(settings: Settings, folder: Path, cluster: Cluster | None) -> list[str]:
    load = os.getloadavg()[0]
    system = f"{platform.system()} {platform.release().split('-')[0]}"
    quiet = "" if load <= QUIET_LOAD else " (**not quiet**)"
    lines = [
        f"* {len(os.sched_getaffinity(0))} cores ({processor()}), {memory_gib():.0f} GiB, {system}, "
        f"data on {file_system(folder)}; load average before the run {load:.2f}{quiet}",
        f"* {settings.rounds} rounds A-B-A-B, {settings.seconds} s each after {settings.warm_up_seconds} s of warm-up, "
        f"{settings.connections} connections; {settings.contacts:,} contacts of the tenant, "
        f"{settings.other_contacts:,} of another",
        f"* {first_line(['wrk', '-v']).split(' Copyright')[0]}; project at {commit()}",
    ]
    if settings.with_kith:
        version = first_line([str(settings.kith), "--version"])
        lines.append(f"* Kith: {version}; on SQLite write-ahead log (checked), synchronous=NORMAL (its default)")
    if settings.with_peers and "sqlite" in settings.databases:
        log = "on (its default)" if settings.pocketbase_log else "off"
        pragmas = pocketbase.database_settings()
        lines.append(f"* PocketBase: {peers.versions('pocketbase')}; request log {log}; its SQLite: {pragmas}")
    if settings.with_peers and "postgres" in settings.databases:
        lines.append(f"* Express: node {first_line(['node', '--version'])}, {peers.versions('express-pg')}")
    if cluster:
        lines.append(f"* PostgreSQL: {cluster.settings()}")
    return lines
