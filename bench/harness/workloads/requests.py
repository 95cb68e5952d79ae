"""W1 to W4: loads of single requests, in rounds that alternate between two servers."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..contacts import CITIES, FIRST_NAMES, LAST_NAMES
from ..errors import BenchError
from ..load import LoadGenerator, LoadResult, Requests
from ..meters import Memory, machine_busy_seconds
from ..servers.server import CITIES_LISTED, CUSTOM, SEEDED, Server
from ..settings import Settings

# The reads come first, so that they see the same rows in every round.
OPERATIONS = {"W2": ("get", "list"), "W3": ("search",), "W1": ("create",)}
BY_TWO = ("by two built-in", "by two custom")
LISTED = CITIES[:CITIES_LISTED]
# A first name and the beginning of a last one, as somebody types them.
SEARCHED = [f"{FIRST_NAMES[at % len(FIRST_NAMES)]} {LAST_NAMES[at * 7 % len(LAST_NAMES)][:4]}" for at in range(200)]
BOTH_LISTED = [(CITIES[at % 20], LAST_NAMES[at * 7 % len(LAST_NAMES)]) for at in range(200)]


@dataclass(frozen=True)
class Sample:
    """One measured load."""

    load: LoadResult
    cpu_seconds: dict[str, float]
    memory: dict[str, Memory]
    others_cpu_share: float
    rested: bool

    def cpu_ms(self, part: str) -> float:
        return self.cpu_seconds[part] * 1000 / self.load.requests

    @property
    def cpu_ms_sum(self) -> float:
        return sum(map(self.cpu_ms, self.cpu_seconds))


@dataclass
class Measured:
    """All rounds of one server."""

    server: Server
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    rows_answered: int = 0
    rows_found: int = 0


def run_rounds(servers: list[Server], settings: Settings, generator: LoadGenerator) -> list[Measured]:
    measured = [Measured(server) for server in servers]
    for number in range(settings.rounds):
        for one in measured:
            print(f"round {number + 1} of {settings.rounds}: {one.server.label}", flush=True)
            run_round(one, settings, generator)
    return measured


def run_round(measured: Measured, settings: Settings, generator: LoadGenerator) -> None:
    server = measured.server
    server.begin_with(SEEDED)
    rows_before = server.count_contacts()
    answered = loads = 0
    server.start_signed_in()
    try:
        server.check_answers(LISTED[0])
        if server.can_search and "W3" in settings.workloads:
            server.check_search(SEARCHED[0])
        for workload, operations in OPERATIONS.items():
            for operation in operations if workload in settings.workloads else ():
                if operation == "search" and not server.can_search:
                    continue
                sample, posted = measure(server, operation, settings, generator)
                measured.samples.setdefault(operation, []).append(sample)
                if operation == "create":
                    answered, loads = answered + posted, loads + 2
    finally:
        server.stop()
    found = server.count_contacts() - rows_before
    check_rows(server, answered, found, in_flight=loads * settings.connections)
    measured.rows_answered += answered
    measured.rows_found += found


def check_rows(server: Server, answered: int, found: int, in_flight: int) -> None:
    """wrk drops what is under way when its time is up, so a few more rows than answers are right."""
    if not answered <= found <= answered + in_flight:
        raise BenchError(f"{server.label} answered {answered} creates, and its database has {found} new rows")


def run_by_two(servers: list[Server], settings: Settings, generator: LoadGenerator) -> list[Measured]:
    """W4: the same list by two built-in and by two custom fields, of contacts that have both."""
    measured = [Measured(server) for server in servers if server.has_custom_fields]
    for number in range(settings.rounds):
        for one in measured:
            print(f"round {number + 1} of {settings.rounds}: lists by two fields, {one.server.label}", flush=True)
            one.server.begin_with(CUSTOM)
            one.server.start_signed_in()
            try:
                one.server.check_by_two(*BOTH_LISTED[0])
                for operation in BY_TWO:
                    sample, _ = measure(one.server, operation, settings, generator)
                    one.samples.setdefault(operation, []).append(sample)
            finally:
                one.server.stop()
    return measured


def requests_of(server: Server, operation: str) -> Requests:
    if operation == "search":
        return Requests("GET", [server.search_path(words) for words in SEARCHED])
    if operation in BY_TWO:
        custom = operation == "by two custom"
        return Requests("GET", [server.by_two_path(city, name, custom) for city, name in BOTH_LISTED])
    if operation == "create":
        return server.create_requests()
    return server.get_requests() if operation == "get" else server.list_requests(list(LISTED))


def measure(server: Server, operation: str, settings: Settings, generator: LoadGenerator) -> tuple[Sample, int]:
    """Returns the sample, and how many requests were answered well with the warm-up's."""
    requests = requests_of(server, operation)
    server.rest()
    warm_up = generator.run(server.port, server.token, requests, settings.warm_up_seconds)
    server.rest()
    cpu_before, busy_before = server.cpu(), machine_busy_seconds()
    load = generator.run(server.port, server.token, requests, settings.seconds)
    busy = machine_busy_seconds() - busy_before
    during = sum(server.cpu().values()) - sum(cpu_before.values())
    rested = server.rest()
    cpu_after = server.cpu()
    sample = Sample(
        load=load,
        cpu_seconds={part: cpu_after[part] - cpu_before[part] for part in cpu_after},
        memory=server.memory(),
        others_cpu_share=max(0.0, (busy - during - load.generator_cpu_seconds) / load.seconds),
        rested=rested,
    )
    good = warm_up.requests - warm_up.errors + load.requests - load.errors
    return sample, good
