#!/usr/bin/env python3
"""W10: what a gateway of models adds to a call: Kith, LiteLLM and Portkey before the same provider, and nobody before it.

    bench/models.py --fake FOLDER                       all of it, about four minutes a round
    bench/models.py --fake FOLDER --only Kith --rounds 1
    bench/models.py --fake FOLDER --set NAME=VALUE      a setting of Kith's besides, as often as there are some

FOLDER (or FAKE_OPENAI) holds a Cargo project whose program takes a port and answers in the form of OpenAI at once.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from harness import machine
from harness.errors import BenchError
from harness.load import LoadGenerator, LoadResult, Requests
from harness.meters import cpu_seconds, machine_busy_seconds, peak_rss_mib, wait_until_quiet
from harness.peers import install_peer, peer_folder, versions
from harness.processes import Processes
from harness.report import QUIET_SHARE, spread
from harness.servers.gateways import PATH, WAIT_SECONDS, Gateway, Kith, LiteLLM, Portkey, Provider, body, check, install_litellm
from harness.settings import BENCH_FOLDER, PROJECT_FOLDER, Settings
from harness.targets import Target

GATEWAYS = (Gateway, Kith, LiteLLM, Portkey)
CONNECTIONS = (1, 16, 64)
SHAPES = ("plain", "SSE")
ADDED_P50_MS = 0.5
RATE_RATIO = 8.0
PEAK_MIB = 80.0


@dataclass(frozen=True)
class Sample:
    load: LoadResult
    cpu_seconds: float
    peak_rss_mib: float
    others_cpu_share: float

    @property
    def cpu_ms(self) -> float:
        return self.cpu_seconds * 1000 / self.load.requests


class Bench:
    def __init__(self, options: argparse.Namespace, folder: Path, processes: Processes):
        self.options, self.folder, self.processes = options, folder, processes
        self.provider = Provider(processes, options.fake)
        self.generator = LoadGenerator(folder, 1)
        self.samples: dict[tuple[str, str, int], list[Sample]] = {}

    def run(self) -> None:
        for number in range(self.options.rounds):
            for kind in GATEWAYS:
                if self.options.only in (None, kind.name):
                    print(f"round {number + 1} of {self.options.rounds}: {kind.name}", flush=True)
                    self.measure_all(kind(self.processes, self.provider, self.folder))

    def measure_all(self, gateway: Gateway) -> None:
        gateway.start()
        try:
            answered = under_way = 0
            for shape in SHAPES:
                check(gateway, shape)
                answered += 1
                for connections in CONNECTIONS:
                    sample, good = self.measure(gateway, shape, connections)
                    self.samples.setdefault((gateway.name, shape, connections), []).append(sample)
                    answered, under_way = answered + good, under_way + 2 * connections
            gateway.check_done(answered, under_way)
        finally:
            gateway.stop()

    def measure(self, gateway: Gateway, shape: str, connections: int) -> tuple[Sample, int]:
        """The sample, and how many requests were answered well with the warm-up's."""
        self.generator.connections = connections
        requests = Requests("POST", [body(gateway.model, shape)], PATH, gateway.headers)
        warm_up = self.generator.run(gateway.port, gateway.token, requests, self.options.warm_up)
        trees = {gateway.process.pid, self.provider.process.pid}
        wait_until_quiet(list(trees), WAIT_SECONDS)
        before, busy = {tree: cpu_seconds(tree) for tree in trees}, machine_busy_seconds()
        load = self.generator.run(gateway.port, gateway.token, requests, self.options.seconds)
        busy = machine_busy_seconds() - busy
        ours = sum(cpu_seconds(tree) - before[tree] for tree in trees)
        wait_until_quiet([gateway.process.pid], WAIT_SECONDS)
        spent = cpu_seconds(gateway.process.pid) - before[gateway.process.pid]
        others = max(0.0, (busy - ours - load.generator_cpu_seconds) / load.seconds)
        good = warm_up.requests - warm_up.errors + load.requests - load.errors
        return Sample(load, spent, peak_rss_mib(gateway.process.pid), others), good

    def figures(self, read) -> dict[tuple[str, str, int], list[float]]:
        return {key: [read(sample) for sample in samples] for key, samples in self.samples.items()}


