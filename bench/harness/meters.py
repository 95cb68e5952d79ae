"""Reads CPU time and memory of process trees from /proc."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
QUIET_CHECK_SECONDS = 0.25
# At most one tick in a check: an idle server's timers are not work left over from the load.
QUIET_CPU_SECONDS = 1.5 / TICKS_PER_SECOND


@dataclass(frozen=True)
class Memory:
    rss_mib: float
    pss_mib: float


def process_stats() -> dict[int, list[str]]:
    """The fields of every /proc/<id>/stat that stand after the command's name."""
    stats = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as file:
                    stats[int(entry)] = file.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
    return stats


def tree_of(root: int, stats: dict[int, list[str]]) -> list[int]:
    children: dict[int, list[int]] = {}
    for process, fields in stats.items():
        children.setdefault(int(fields[1]), []).append(process)
    found, waiting = [], [root]
    while waiting:
        process = waiting.pop()
        if process in stats:
            found.append(process)
            waiting += children.get(process, [])
    return found


def cpu_seconds(root: int) -> float:
    """User and system time of the tree; children that ended count through their parent's cutime and cstime."""
    stats = process_stats()
    return sum(sum(map(int, stats[process][11:15])) for process in tree_of(root, stats)) / TICKS_PER_SECOND


def memory(root: int) -> Memory:
    rss = pss = 0
    for process in tree_of(root, process_stats()):
        fields = status_kib(f"/proc/{process}/smaps_rollup", ("Rss", "Pss"))
        rss += fields.get("Rss", 0)
        pss += fields.get("Pss", 0)
    return Memory(rss / 1024, pss / 1024)


def peak_rss_mib(root: int) -> float:
    """The sum of each living process's high-water mark, so never less than the tree's true peak."""
    tree = tree_of(root, process_stats())
    return sum(status_kib(f"/proc/{process}/status", ("VmHWM",)).get("VmHWM", 0) for process in tree) / 1024


def status_kib(path: str, names: tuple[str, ...]) -> dict[str, int]:
    found = {}
    try:
        with open(path) as file:
            for line in file:
                name, _, rest = line.partition(":")
                if name in names:
                    found[name] = int(rest.split()[0])
    except OSError:
        pass
    return found


def machine_busy_seconds() -> float:
    with open("/proc/stat") as file:
        user, nice, system, _idle, _wait, interrupt, soft, steal = map(int, file.readline().split()[1:9])
    return (user + nice + system + interrupt + soft + steal) / TICKS_PER_SECOND


def wait_until_quiet(roots: list[int], limit_seconds: float) -> bool:
    """Waits until the processes rest, so that work put off by a server is counted to the load that caused it."""
    deadline = time.monotonic() + limit_seconds
    quiet_checks = 0
    before = sum(map(cpu_seconds, roots))
    while quiet_checks < 2:
        if time.monotonic() > deadline:
            return False
        time.sleep(QUIET_CHECK_SECONDS)
        after = sum(map(cpu_seconds, roots))
        quiet_checks = quiet_checks + 1 if after - before <= QUIET_CPU_SECONDS else 0
        before = after
    return True
