#!/usr/bin/env python3
"""Measures Kith beside its peers, and prints a report; `bench/README.md` says what and how."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from harness import machine, report
from harness.errors import BenchError
from harness.load import LoadGenerator
from harness.peers import install_peer
from harness.postgres import Cluster
from harness.processes import Processes
from harness.requirements import missing
from harness.servers.express import Express
from harness.servers.kith import Kith
from harness.servers.pocketbase import PocketBase
from harness.servers.server import Server
from harness.settings import BENCH_FOLDER, DATABASES, PROJECT_FOLDER, WORKLOADS, Settings
from harness.workloads.imports import run_imports
from harness.workloads.requests import run_by_two, run_rounds
from harness.workloads.starts import run_starts

REPORT = BENCH_FOLDER / "results" / "latest.md"


@dataclass
class Book:
    """What the report will say."""

    lines: list[str]
    targets: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def add(self, lines: list[str], targets: list[str]) -> None:
        self.lines += lines
        self.targets += targets

    def add_failure(self, what: str, failure: BenchError) -> None:
        print(f"bench: {what}: {failure}", file=sys.stderr)
        self.failures.append(what)
        self.lines += [f"**{what} was not measured: {str(failure).splitlines()[0]}**", ""]

    def text(self) -> str:
        return "\n".join([*self.lines, *report.targets_section(self.targets)])


def parse_arguments() -> Settings:
    default = Settings()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=f"of {' '.join(WORKLOADS)}; all by default")
    parser.add_argument("--database", choices=[*DATABASES, "both"], default="both")
    parser.add_argument("--only", choices=["all", "kith", "peers"], default="all", help="leave the other side out")
    parser.add_argument("--kith", type=Path, default=PROJECT_FOLDER / default.kith, help="the binary to measure")
    parser.add_argument("--rounds", type=int, default=default.rounds)
    parser.add_argument("--seconds", type=int, default=default.seconds, help="of each measured load")
    parser.add_argument("--warm-up", type=int, default=default.warm_up_seconds, help="seconds before each load")
    parser.add_argument("--connections", type=int, default=default.connections)
    parser.add_argument("--contacts", type=int, default=default.contacts, help="in the tenant that is measured")
    parser.add_argument("--other-contacts", type=int, default=default.other_contacts, help="in another tenant")
    parser.add_argument("--import-rows", type=int, default=default.import_rows)
    parser.add_argument("--loop-rows", type=int, default=default.loop_rows, help="rows that the peers' loop gets")
    parser.add_argument("--pocketbase-log", choices=["on", "off"], default="on", help="its request log; on by default")
    parser.add_argument("--folder", type=Path, help="where the data lies meanwhile; the temporary folder by default")
    chosen = parser.parse_args()
    names = tuple(name.upper() for name in chosen.workloads) or WORKLOADS
    if unknown := [name for name in names if name not in WORKLOADS]:
        parser.error(f"no such workload: {' '.join(unknown)}; there are {' '.join(WORKLOADS)}")
    return settings_from(chosen, names)


def settings_from(chosen: argparse.Namespace, workloads: tuple[str, ...]) -> Settings:
    return Settings(
        workloads=workloads,
        databases=DATABASES if chosen.database == "both" else (chosen.database,),
        only=chosen.only,
        rounds=chosen.rounds,
        seconds=chosen.seconds,
        warm_up_seconds=chosen.warm_up,
        connections=chosen.connections,
        contacts=chosen.contacts,
        other_contacts=chosen.other_contacts,
        import_rows=chosen.import_rows,
        loop_rows=chosen.loop_rows,
        pocketbase_log=chosen.pocketbase_log == "on",
        kith=chosen.kith.resolve(),
        folder=chosen.folder,
    )


def install_peers(settings: Settings) -> None:
    if settings.with_peers:
        for database, peer in (("sqlite", "pocketbase"), ("postgres", "express-pg")):
            if database in settings.databases:
                install_peer(peer)


def make_servers(database: str, settings: Settings, processes: Processes, folder: Path, cluster) -> list[Server]:
    """Kith first, then its peer: A and B of the rounds."""
    servers: list[Server] = []
    if settings.with_kith:
        servers.append(Kith(processes, settings, folder, cluster if database == "postgres" else None))
    if settings.with_peers:
        on_postgres = database == "postgres"
        servers.append(
            Express(processes, settings, folder, cluster) if on_postgres else PocketBase(processes, settings, folder)
        )
    return servers


def measure_requests(book: Book, database: str, servers: list[Server], settings: Settings, folder: Path) -> None:
    measured = run_rounds(servers, settings, LoadGenerator(folder, settings.connections))
    book.add(report.requests_section(database, measured), report.request_targets(database, measured))


def measure_imports(book: Book, database: str, servers: list[Server], settings: Settings, _folder: Path) -> None:
    samples = run_imports(servers, settings)
    book.add(report.imports_section(database, samples), report.import_targets(database, samples))


def measure_starts(book: Book, database: str, servers: list[Server], settings: Settings, _folder: Path) -> None:
    samples = run_starts(servers, settings)
    book.add(report.starts_section(database, servers, samples), report.start_targets(database, samples))


def measure_by_two(book: Book, database: str, servers: list[Server], settings: Settings, folder: Path) -> None:
    measured = run_by_two(servers, settings, LoadGenerator(folder, settings.connections))
    book.add(report.by_two_section(database, measured), report.by_two_targets(database, measured))


STEPS = (
    (measure_requests, {"W1", "W2", "W3"}),
    (measure_by_two, {"W4"}),
    (measure_imports, {"W5"}),
    (measure_starts, {"W13"}),
)


def measure_database(book: Book, database: str, settings: Settings, servers: list[Server], folder: Path) -> None:
    """All chosen workloads on one database; one that fails does not take the others' figures with it."""
    for step, workloads in STEPS:
        if chosen := workloads & set(settings.workloads):
            try:
                step(book, database, servers, settings, folder)
            except BenchError as failure:
                book.add_failure(f"{' '.join(sorted(chosen))} on {database}", failure)
                for server in servers:
                    server.stop()