def table(bench: Bench, shape: str, connections: int) -> list[str]:
    names = [kind.name for kind in GATEWAYS if (kind.name, shape, connections) in bench.samples]
    lines = [f"### {shape}, {connections} at a time", "", f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    direct = bench.figures(lambda sample: sample.load.p50_ms).get(("direct", shape, connections))
    figures = [
        ("requests/s", lambda sample: sample.load.per_second),
        ("p50 ms", lambda sample: sample.load.p50_ms),
        ("p99 ms", lambda sample: sample.load.p99_ms),
        ("CPU-ms per request", lambda sample: sample.cpu_ms),
        ("peak RSS MiB so far", lambda sample: sample.peak_rss_mib),
        ("errors", lambda sample: sample.load.errors),
    ]
    if direct:
        figures.insert(2, ("added at p50, ms", lambda sample: sample.load.p50_ms - median(direct)))
    for label, read in figures:
        of = bench.figures(read)
        lines.append(f"| {label} | {' | '.join(spread(of[name, shape, connections]) for name in names)} |")
    return [*lines, ""]


def target_rows(bench: Bench) -> list[str]:
    rows = []
    p50, cpu = bench.figures(lambda sample: sample.load.p50_ms), bench.figures(lambda sample: sample.cpu_ms)
    for shape in SHAPES:
        if ("Kith", shape, 1) in p50 and ("direct", shape, 1) in p50:
            added = median(p50["Kith", shape, 1]) - median(p50["direct", shape, 1])
            rows.append(Target(f"W10 {shape}: added at p50, one at a time", ADDED_P50_MS, False, " ms").row(added))
        for connections in CONNECTIONS:
            ours, theirs = (cpu.get((name, shape, connections)) for name in ("Kith", "Portkey"))
            if ours and theirs:
                figure = f"W10 {shape}, {connections} at a time: requests per CPU-ms, times Portkey's"
                rows.append(Target(figure, RATE_RATIO, True).row(median(theirs) / median(ours)))
    peaks = [sample.peak_rss_mib for (name, *_), samples in bench.samples.items() if name == "Kith" for sample in samples]
    if peaks:
        rows.append(Target("W10: peak RSS of Kith", PEAK_MIB, False, " MiB").row(max(peaks)))
    return rows


def report(bench: Bench) -> list[str]:
    options = bench.options
    settings = Settings(workloads=("W10",), databases=(), rounds=options.rounds, seconds=options.seconds, kith=options.kith)
    lines = ["## W10", "", machine.header(settings, bench.folder, None)[0]]
    chosen = ", ".join(f"{name}={value}" for name, value in options.set.items()) or "none"
    lines += [
        f"* {options.rounds} rounds, {options.seconds} s each after {options.warm_up} s; project at {machine.commit()}",
        f"* LiteLLM: {(peer_folder('litellm') / 'requirements.txt').read_text().strip()}, one worker, its master key",
        f"* Portkey: {versions('portkey')}, node {machine.first_line(['node', '--version'])}",
        f"* Kith: check of the key, credits, masking and log of activity on; settings besides its defaults: {chosen}",
        "",
    ]
    for shape in SHAPES:
        for connections in CONNECTIONS:
            lines += table(bench, shape, connections)
    for (name, shape, connections), samples in bench.samples.items():
        if errors := sum(sample.load.errors for sample in samples):
            lines.append(f"**{name} had {errors:,} errors ({shape}, {connections}): this is no result.**\n")
        others = max(sample.others_cpu_share for sample in samples)
        if others > QUIET_SHARE:
            lines.append(f"The machine was not quiet: beside {name} ({shape}, {connections}) others used {others:.2f} of a core.\n")
    return [*lines, "## Targets", "", "| | to reach | reached | |", "|---|---|---|---|", *target_rows(bench), ""]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    fake = os.environ.get("FAKE_OPENAI")
    parser.add_argument("--fake", type=Path, default=fake, required=not fake, help="the provider; FAKE_OPENAI by default")
    parser.add_argument("--kith", type=Path, default=PROJECT_FOLDER / "target" / "release" / "kith")
    parser.add_argument("--only", choices=[kind.name for kind in GATEWAYS])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of each measured load")
    parser.add_argument("--warm-up", type=int, default=2, help="seconds before each load")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a variable for Kith")
    options = parser.parse_args()
    options.kith = options.kith.resolve()
    options.set = dict(one.split("=", 1) for one in options.set)
    Kith.binary, Kith.settings = options.kith, options.set
    return options


def main() -> int:
    options = parse_arguments()
    folder = Path(tempfile.mkdtemp(prefix="kith-bench-models-"))
    processes = Processes(folder)
    try:
        if options.only in (None, "LiteLLM"):
            install_litellm()
        if options.only in (None, "Portkey"):
            install_peer("portkey")
        bench = Bench(options, folder, processes)
        bench.run()
        text = "\n".join(report(bench))
        (BENCH_FOLDER / "results").mkdir(exist_ok=True)
        (BENCH_FOLDER / "results" / "models.md").write_text(text, encoding="utf-8")
        print(text)
        return 0
    except BenchError as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        processes.stop_all()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
