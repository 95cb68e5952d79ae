"""Puts the samples into Markdown: a median and the range of the rounds for each figure."""

from __future__ import annotations

from statistics import median
from typing import Callable

from . import targets
from .servers.server import Server
from .targets import Target
from .workloads.imports import ImportSample
from .workloads.requests import Measured, Sample
from .workloads.starts import StartSample

DATABASE_NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
TITLES = {
    "create": "W1 create",
    "get": "W2 get by id",
    "list": "W2 list of 20, filter and sort",
    "search": "W3 search of 20 by two words",
}
BY_TWO = {"by two built-in": "two built-in fields", "by two custom": "two custom fields"}
QUIET_SHARE = 0.1

# A figure's label, how it is read from a sample, and whether more is better (None: no ratio).
Figure = tuple[str, Callable, bool | None]


def number(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def spread(values: list[float]) -> str:
    least, most = number(min(values)), number(max(values))
    return least if least == most else f"{number(median(values))} ({least}–{most})"


def ratios(kith: list[float], peer: list[float], more_is_better: bool) -> list[float]:
    """Kith's advantage in each round."""
    pairs = zip(kith, peer)
    return [ours / theirs if more_is_better else theirs / ours for ours, theirs in pairs if ours > 0 and theirs > 0]


def comparison(figures: list[Figure], columns: list[tuple[str, list]]) -> list[str]:
    """One row for each figure and a column for each server; with two of them, Kith's advantage as the last."""
    names = [name for name, _ in columns]
    heads = ["", *names] + (["Kith's advantage"] if len(columns) == 2 else [])
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for label, read, more_is_better in figures:
        series = [[read(sample) for sample in samples] for _, samples in columns]
        cells = [label, *map(spread, series)]
        if len(columns) == 2:
            both = ratios(*series, more_is_better) if more_is_better is not None else []
            cells.append(f"× {spread(both)}" if both else "")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def request_figures(with_database: bool) -> list[Figure]:
    figures: list[Figure] = [
        ("requests/s", lambda sample: sample.load.per_second, True),
        ("p50 ms", lambda sample: sample.load.p50_ms, False),
        ("p99 ms", lambda sample: sample.load.p99_ms, False),
        ("max ms", lambda sample: sample.load.max_ms, False),
        ("errors", lambda sample: sample.load.errors, None),
        *cpu_figures(with_database, "request"),
        *memory_figures(with_database),
    ]
    return figures


def cpu_figures(with_database: bool, per: str) -> list[Figure]:
    figures: list[Figure] = [(f"CPU-ms per {per}, server", lambda sample: sample.cpu_ms("server"), False)]
    if with_database:
        figures.append((f"CPU-ms per {per}, database", lambda sample: sample.cpu_ms("database"), False))
        figures.append((f"CPU-ms per {per}, both", lambda sample: sample.cpu_ms_sum, False))
    return figures


def memory_figures(with_database: bool) -> list[Figure]:
    figures: list[Figure] = [
        ("server RSS MiB", lambda sample: sample.memory["server"].rss_mib, False),
        ("server PSS MiB", lambda sample: sample.memory["server"].pss_mib, False),
    ]
    if with_database:
        figures.append(("database PSS MiB", lambda sample: sample.memory["database"].pss_mib, False))
    return figures


def requests_section(database: str, measured: list[Measured]) -> list[str]:
    lines = []
    for operation, title in TITLES.items():
        columns = [(one.server.name, one.samples[operation]) for one in measured if operation in one.samples]
        if columns:
            lines += [f"### {title}, {DATABASE_NAMES[database]}", ""]
            lines += comparison(request_figures(database == "postgres"), columns) + [""]
            lines += warnings(columns)
    for one in measured:
        if one.rows_answered:
            lines.append(
                f"{one.server.label}: {one.rows_answered:,} creates answered in all rounds, "
                f"{one.rows_found:,} new rows found in the database. "
            )
    return [*lines, ""]


def by_two_section(database: str, measured: list[Measured]) -> list[str]:
    lines = []
    for one in measured:
        columns = [(f"by {title}", one.samples[operation]) for operation, title in BY_TWO.items()]
        lines += [f"### W4 list of 20 by two fields, {one.server.label}", ""]
        heads = ["", *(name for name, _ in columns)]
        lines += [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
        for label, read, _ in request_figures(database == "postgres"):
            cells = [label, *(spread([read(sample) for sample in samples]) for _, samples in columns)]
            lines.append(f"| {' | '.join(cells)} |")
        lines += ["", *warnings(columns)]
    return [*lines, ""]


def by_two_targets(database: str, measured: list[Measured]) -> list[str]:
    rows = []
    for one in measured:
        built_in, custom = (one.samples[operation] for operation in BY_TWO)
        figure = f"W4, {DATABASE_NAMES[database]}: list by two custom fields, share of the requests/s of built-in ones"
        share = median(s.load.per_second for s in custom) / median(s.load.per_second for s in built_in)
        rows.append(Target(figure, targets.CUSTOM_SHARE, True).row(share))
    return rows


def warnings(columns: list[tuple[str, list[Sample]]]) -> list[str]:
    lines = []
    for name, samples in columns:
        if errors := sum(sample.load.errors for sample in samples):
            lines.append(f"**{name} had {errors:,} errors: this row is no result.**")
        if not all(sample.rested for sample in samples):
            lines.append(f"{name} was still at work seconds after a load; that work is not counted in full.")
        others = max(sample.others_cpu_share for sample in samples)
        if others > QUIET_SHARE:
            lines.append(f"The machine was not quiet: beside {name}, others used up to {others:.2f} of a core.")
    return "\n\n".join([*lines, ""]).splitlines() if lines else []


def imports_section(database: str, samples: dict[str, list[ImportSample]]) -> list[str]:
    columns = [(rounds[0].server.name, rounds) for rounds in samples.values()]
    figures: list[Figure] = [
        ("rows sent", lambda sample: sample.rows, None),
        ("seconds", lambda sample: sample.seconds, None),
        ("rows/s", lambda sample: sample.rows / sample.seconds, True),
        *cpu_figures(database == "postgres", "row"),
        ("peak RSS MiB", lambda sample: sample.peak_rss_mib, None),
        ("good rows", lambda sample: sample.outcome.good, None),
        ("bad rows", lambda sample: sample.outcome.bad, None),
        ("duplicates by e-mail", lambda sample: sample.outcome.duplicates, None),
    ]
    title = f"### W5 import, {DATABASE_NAMES[database]}"
    note = "Kith: one CSV file. Peer: a loop over its API, 8 connections, an e-mail look-up before each create."
    return [title, "", *comparison(figures, columns), "", note, ""]


def starts_section(database: str, servers: list[Server], samples: dict[str, list[StartSample]]) -> list[str]:
    columns = [(server.name, samples[server.label]) for server in servers]
    figures: list[Figure] = [
        ("cold start seconds", lambda sample: sample.seconds, False),
        *memory_figures(database == "postgres"),
    ]
    sizes = [
        f"{server.name}: " + " + ".join(f"{part.name} {number(part.mib)} MiB" for part in server.parts())
        for server in servers
    ]
    title = f"### W13 cold start and idle memory, {DATABASE_NAMES[database]}"
    return [title, "", *comparison(figures, columns), "", f"On disk: {'; '.join(sizes)}.", ""]


def request_targets(database: str, measured: list[Measured]) -> list[str]:
    kith = next((one for one in measured if one.server.name == "Kith"), None)
    peer = next((one for one in measured if one.server.name != "Kith"), None)
    rows = []
    for operation in TITLES if kith else ():
        where = f"{TITLES[operation]}, {DATABASE_NAMES[database]}"
        ours = kith.samples.get(operation)
        if ours and peer and operation in peer.samples:
            theirs = peer.samples[operation]
            limit = targets.SERVER_CPU_RATIO.get((database, operation))
            figure = f"{where}: server CPU, times less"
            rows.append(ratio_row(figure, limit, ours, theirs, lambda sample: sample.cpu_ms("server")))
            if database == "postgres":
                figure = f"{where}: with the database's CPU, times less"
                rows.append(ratio_row(figure, targets.WITH_DATABASE_CPU_RATIO, ours, theirs, lambda sample: sample.cpu_ms_sum))
        if ours and operation == "create":
            p99 = median(sample.load.p99_ms for sample in ours)
            rows.append(Target(f"{where}: p99", targets.CREATE_P99_MS, False, " ms").row(p99))
    return rows


def ratio_row(figure: str, limit: float, ours: list, theirs: list, read: Callable) -> str:
    reached = median(map(read, theirs)) / median(map(read, ours))
    return Target(figure, limit, True).row(reached)


def import_targets(database: str, samples: dict[str, list[ImportSample]]) -> list[str]:
    ours = next((rounds for rounds in samples.values() if rounds[0].server.name == "Kith"), None)
    if not ours:
        return []
    where = f"W5 import, {DATABASE_NAMES[database]}"
    seconds = median(sample.seconds * 100_000 / sample.rows for sample in ours)
    peak = median(sample.peak_rss_mib for sample in ours)
    return [
        Target(f"{where}: seconds per 100,000 rows", targets.IMPORT_SECONDS_PER_100_000, False, " s").row(seconds),
        Target(f"{where}: peak RSS", targets.IMPORT_PEAK_MIB, False, " MiB").row(peak),
    ]


def start_targets(database: str, samples: dict[str, list[StartSample]]) -> list[str]:
    ours = next((rounds for label, rounds in samples.items() if label.startswith("Kith")), None)
    if not ours:
        return []
    where = f"W13, {DATABASE_NAMES[database]}"
    return [
        Target(f"{where}: cold start", targets.START_SECONDS, False, " s").row(median(s.seconds for s in ours)),
        Target(f"{where}: idle RSS", targets.IDLE_MIB, False, " MiB").row(
            median(s.memory["server"].rss_mib for s in ours)
        ),
    ]


def targets_section(rows: list[str]) -> list[str]:
    if not rows:
        return []
    return ["## Targets", "", "| | to reach | reached | |", "|---|---|---|---|", *rows, ""]
