#!/usr/bin/env python3
"""W6: how well and how fast duplicates are found, through the running binary.

    bench/duplicates.py febrl FILE        precision, recall and F1 of Febrl's data set at several thresholds
    bench/duplicates.py made COUNT        the same of COUNT made contacts, a tenth of them duplicates; seconds, memory
"""

from __future__ import annotations

import argparse
import csv
import io
import itertools
import json
import os
import random
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections import defaultdict
from pathlib import Path

from harness.contacts import CITIES, FIRST_NAMES, LAST_NAMES

HEADER = ("externalId", "firstName", "lastName", "email", "phone", "company", "address.street", "address.city", "address.postalCode")
THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
DUPLICATE_SHARE = 0.1
STREETS = "Rua Flores,Rua Direita,Avenida Central,Rua Augusta,Main Street,High Street,Church Road,Station Road,Park Avenue,Mill Lane,Lindenweg,Hauptstrasse,Gartenweg,Bahnhofstrasse,Rue Victor Hugo,Rue Pasteur,Via Roma,Via Garibaldi,Calle Mayor,Calle Real".split(",")
COMPANIES = "Boreal Norte Atlas Vega Lumen Orion Delta Prisma Aurora Zenit Condor Farol Serra Costa Ponte Torre Monte Campo Fonte Porto".split()
TRADES = "Comercio Transportes Software Energia Alimentos Textil Consulting Motors Pharma Logistik".split()
FORMS = ("Ltda", "SA", "GmbH", "Inc", "Lda", "")
NICKNAMES = {"Pedro": "Pedrinho", "Beatriz": "Bia", "João": "Joao", "Liam": "Will", "Diego": "Diego", "Rui": "Rui"}


