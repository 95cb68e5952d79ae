"""What a run was asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

BENCH_FOLDER = Path(__file__).resolve().parent.parent
PROJECT_FOLDER = BENCH_FOLDER.parent
WORKLOADS = ("W1", "W2", "W3", "W4", "W5", "W13")
DATABASES = ("sqlite", "postgres")


@dataclass(frozen=True)
class Settings:
    workloads: tuple[str, ...] = WORKLOADS
    databases: tuple[str, ...] = DATABASES
    only: str = "all"
    rounds: int = 3
    seconds: int = 8
    warm_up_seconds: int = 2
    connections: int = 16
    contacts: int = 100_000
    other_contacts: int = 20_000
    import_rows: int = 100_000
    loop_rows: int = 5_000
    idle_seconds: float = 5.0
    pocketbase_log: bool = True
    kith: Path = Path("target/release/kith")
    folder: Path | None = None

    @property
    def with_kith(self) -> bool:
        return self.only in ("all", "kith")

    @property
    def with_peers(self) -> bool:
        return self.only in ("all", "peers")

    @property
    def needs_load_generator(self) -> bool:
        return bool({"W1", "W2", "W3", "W4"} & set(self.workloads))
