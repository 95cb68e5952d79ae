"""Keeps a server's data as named copies, so that each round begins with the same rows."""

from __future__ import annotations

import shutil
from pathlib import Path

from .postgres import Cluster


class FolderStorage:
    """The data folder of a server that is stopped whenever a copy is kept or brought back."""

    def __init__(self, folder: Path):
        self.copies = folder
        self.live = folder / "live"
        self.live.mkdir(parents=True)

    def keep(self, name: str) -> None:
        shutil.copytree(self.live, self.copies / name)

    def bring_back(self, name: str) -> None:
        shutil.rmtree(self.live)
        shutil.copytree(self.copies / name, self.live)

    def clear(self) -> None:
        shutil.rmtree(self.copies, ignore_errors=True)


class DatabaseStorage:
    """One database of the cluster; copies are databases too."""

    def __init__(self, cluster: Cluster, name: str, role: str):
        self.cluster = cluster
        self.live = name
        self.role = role
        self.kept: list[str] = []
        cluster.make_database(name, role)

    def copy_name(self, name: str) -> str:
        return f"{self.live}_{name}"

    def keep(self, name: str) -> None:
        # Without this the first reader of each copy would do the vacuum's work during a measured load.
        self.cluster.sql("vacuum (freeze, analyze)", self.live)
        self.cluster.make_database(self.copy_name(name), self.role, template=self.live)
        self.kept.append(name)

    def bring_back(self, name: str) -> None:
        self.cluster.drop_database(self.live)
        self.cluster.make_database(self.live, self.role, template=self.copy_name(name))
        # The pages of the copy are written now and not by a checkpoint in the middle of a load.
        self.cluster.sql("checkpoint")

    def clear(self) -> None:
        for name in self.kept:
            self.cluster.drop_database(self.copy_name(name))
        self.cluster.drop_database(self.live)
