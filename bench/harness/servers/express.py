"""The lean Express + pg server of `peers/express-pg`, on PostgreSQL."""

from __future__ import annotations

import datetime
import json
import os
import random
import secrets
import shutil
import uuid
from pathlib import Path
from urllib.parse import quote

from ..contacts import Contact, as_csv, make_contacts
from ..load import Requests
from ..peers import folder_mib, peer_folder
from ..postgres import Cluster
from ..storage import DatabaseStorage
from ..web import Client
from .server import LIST_LIMIT, Part, Server, created

ROLE = "express"
IDS_KEPT = 2_000
BODIES_KEPT = 1_000
COLUMNS = ("id", "tenant_id", "first_name", "last_name", "email", "phone", "city", "created_at")


class Express(Server):
    name = "Express"
    database = "postgres"

    def __init__(self, processes, settings, folder: Path, cluster: Cluster):
        super().__init__(processes, settings)
        self.cluster = cluster
        self.secret = secrets.token_hex(32)
        cluster.make_role(ROLE, "")
        self.storage = DatabaseStorage(cluster, "express", ROLE)
        self.storages = [self.storage]

    def command(self) -> list:
        return ["node", peer_folder("express-pg") / "server.js"]

    def environment(self) -> dict[str, str]:
        return {
            "NODE_ENV": "production",
            "PORT": str(self.port),
            "JWT_SECRET": self.secret,
            "DATABASE_URL": self.cluster.url(self.storage.live, ROLE),
        }

    def make_empty(self) -> None:
        self.start()
        self.stop()

    def fill(self) -> None:
        rows = []
        for tenant, count in (("main", self.settings.contacts), ("other", self.settings.other_contacts)):
            rows += stored_rows(tenant, make_contacts(count, tenant))
        statement = f"copy contacts ({', '.join(COLUMNS)}) from stdin with (format csv, header)"
        self.cluster.sql(statement, self.storage.live, as_csv(rows, COLUMNS))
        main = [row[0] for row in rows if row[1] == "main"]
        self.ids = random.Random("ids").sample(main, min(IDS_KEPT, len(main)))

    def sign_in(self, tenant: str = "main") -> str:
        client = Client(self.port)
        answer = client.expect(200, "POST", "/auth/token", {"tenantId": tenant}).json()
        client.close()
        return answer["token"]

    def count_contacts(self) -> int:
        return int(self.cluster.sql("select count(*) from contacts", self.storage.live))

    def create_requests(self) -> Requests:
        contacts = make_contacts(BODIES_KEPT, "%d.new")
        return Requests("POST", [json.dumps(body_of(contact), ensure_ascii=False) for contact in contacts], "/contacts")

    def contact_path(self, identifier: str) -> str:
        return f"/contacts/{identifier}"

    def list_path(self, city: str) -> str:
        return f"/contacts?city={quote(city)}&sort=-createdAt&limit={LIST_LIMIT}"

    def listed(self, answer) -> list[tuple[str, str]]:
        return [(row["city"], row["created_at"]) for row in answer["data"]]

    def exists(self, client: Client, email: str) -> bool:
        return bool(client.expect(200, "GET", f"/contacts?email={quote(email)}&limit=1").json()["data"])

    def create(self, client: Client, contact: Contact) -> bool:
        return created(client.send("POST", "/contacts", json.dumps(body_of(contact)).encode()), 201)

    def parts(self) -> list[Part]:
        node = os.path.getsize(os.path.realpath(shutil.which("node"))) / 2**20
        return [Part("node", node), Part("packages", folder_mib(peer_folder("express-pg") / "node_modules"))]


def body_of(contact: Contact) -> dict[str, str]:
    return {
        "firstName": contact.first_name,
        "lastName": contact.last_name,
        "email": contact.email,
        "phone": contact.phone,
        "city": contact.city,
    }


def stored_rows(tenant: str, contacts: list[Contact]) -> list[tuple]:
    """Rows as the table has them, made a second apart."""
    first = datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc)
    source = random.Random(f"express {tenant}")
    return [
        (uuid.UUID(int=source.getrandbits(128), version=4), tenant, *contact, first + datetime.timedelta(seconds=place))
        for place, contact in enumerate(contacts)
    ]
