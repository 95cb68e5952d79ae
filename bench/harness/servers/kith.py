"""Kith itself, on SQLite or PostgreSQL: all that the benchmark knows of its HTTP contract stands here."""

from __future__ import annotations

import json
import os
import random
import secrets
import time
from pathlib import Path
from urllib.parse import quote

from ..contacts import Contact, as_csv, make_contacts
from ..errors import BenchError
from ..load import Requests
from ..postgres import Cluster
from ..storage import DatabaseStorage, FolderStorage
from ..web import Client
from .server import AFTER_SEEDING_LIMIT_SECONDS, LIST_LIMIT, Outcome, Part, Server
from .sqlite_file import count_rows, is_write_ahead

# An ordinary role that may make roles, as `migrate` does; row-level security binds it.
ROLE = "kith_bench"
ROLE_RIGHTS = "createrole"
TABLE = "contacts"
CONTACTS = "/api/contacts"
CSV_HEADER = ("firstName", "lastName", "email", "phone", "address.city")
# By one of these names an import's report tells each count.
COUNT_NAMES = {
    "good": ("created", "imported", "good", "inserted"),
    "bad": ("failed", "bad", "errors", "invalid", "rejected"),
    "duplicates": ("skipped", "duplicates", "matched"),
}
IDS_KEPT = 2_000
BODIES_KEPT = 1_000
POLL_SECONDS = 0.1
IMPORT_LIMIT_SECONDS = 600