class Kith:
    """A server of its own on a free port, with one tenant."""

    def __init__(self, binary: Path, folder: Path):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        chosen = {"HOST": "127.0.0.1", "PORT": str(self.port), "KITH_DATA": str(folder), "RATE_LIMIT_API": "0"}
        chosen |= {"RATE_LIMIT_UPLOAD": "0", "RATE_LIMIT_AUTH": "0", "JWT_SECRET": secrets.token_hex(32)}
        chosen |= {"SESSION_SECRET": secrets.token_hex(32), "ENCRYPTION_KEY": secrets.token_hex(16)}
        self.process = subprocess.Popen([binary, "serve"], env=os.environ | chosen, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.token = None
        while True:
            try:
                self.ask("GET", "/health")
                break
            except OSError:
                time.sleep(0.05)
        person = {"email": "owner@example.com", "password": secrets.token_hex(12), "name": "Owner", "tenantName": "Bench"}
        self.token = self.ask("POST", "/api/auth/register", person)["token"]

    def ask(self, method: str, path: str, body=None, kind="application/json"):
        content = json.dumps(body).encode() if isinstance(body, dict) else body
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=content, method=method)
        if content is not None:
            request.add_header("content-type", kind)
        if self.token:
            request.add_header("authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request, timeout=3600) as answer:
            content = answer.read()
        return json.loads(content) if content[:1] in b"{[" else content.decode()

    def wait(self, path: str, key: str, wanted: str):
        while True:
            report = self.ask("GET", path)
            if report[key] == wanted:
                return report
            if report[key] == "failed":
                raise SystemExit(f"{path} failed: {json.dumps(report)[:500]}")
            time.sleep(0.1)

    def fill(self, rows) -> float:
        """Imports contacts; answers how many seconds that took."""
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(HEADER)
        writer.writerows(rows)
        mark = secrets.token_hex(16)
        head = f'--{mark}\r\ncontent-disposition: form-data; name="file"; filename="c.csv"\r\ncontent-type: text/csv\r\n\r\n'
        body = head.encode() + text.getvalue().encode() + f"\r\n--{mark}--\r\n".encode()
        begun = time.monotonic()
        report = self.ask("POST", "/api/contacts/import", body, f"multipart/form-data; boundary={mark}")
        report = self.wait(f"/api/imports/{report['id']}", "state", "completed")
        if report["failed"]:
            raise SystemExit(f"{report['failed']} rows were refused: {json.dumps(report)[:1000]}")
        return time.monotonic() - begun

    def external_ids(self) -> dict[str, str]:
        lines = self.ask_lines("/api/contacts/export?format=jsonl&fields=id,externalId")
        return {record["id"]: record["externalId"] for record in lines}

    def ask_lines(self, path: str):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}")
        request.add_header("authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request, timeout=3600) as answer:
            yield from (json.loads(line) for line in answer if line.strip())

    def scan(self, threshold: float):
        """Looks for duplicates; answers the seconds and the groups."""
        begun = time.monotonic()
        scan = self.ask("POST", "/api/duplicates/scans", {"entity": "contact", "threshold": threshold})
        scan = self.wait(f"/api/duplicates/scans/{scan['id']}", "state", "done")
        seconds = time.monotonic() - begun
        groups, cursor = [], ""
        while True:
            page = self.ask("GET", f"/api/duplicates?limit=100{cursor}")
            groups += [[record["id"] for record in group["records"]] for group in page["data"]]
            if not page["nextCursor"]:
                return scan, seconds, groups
            cursor = f"&cursor={page['nextCursor']}"

    def memory(self) -> tuple[float, float]:
        """Resident now and at most, in MB."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        kb = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith(("VmRSS", "VmHWM"))}
        return kb["VmRSS"] / 1024, kb["VmHWM"] / 1024

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def judged(groups: list[list[str]], names: dict[str, str]) -> tuple[float, float, float]:
    """Precision, recall and F1 of pairs; records of one person have names that are the same up to the first '/'."""
    people = defaultdict(int)
    for name in names.values():
        people[name.split("/")[0]] += 1
    truth = sum(count * (count - 1) // 2 for count in people.values())
    said = right = 0
    for group in groups:
        for one, other in itertools.combinations(group, 2):
            said += 1
            right += names[one].split("/")[0] == names[other].split("/")[0]
    precision, recall = right / max(said, 1), right / max(truth, 1)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


def febrl(file: Path):
    rows = csv.reader(file.open(), skipinitialspace=True)
    next(rows)
    for cells in rows:
        cells = [cell.strip() for cell in cells]
        person = "-".join(cells[0].split("-")[:2])
        street = " ".join(part for part in cells[3:6] if part)
        yield (f"{person}/{cells[0]}", cells[1], cells[2], "", "", "", street, cells[6], cells[7]) if cells[1] or cells[2] else \
            (f"{person}/{cells[0]}", "", "", f"{cells[0]}@unknown.example", "", "", street, cells[6], cells[7])


def slip(source: random.Random, text: str) -> str:
    """A slip of the finger: a letter too many, too few, another one, or two swapped."""
    if len(text) < 3:
        return text
    at = source.randrange(1, len(text) - 1)
    letter = source.choice("abcdefghijklmnoprstuvz")
    return source.choice((text[:at] + text[at + 1:], text[:at] + letter + text[at:], text[:at] + letter + text[at + 1:],
                          text[:at] + text[at + 1] + text[at] + text[at + 2:]))


def person(source: random.Random, number: int) -> list[str]:
    first, last = source.choice(FIRST_NAMES), source.choice(LAST_NAMES)
    if source.random() < 0.5:
        last = f"{source.choice(LAST_NAMES)} {last}"
    plain = f"{first}.{last.split()[-1]}".encode("ascii", "ignore").decode().lower()
    company = f"{source.choice(COMPANIES)} {source.choice(COMPANIES)} {source.choice(TRADES)}"
    email = f"{plain}{number}@{source.choice(('gmail.com', 'example.com', company.split()[0].lower() + '.example'))}"
    phone = f"+55 (11) 9{source.randrange(10_000):04}-{source.randrange(10_000):04}"
    street = f"{source.randrange(1, 2000)} {source.choice(STREETS)}"
    city = CITIES[int(len(CITIES) * source.random() ** 2)]
    row = [first, last, email, phone, f"{company} {source.choice(FORMS)}".strip(), street, city, f"{source.randrange(100_000):05}"]
    # Hardly anybody fills in everything.
    for at, share in ((2, 0.2), (3, 0.2), (4, 0.4)):
        if source.random() < share:
            row[at] = ""
    if source.random() < 0.5:
        row[5] = row[7] = ""
    if not (row[2] or row[3]):
        row[3] = phone
    return row


def twin(source: random.Random, row: list[str]) -> list[str]:
    """The same person, entered once more by somebody else."""
    first, last, email, phone, company, street, city, code = row
    first = NICKNAMES.get(first, first) if source.random() < 0.2 else first
    for _ in range(source.choice((0, 1, 1, 2))):
        if source.random() < 0.5:
            first = slip(source, first)
        else:
            last = slip(source, last)
    if source.random() < 0.1:
        first, last = last, first
    digits = "".join(letter for letter in phone if letter.isdigit())[2:]
    if phone:
        phone = source.choice((phone, digits, f"{digits[:2]} {digits[2:7]}-{digits[7:]}", f"0055{digits}", f"(0{digits[:2]}) {digits[2:]}"))
    if email and source.random() < 0.15:
        email = slip(source, email.split("@")[0]) + "@" + email.split("@")[1]
    company = source.choice((company, company.rsplit(" ", 1)[0], company.upper()))
    copy = [first, last, email, phone, company, slip(source, street), city, code]
    # Of e-mail, telephone, company and street each is missing one time in four, but not all that tell people apart.
    known = [at for at in (2, 3) if copy[at]]
    for at in (2, 3, 4, 5):
        if source.random() < 0.25 and known != [at]:
            copy[at] = ""
            known = [left for left in known if left != at]
    return copy


def made(count: int):
    source = random.Random("duplicates")
    twins = round(count * DUPLICATE_SHARE)
    people = [person(source, number) for number in range(count - twins)]
    rows = [(f"p{number}/0", *row) for number, row in enumerate(people)]
    for number in source.sample(range(len(people)), twins):
        rows.append((f"p{number}/1", *twin(source, people[number])))
    source.shuffle(rows)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["febrl", "made"])
    parser.add_argument("of", help="the file of Febrl's data set, or how many contacts")
    parser.add_argument("--kith", type=Path, default=Path(__file__).parent.parent / "target/release/kith")
    parser.add_argument("--thresholds", type=float, nargs="*")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="kith-duplicates-"))
    kith = Kith(chosen.kith.resolve(), folder)
    try:
        rows = febrl(Path(chosen.of)) if chosen.what == "febrl" else made(int(chosen.of))
        seconds = kith.fill(rows)
        names = kith.external_ids()
        print(f"{len(names)} contacts, imported in {seconds:.1f} s; {kith.memory()[0]:.0f} MB resident (at most {kith.memory()[1]:.0f})")
        print("| threshold | pairs compared | groups | seconds | MB at most | precision | recall | F1 |\n|--:|--:|--:|--:|--:|--:|--:|--:|")
        for threshold in chosen.thresholds or THRESHOLDS:
            scan, seconds, groups = kith.scan(threshold)
            precision, recall, f1 = judged(groups, names)
            print(f"| {threshold} | {scan['compared']:,} | {scan['groups']:,} | {seconds:.1f} | {kith.memory()[1]:.0f} | {precision:.4f} | {recall:.4f} | {f1:.4f} |", flush=True)
    finally:
        kith.stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
