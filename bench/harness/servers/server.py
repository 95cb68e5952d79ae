"""What every measured server can do; each server's own file fills in how."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from ..errors import BenchError
from ..load import Requests
from ..meters import cpu_seconds, memory, wait_until_quiet
from ..processes import Processes, free_port
from ..settings import Settings
from ..web import Answer, Client, first_answer

EMPTY = "empty"
SEEDED = "seeded"
# Contacts with custom fields.
CUSTOM = "custom"
AFTER_SEEDING_LIMIT_SECONDS = 120
CITIES_LISTED = 30
LIST_LIMIT = 20


@dataclass(frozen=True)
class Outcome:
    """What became of the rows that were sent in."""

    good: int
    bad: int
    duplicates: int


@dataclass(frozen=True)
class Part:
    """A piece of the program on disk."""

    name: str
    mib: float


def created(answer: Answer, success: int) -> bool:
    """Whether the row was taken; a refusal other than of the row itself ends the run."""
    if answer.status not in (success, 400):
        raise BenchError(f"a create was answered with {answer.status}: {answer.body[:300].decode(errors='replace')}")
    return answer.status == success


class Server:
    name = ""
    database = "sqlite"
    health_path = "/health"
    storages: list
    processes: Processes
    settings: Settings
    cluster = None
    can_search = False
    has_custom_fields = False

    def __init__(self, processes: Processes, settings: Settings):
        self.processes = processes
        self.settings = settings
        self.process = None
        self.port = 0
        self.token = ""
        self.ids: list[str] = []
        self.ready: set[str] = set()

    # What each server's own file says.

    def command(self) -> list:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return {}

    def make_empty(self) -> None:
        """Schema and users of both tenants, no contacts; the server is stopped before and after."""
        raise NotImplementedError

    def fill(self) -> None:
        """Both tenants' contacts, by the server's fast path; sets `ids`; stopped before and after."""
        raise NotImplementedError

    def sign_in(self, tenant: str = "main") -> str:
        raise NotImplementedError

    def count_contacts(self) -> int:
        """All rows in the database, asked of the database and not of the server."""
        raise NotImplementedError

    def create_requests(self) -> Requests:
        raise NotImplementedError

    def contact_path(self, identifier: str) -> str:
        raise NotImplementedError

    def list_path(self, city: str) -> str:
        raise NotImplementedError

    def search_path(self, words: str) -> str:
        """A page of contacts that have these words, or words that begin so, in any field that is searched."""
        raise NotImplementedError

    def found(self, answer) -> list[str]:
        """The names of a search's answer."""
        raise NotImplementedError

    def fill_custom(self) -> None:
        """The main tenant's contacts, with their city and last name as custom fields too."""
        raise NotImplementedError

    def by_two_path(self, city: str, name: str, custom: bool) -> str:
        raise NotImplementedError

    def check_by_two(self, city: str, name: str) -> None:
        raise NotImplementedError

    def listed(self, answer) -> list[tuple[str, str]]:
        """The city of each row of a list's answer, and when the row was made."""
        raise NotImplementedError

    def parts(self) -> list[Part]:
        raise NotImplementedError

    # What is the same for all.

    @property
    def label(self) -> str:
        return f"{self.name} on {'SQLite' if self.database == 'sqlite' else 'PostgreSQL'}"

    @property
    def log_name(self) -> str:
        return f"{self.name}-{self.database}".lower()

    def start(self) -> float:
        """Starts on a fresh port; returns the seconds until the first 200 on the health path."""
        self.port = free_port()
        begun = time.monotonic()
        self.process = self.processes.start(self.log_name, self.command(), self.environment())
        first_answer(self.port, self.health_path, lambda: self.processes.fail_if_ended(self.process))
        return time.monotonic() - begun

    def stop(self) -> None:
        if self.process:
            self.processes.stop(self.process)
        self.process = None

    def start_signed_in(self) -> None:
        self.start()
        self.token = self.sign_in()

    def client(self) -> Client:
        return Client(self.port, self.token)

    def begin_with(self, state: str) -> None:
        """Brings back the named state of the data, and makes it the first time."""
        if EMPTY not in self.ready:
            self.make_empty()
            self.keep(EMPTY)
        if state == SEEDED and SEEDED not in self.ready:
            self.bring_back(EMPTY)
            self.fill()
            self.check_seeded()
            self.keep(SEEDED)
        if state == CUSTOM and CUSTOM not in self.ready:
            self.bring_back(EMPTY)
            self.fill_custom()
            self.keep(CUSTOM)
        self.bring_back(state)

    def keep(self, state: str) -> None:
        for storage in self.storages:
            storage.keep(state)
        self.ready.add(state)

    def bring_back(self, state: str) -> None:
        for storage in self.storages:
            storage.bring_back(state)
        # Else the copy's pages would be written to the disk during a measured load.
        os.sync()

    def clear(self) -> None:
        self.stop()
        for storage in self.storages:
            storage.clear()

    def check_seeded(self) -> None:
        expected = self.settings.contacts + self.settings.other_contacts
        found = self.count_contacts()
        if found != expected:
            raise BenchError(f"{self.label} holds {found} contacts after seeding, expected {expected}")

    def check_answers(self, city: str) -> None:
        """A fast wrong answer is no result: the list must be full, of one city and newest first."""
        client = self.client()
        listed = self.listed(client.expect(200, "GET", self.list_path(city)).json())
        client.expect(200, "GET", self.contact_path(self.ids[0]))
        client.close()
        made = [when for _, when in listed]
        if [where for where, _ in listed] != [city] * LIST_LIMIT or made != sorted(made, reverse=True):
            raise BenchError(f"{self.label} lists {listed}; expected {LIST_LIMIT} rows of {city}, newest first")
        self.check_walls()

    def check_search(self, words: str) -> None:
        client = self.client()
        found = self.found(client.expect(200, "GET", self.search_path(words)).json())
        client.close()
        first, last = words.lower().split()
        fitting = [name for name in found if first in name.lower() and last in name.lower()]
        if len(fitting) != LIST_LIMIT or len(found) != LIST_LIMIT:
            raise BenchError(f"{self.label} finds {found}; expected {LIST_LIMIT} names with {words}")

    def check_walls(self) -> None:
        for token, refusals in ((self.sign_in("other"), (404,)), (None, (401, 404))):
            stranger = Client(self.port, token)
            status = stranger.send("GET", self.contact_path(self.ids[0])).status
            stranger.close()
            if status not in refusals:
                raise BenchError(f"{self.label} answered {status} to a stranger who asked for a contact")

    def get_requests(self) -> Requests:
        return Requests("GET", [self.contact_path(identifier) for identifier in self.ids])

    def list_requests(self, cities: list[str]) -> Requests:
        return Requests("GET", [self.list_path(city) for city in cities])

    def roots(self) -> dict[str, int]:
        """The process trees whose CPU time counts, by what they are."""
        trees = {"server": self.process.pid}
        if self.cluster:
            trees["database"] = self.cluster.process.pid
        return trees

    def cpu(self) -> dict[str, float]:
        return {part: cpu_seconds(root) for part, root in self.roots().items()}

    def memory(self) -> dict:
        return {part: memory(root) for part, root in self.roots().items()}

    def rest(self, limit_seconds: float = 6.0) -> bool:
        return wait_until_quiet(list(self.roots().values()), limit_seconds)
