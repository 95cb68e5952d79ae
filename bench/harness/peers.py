"""Installs the peers from npm at their pinned versions, and measures them on disk."""

from __future__ import annotations

import json
from pathlib import Path

from .processes import run_command
from .settings import BENCH_FOLDER


def peer_folder(name: str) -> Path:
    return BENCH_FOLDER / "peers" / name


def install_peer(name: str) -> None:
    folder = peer_folder(name)
    if missing_packages(folder):
        print(f"installing {name} with npm …", flush=True)
        # No lock file: it would carry the address of whichever registry made it; every version is pinned by hand.
        command = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund"]
        run_command(command, f"npm install of {name}", cwd=folder)


def missing_packages(folder: Path) -> list[str]:
    wanted = json.loads((folder / "package.json").read_text())["dependencies"]
    return [package for package, version in wanted.items() if installed_version(folder, package) != version]


def installed_version(folder: Path, package: str) -> str | None:
    try:
        return json.loads((folder / "node_modules" / package / "package.json").read_text())["version"]
    except (OSError, ValueError, KeyError):
        return None


def versions(name: str) -> str:
    wanted = json.loads((peer_folder(name) / "package.json").read_text())["dependencies"]
    return ", ".join(f"{package} {version}" for package, version in wanted.items())


def folder_mib(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20
