"""The figures that Kith is to reach beside its peers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    figure: str
    limit: float
    at_least: bool
    unit: str = ""

    def met(self, reached: float) -> bool:
        return reached >= self.limit if self.at_least else reached <= self.limit

    def row(self, reached: float) -> str:
        sign = "≥" if self.at_least else "≤"
        verdict = "met" if self.met(reached) else "**missed**"
        return f"| {self.figure} | {sign} {self.limit:g}{self.unit} | {reached:.2f}{self.unit} | {verdict} |"


# By database and operation: how many times less CPU a request takes than the peer's.
SERVER_CPU_RATIO = {
    ("sqlite", "create"): 2.0,
    ("sqlite", "get"): 5.0,
    ("sqlite", "list"): 4.0,
    ("sqlite", "search"): 10.0,
    ("postgres", "create"): 5.0,
    ("postgres", "get"): 5.0,
    ("postgres", "list"): 5.0,
}
WITH_DATABASE_CPU_RATIO = 1.2
CREATE_P99_MS = 20.0
CUSTOM_SHARE = 0.5
IMPORT_SECONDS_PER_100_000 = 15.0
IMPORT_PEAK_MIB = 150.0
START_SECONDS = 0.2
IDLE_MIB = 40.0