def run(settings: Settings, folder: Path, processes: Processes) -> Book:
    cluster = None
    if "postgres" in settings.databases:
        cluster = Cluster(folder, processes)
        cluster.start()
    book = Book(["## The run", "", *machine.header(settings, folder, cluster), ""])
    for database in settings.databases:
        servers = make_servers(database, settings, processes, folder, cluster)
        measure_database(book, database, settings, servers, folder)
        for server in servers:
            server.clear()
    return book


def run_in_temporary_folder(settings: Settings) -> Book:
    folder = Path(tempfile.mkdtemp(prefix="kith-bench-", dir=settings.folder))
    # PostgreSQL's own user must be able to pass through.
    folder.chmod(0o711)
    (folder / "logs").mkdir()
    processes = Processes(folder / "logs")
    try:
        return run(settings, folder, processes)
    finally:
        # A second Ctrl-C must not leave servers behind.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        processes.stop_all()
        shutil.rmtree(folder, ignore_errors=True)


def end_on_signal(number: int, _frame) -> None:
    sys.exit(128 + number)


def main() -> int:
    settings = parse_arguments()
    # A shell that starts this in the background has Ctrl-C's signal ignored, and Python keeps to that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end_on_signal)
    if sentences := missing(settings):
        print("\n".join(sentences), file=sys.stderr)
        return 2
    try:
        install_peers(settings)
        book = run_in_temporary_folder(settings)
    except BenchError as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: stopped", file=sys.stderr)
        return 130
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(book.text(), encoding="utf-8")
    print(book.text())
    return 1 if book.failures else 0


if __name__ == "__main__":
    sys.exit(main())