class Kith(Server):
    name = "Kith"
    can_search = True
    has_custom_fields = True

    def __init__(self, processes, settings, folder: Path, cluster: Cluster | None = None):
        super().__init__(processes, settings)
        self.cluster = cluster
        self.database = "postgres" if cluster else "sqlite"
        self.data = FolderStorage(folder / f"kith-{self.database}")
        self.storages = [self.data]
        self.secrets = {"JWT_SECRET": secrets.token_hex(32), "SESSION_SECRET": secrets.token_hex(32)}
        self.secrets["ENCRYPTION_KEY"] = secrets.token_hex(16)
        self.password = f"Bench-{secrets.token_hex(12)}"
        if cluster:
            cluster.make_role(ROLE, ROLE_RIGHTS)
            self.rows = DatabaseStorage(cluster, "kith", ROLE)
            self.storages.append(self.rows)

    def command(self) -> list:
        return [self.settings.kith, "serve"]

    def environment(self) -> dict[str, str]:
        chosen = {"HOST": "127.0.0.1", "PORT": str(self.port), "KITH_DATA": str(self.data.live), **self.secrets}
        chosen |= {"RATE_LIMIT_API": "0", "RATE_LIMIT_AUTH": "0", "RATE_LIMIT_UPLOAD": "0"}
        if self.cluster:
            chosen["DATABASE_URL"] = self.cluster.url(self.rows.live, ROLE)
        return chosen

    def make_empty(self) -> None:
        self.start()
        for tenant in ("main", "other"):
            person = {"email": f"{tenant}@example.com", "password": self.password}
            person |= {"name": f"Owner {tenant}", "tenantName": f"Bench {tenant}"}
            client = Client(self.port)
            client.expect(201, "POST", "/api/auth/register", person)
            client.close()
        self.stop()

    def sign_in(self, tenant: str = "main") -> str:
        client = Client(self.port)
        person = {"email": f"{tenant}@example.com", "password": self.password}
        answer = client.expect(200, "POST", "/api/auth/login", person).json()
        client.close()
        return answer["token"]

    def fill(self) -> None:
        self.start()
        for tenant, count in (("main", self.settings.contacts), ("other", self.settings.other_contacts)):
            self.token = self.sign_in(tenant)
            outcome = self.import_contacts(as_csv(make_contacts(count, tenant), CSV_HEADER), {})
            if outcome != Outcome(count, 0, 0):
                raise BenchError(f"{self.label} imported {outcome} where {count} good rows were sent")
        self.token = self.sign_in("main")
        exported = self.exported_ids()
        self.ids = random.Random("ids").sample(exported, min(IDS_KEPT, len(exported)))
        # What follows from an import (events, their order) must not run into the rounds.
        self.rest(AFTER_SEEDING_LIMIT_SECONDS)
        self.stop()

    def exported_ids(self) -> list[str]:
        client = self.client()
        lines = client.expect(200, "GET", f"{CONTACTS}/export?format=jsonl").body.splitlines()
        client.close()
        return [json.loads(line)["id"] for line in lines if line.strip()]

    def import_contacts(self, content: bytes, options: dict[str, str]) -> Outcome:
        """Sends the file and waits until the import is completed."""
        client = self.client()
        answer = client.upload(202, f"{CONTACTS}/import", "contacts.csv", content, options)
        place = answer.headers["location"]
        deadline = time.monotonic() + IMPORT_LIMIT_SECONDS
        while time.monotonic() < deadline:
            report = client.expect(200, "GET", place).json()
            if report["state"] == "completed":
                client.close()
                return outcome_of(report)
            if report["state"] in ("failed", "cancelled"):
                raise BenchError(f"the import ended as {report['status']}: {json.dumps(report)[:1000]}")
            time.sleep(POLL_SECONDS)
        raise BenchError(f"the import was not completed within {IMPORT_LIMIT_SECONDS} s")

    def count_contacts(self) -> int:
        if self.cluster:
            return int(self.cluster.sql(f"select count(*) from {TABLE}", self.rows.live))
        return count_rows(self.database_file(), TABLE)

    def database_file(self) -> Path:
        """Found by its table, so that the file may have any name."""
        for file in sorted(self.data.live.rglob("*")):
            if count_rows(file, TABLE) is not None:
                return file
        raise BenchError(f"no SQLite file with a table {TABLE} in Kith's data folder")

    def check_seeded(self) -> None:
        super().check_seeded()
        if not self.cluster and not is_write_ahead(self.database_file()):
            raise BenchError("Kith's SQLite file has no write-ahead log, as its peer's has: not the same durability")

    def create_requests(self) -> Requests:
        contacts = make_contacts(BODIES_KEPT, "%d.new")
        return Requests("POST", [json.dumps(body_of(contact), ensure_ascii=False) for contact in contacts], CONTACTS)

    def contact_path(self, identifier: str) -> str:
        return f"{CONTACTS}/{identifier}"

    def list_path(self, city: str) -> str:
        return f"{CONTACTS}?address.city={quote(city)}&sort=-createdAt&limit={LIST_LIMIT}"

    def search_path(self, words: str) -> str:
        return f"{CONTACTS}?search={quote(words)}&limit={LIST_LIMIT}"

    def found(self, answer) -> list[str]:
        return [row["name"] for row in answer["data"]]

    def fill_custom(self) -> None:
        self.start_signed_in()
        client = self.client()
        for name in ("place", "kin"):
            field = {"object": "contact", "name": name, "kind": "text"}
            client.expect(201, "POST", "/api/custom-fields", field)
        client.close()
        contacts = make_contacts(self.settings.contacts, "main")
        rows = [(*contact, contact.city, contact.last_name) for contact in contacts]
        outcome = self.import_contacts(as_csv(rows, (*CSV_HEADER, "custom.place", "custom.kin")), {})
        if outcome != Outcome(len(rows), 0, 0):
            raise BenchError(f"{self.label} imported {outcome} where {len(rows)} good rows were sent")
        self.rest(AFTER_SEEDING_LIMIT_SECONDS)
        self.stop()

    def by_two_path(self, city: str, name: str, custom: bool) -> str:
        town, family = ("custom.place", "custom.kin") if custom else ("address.city", "lastName")
        return f"{CONTACTS}?{town}={quote(city)}&{family}={quote(name)}&limit={LIST_LIMIT}"

    def check_by_two(self, city: str, name: str) -> None:
        client = self.client()
        pages = [client.expect(200, "GET", self.by_two_path(city, name, custom)).json() for custom in (False, True)]
        client.close()
        ids = [[row["id"] for row in page["data"]] for page in pages]
        if ids[0] != ids[1] or len(ids[0]) != LIST_LIMIT:
            raise BenchError(f"{self.label} lists {ids} by built-in and by custom fields")

    def listed(self, answer) -> list[tuple[str, str]]:
        return [(row["address"]["city"], row["createdAt"]) for row in answer["data"]]

    def parts(self) -> list[Part]:
        return [Part("binary", os.path.getsize(self.settings.kith) / 2**20)]


def body_of(contact: Contact) -> dict:
    return {
        "firstName": contact.first_name,
        "lastName": contact.last_name,
        "email": contact.email,
        "phone": contact.phone,
        "address": {"city": contact.city},
    }


def outcome_of(report: dict) -> Outcome:
    counts = report.get("counts", report)
    return Outcome(**{what: first_count(counts, names, report) for what, names in COUNT_NAMES.items()})


def first_count(counts: dict, names: tuple[str, ...], report: dict) -> int:
    for name in names:
        if isinstance(counts.get(name), int):
            return counts[name]
    raise BenchError(f"the import's report has none of {', '.join(names)}: {json.dumps(report)[:1000]}")

