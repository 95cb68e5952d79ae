"""W13: cold start with the seeded contacts in the database, and memory of the idle server."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..meters import Memory
from ..servers.server import SEEDED, Server
from ..settings import Settings


@dataclass(frozen=True)
class StartSample:
    seconds: float
    memory: dict[str, Memory]


def run_starts(servers: list[Server], settings: Settings) -> dict[str, list[StartSample]]:
    """Rounds that alternate between the servers; samples by the server's label."""
    samples: dict[str, list[StartSample]] = {}
    for number in range(settings.rounds):
        for server in servers:
            print(f"round {number + 1} of {settings.rounds}: cold start, {server.label}", flush=True)
            samples.setdefault(server.label, []).append(run_start(server, settings))
    return samples


def run_start(server: Server, settings: Settings) -> StartSample:
    server.begin_with(SEEDED)
    seconds = server.start()
    try:
        time.sleep(settings.idle_seconds)
        return StartSample(seconds, server.memory())
    finally:
        server.stop()
