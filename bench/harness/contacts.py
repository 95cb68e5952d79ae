"""Makes the contacts: the same for every server, the same in every run."""

from __future__ import annotations

import csv
import io
import random
from dataclasses import dataclass
from typing import NamedTuple

BAD_SHARE = 0.02
DUPLICATE_SHARE = 0.05
FIRST_NAMES = (
    "Ana João Maria Pedro Inês Tiago Beatriz Rui Sofia Nuno Lena Jonas Clara Emil Greta Oskar Ida Matteo Giulia "
    "Luca Chiara Marta Pablo Lucía Diego Elena Hugo Camille Louis Chloé Jules Emma Noah Olivia Liam Ava Ethan "
    "Zofia Jakub Hanna Mateusz Aylin Emre Yuki Haruto Mei Wei Priya Arjun Amara Kwame Zanele Thabo"
).split()
LAST_NAMES = (
    "Sousa Ferreira Almeida Costa Martins Rocha Teixeira Müller Schneider Fischer Weber Hoffmann Rossi Bianchi "
    "Ferrari Romano García López Sánchez Pérez Torres Dubois Laurent Moreau Girard Smith Johnson Brown Taylor "
    "Walker Kowalski Nowak Wiśniewski Yılmaz Demir Tanaka Suzuki Chen Zhang Sharma Patel Okafor Mensah Dlamini"
).split()
CITIES = (
    "Lisboa Porto Braga Coimbra Faro Madrid Barcelona Sevilla Bilbao Paris Lyon Nantes Berlin Hamburg München Köln "
    "Wien Zürich Milano Roma Torino Napoli London Leeds Dublin Amsterdam Utrecht Brussel Antwerpen Warszawa Kraków "
    "Praha Budapest Athens Istanbul Boston Chicago Denver Seattle Toronto Montréal Recife Curitiba Bogotá Lima "
    "Nairobi Accra Mumbai Pune Osaka"
).split()


class Contact(NamedTuple):
    first_name: str
    last_name: str
    email: str
    phone: str
    city: str


@dataclass(frozen=True)
class ImportFile:
    """Rows of an import, and what the generator knows of them."""

    rows: list[Contact]
    good: int
    bad: int
    duplicates: int


def make_contact(source: random.Random, mark: str) -> Contact:
    first, last = source.choice(FIRST_NAMES), source.choice(LAST_NAMES)
    # Portuguese mobile numbers: every digit after 91 may be any, so all of them are valid.
    phone = f"+351 91{source.randrange(10)} {source.randrange(1000):03} {source.randrange(1000):03}"
    # The square makes some cities larger than others, as in real books of addresses.
    city = CITIES[int(len(CITIES) * source.random() ** 2)]
    return Contact(first, last, f"contact.{mark}@example.com", phone, city)


def make_contacts(count: int, mark: str) -> list[Contact]:
    source = random.Random(f"contacts {mark}")
    return [make_contact(source, f"{mark}{number}") for number in range(count)]


def make_import(count: int) -> ImportFile:
    source = random.Random("import")
    rows = make_contacts(count, "import")
    bad, duplicates = round(count * BAD_SHARE), round(count * DUPLICATE_SHARE)
    # The first row stays good, so that every duplicate has an earlier row to repeat.
    chosen = source.sample(range(1, count), bad + duplicates)
    for number, place in enumerate(chosen[:bad]):
        wrong = f"contact.import{place}.example.com" if number % 2 else f"contact.import{place}@"
        rows[place] = rows[place]._replace(email=wrong)
    spoiled = set(chosen)
    for place in chosen[bad:]:
        earlier = source.randrange(place)
        while earlier in spoiled:
            earlier = source.randrange(place)
        rows[place] = rows[place]._replace(email=rows[earlier].email)
    return ImportFile(rows, count - bad - duplicates, bad, duplicates)


def as_csv(rows: list[Contact], header: tuple[str, ...]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()
