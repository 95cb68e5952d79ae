"""W5: Kith's CSV import, beside the peers' plain loop over their API."""

from __future__ import annotations

import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ..contacts import Contact, ImportFile, as_csv, make_import
from ..errors import BenchError
from ..meters import peak_rss_mib
from ..servers.kith import CSV_HEADER
from ..servers.server import EMPTY, Outcome, Server
from ..settings import Settings

# The peers' loop skips an e-mail that it finds; this asks Kith for the same.
IMPORT_OPTIONS = {"matchBy": "email", "onMatch": "skip"}
LOOP_WORKERS = 8
PEAK_POLL_SECONDS = 0.2
AFTER_IMPORT_LIMIT_SECONDS = 60


@dataclass(frozen=True)
class ImportSample:
    server: Server
    rows: int
    seconds: float
    cpu_seconds: dict[str, float]
    peak_rss_mib: float
    outcome: Outcome

    def cpu_ms(self, part: str) -> float:
        return self.cpu_seconds[part] * 1000 / self.rows

    @property
    def cpu_ms_sum(self) -> float:
        return sum(map(self.cpu_ms, self.cpu_seconds))


class PeakWatch:
    """Polls the server's high-water mark while the import runs, so that a child's is not lost with the child."""

    def __init__(self, server: Server):
        self.root = server.process.pid
        self.peak_mib = 0.0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def watch(self) -> None:
        while not self.ended.wait(PEAK_POLL_SECONDS):
            self.look()

    def look(self) -> None:
        self.peak_mib = max(self.peak_mib, peak_rss_mib(self.root))

    def __enter__(self) -> PeakWatch:
        self.thread.start()
        return self

    def __exit__(self, *_failure) -> None:
        self.ended.set()
        self.thread.join()
        self.look()


def run_imports(servers: list[Server], settings: Settings) -> dict[str, list[ImportSample]]:
    """Rounds that alternate between the servers; samples by the server's label."""
    samples: dict[str, list[ImportSample]] = {}
    for number in range(settings.rounds):
        for server in servers:
            print(f"round {number + 1} of {settings.rounds}: import, {server.label}", flush=True)
            samples.setdefault(server.label, []).append(run_import(server, settings))
    return samples


def run_import(server: Server, settings: Settings) -> ImportSample:
    by_file = hasattr(server, "import_contacts")
    file = make_import(settings.import_rows if by_file else settings.loop_rows)
    server.begin_with(EMPTY)
    server.start_signed_in()
    try:
        server.rest()
        content = as_csv(file.rows, CSV_HEADER)
        cpu_before, begun = server.cpu(), time.monotonic()
        with PeakWatch(server) as watch:
            if by_file:
                outcome = server.import_contacts(content, IMPORT_OPTIONS)
            else:
                outcome = run_loop(server, file.rows)
            seconds = time.monotonic() - begun
        server.rest(AFTER_IMPORT_LIMIT_SECONDS)
        cpu_after = server.cpu()
    finally:
        server.stop()
    check_outcome(server, file, outcome)
    cpu = {part: cpu_after[part] - cpu_before[part] for part in cpu_after}
    return ImportSample(server, len(file.rows), seconds, cpu, watch.peak_mib, outcome)


def check_outcome(server: Server, file: ImportFile, outcome: Outcome) -> None:
    expected = Outcome(file.good, file.bad, file.duplicates)
    found = server.count_contacts()
    if outcome != expected or found != file.good:
        raise BenchError(f"{server.label} imported {outcome} and holds {found} rows; the file has {expected}")


def run_loop(server: Server, rows: list[Contact]) -> Outcome:
    """Looks each e-mail up and creates the contact if it is new, over connections that are kept.

    Rows of one e-mail go to one worker, so that a duplicate never races its first row.
    """
    shares: list[list[Contact]] = [[] for _ in range(LOOP_WORKERS)]
    for row in rows:
        shares[zlib.crc32(row.email.encode()) % LOOP_WORKERS].append(row)
    with ThreadPoolExecutor(LOOP_WORKERS) as workers:
        outcomes = list(workers.map(lambda share: loop_share(server, share), shares))
    return Outcome(
        good=sum(outcome.good for outcome in outcomes),
        bad=sum(outcome.bad for outcome in outcomes),
        duplicates=sum(outcome.duplicates for outcome in outcomes),
    )


def loop_share(server: Server, rows: list[Contact]) -> Outcome:
    client = server.client()
    good = bad = duplicates = 0
    for row in rows:
        if server.exists(client, row.email):
            duplicates += 1
        elif server.create(client, row):
            good += 1
        else:
            bad += 1
    client.close()
    return Outcome(good, bad, duplicates)
