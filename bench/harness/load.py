"""Runs wrk against a server, and reads what it reports."""

from __future__ import annotations

import json
import os
import resource
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .errors import BenchError

SCRIPT = Path(__file__).with_name("load.lua")
ERROR_KINDS = ("refused", "connect", "read", "write", "timeout")
# Apart enough that no two loads of a run reach the same numbers.
NUMBERS_PER_LOAD = 10_000_000


@dataclass(frozen=True)
class Requests:
    """What a load sends: a path in each line for GET, a body in each line for POST to `path`; `headers` besides the token."""

    method: str
    lines: list[str]
    path: str = ""
    headers: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoadResult:
    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    errors: int
    generator_cpu_seconds: float

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


class LoadGenerator:
    def __init__(self, folder: Path, connections: int):
        self.lines_file = folder / "lines.txt"
        self.connections = connections
        self.loads = 0

    def run(self, port: int, token: str, requests: Requests, seconds: int) -> LoadResult:
        self.lines_file.write_text("\n".join(requests.lines) + "\n", encoding="utf-8")
        self.loads += 1
        cpu_before = children_cpu_seconds()
        printed = self.run_wrk(port, seconds, self.environment(token, requests))
        result = [line for line in printed.splitlines() if line.startswith("RESULT ")]
        if not result:
            raise BenchError(f"wrk printed no result:\n{printed[-1000:]}")
        fields = json.loads(result[0].removeprefix("RESULT "))
        if fields["requests"] == 0:
            raise BenchError(f"no request was answered in {seconds} s:\n{printed[-1000:]}")
        return LoadResult(
            requests=fields["requests"],
            seconds=fields["microseconds"] / 1e6,
            p50_ms=fields["p50"] / 1e3,
            p99_ms=fields["p99"] / 1e3,
            max_ms=fields["max"] / 1e3,
            errors=sum(fields[kind] for kind in ERROR_KINDS),
            generator_cpu_seconds=children_cpu_seconds() - cpu_before,
        )

    def environment(self, token: str, requests: Requests) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", ""),
            "METHOD": requests.method,
            "REQUEST_PATH": requests.path,
            "LINES": str(self.lines_file),
            "TOKEN": token,
            "HEADERS": "\n".join(requests.headers),
            "FIRST_NUMBER": str(self.loads * NUMBERS_PER_LOAD),
        }

    def run_wrk(self, port: int, seconds: int, environment: dict[str, str]) -> str:
        command = ["wrk", "-t1", f"-c{self.connections}", f"-d{seconds}s", "--timeout", "10s"]
        command += ["-s", str(SCRIPT), f"http://127.0.0.1:{port}"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds + 60)
        if done.returncode != 0:
            raise BenchError(f"wrk failed ({done.returncode}):\n{(done.stderr or done.stdout)[-1000:]}")
        return done.stdout


def children_cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
