#!/usr/bin/env python3
"""W9: sockets: what a delivery costs the server, and what an idle socket takes, of Kith and of Socket.IO on Node.

    bench/sockets.py                    all of it, about two minutes a round
    bench/sockets.py --rounds 1 --only Kith --binary target/release/kith

Deliveries are counted by a program of its own (bench/sockets), which says `typing_start` from many sockets at a rate; each is told to the
others in its room. What the server spent is read from /proc: deliveries per CPU-second do not depend on how fast the client is.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
PROJECT = HERE.parent
TICKS = os.sysconf("SC_CLK_TCK")
# Sockets, rooms, things said in a second, seconds.
ROOMS = ((1_000, 20, 400, 6), (1_000, 20, 1_000, 6), (500, 2, 100, 6))
# The first are there already: a server gives back what its start took, and then grows by sockets alone.
IDLE = (2_000, 5_000, 8_000)
BURST = (500, 2_000)


def ask(url: str, body: dict | None = None, token: str = "") -> dict:
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=120) as answer:
        return json.loads(answer.read() or b"{}")


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


class Server:
    """A server in a process of its own, on the processors given."""

    def __init__(self, name: str, command: list[str], port: int, cpus: str, environment: dict[str, str]):
        self.name, self.host, self.url = name, f"127.0.0.1:{port}", f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            ["taskset", "-c", cpus, *command], env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.token = "t"
        self.rooms: list[str] = []

    def wait(self, path: str) -> None:
        for _ in range(200):
            try:
                urllib.request.urlopen(self.url + path, timeout=2).read()
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f"{self.name} does not answer")

    def make_rooms(self, count: int) -> list[str]:
        return [f"01a201cc-c893-70cc-bef0-{at:012x}" for at in range(count)]

    def burst(self, count: int) -> None:
        ask(self.url + "/burst", {"count": count})

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


class Kith(Server):
    def __init__(self, binary: str, port: int, cpus: str, folder: str):
        settings = {
            "KITH_DATA": folder, "PORT": str(port), "LOG_LEVEL": "warn", "RATE_LIMIT_API": "0", "RATE_LIMIT_UPLOAD": "0",
            "LIVE_SOCKETS_PER_MEMBER": "20000", "LIVE_EVENTS_PER_SECOND": "100000", "JWT_EXPIRES_IN": "3600",
        }
        super().__init__("Kith", [binary, "serve"], port, cpus, settings)
        self.wait("/health")
        who = {"email": "ana@acme.example", "password": "a long password of the bench"}
        self.token = ask(self.url + "/api/auth/register", who)["token"]
        self.channel = ask(self.url + "/api/channels", {"type": "API", "name": "Bench"}, self.token)["id"]

    def make_rooms(self, count: int) -> list[str]:
        for _ in range(count - len(self.rooms)):
            made = ask(self.url + "/api/conversations", {"channelId": self.channel}, self.token)
            self.rooms.append(made["id"])
        return self.rooms[:count]

    def burst(self, count: int) -> None:
        rows = "".join(f"Person {row}\n" for row in range(count))
        body = f'--edge\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\n\r\nname\n{rows}\r\n--edge--\r\n'
        headers = {"content-type": "multipart/form-data; boundary=edge", "authorization": f"Bearer {self.token}"}
        urllib.request.urlopen(urllib.request.Request(self.url + "/api/contacts/import", body.encode(), headers), timeout=60).read()


class Node(Server):
    def __init__(self, port: int, cpus: str):
        peer = HERE / "peers" / "socketio"
        if not (peer / "node_modules").exists():
            subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund"], cwd=peer, check=True)
        super().__init__("Socket.IO on Node", ["node", str(peer / "server.js"), str(port)], port, cpus, {})
        self.wait("/health")


class Load:
    """The program with the sockets."""

    def __init__(self, server: Server, cpus: str, shape: tuple[int, int, int, int]):
        sockets, rooms, rate, seconds = shape
        names = ",".join(server.make_rooms(rooms))
        program = os.environ.get("SOCKET_LOAD", str(HERE / "sockets/target/release/kith-bench-sockets"))
        self.process = subprocess.Popen(
            ["taskset", "-c", cpus, program, server.host, server.token, str(sockets), str(rate), str(seconds), names],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        if self.process.stdout.readline() != "ready\n":
            raise SystemExit("the sockets did not connect")

    def go(self) -> None:
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def counted(self) -> tuple[int, int, int]:
        said, heard, milliseconds = self.process.stdout.readline().split()
        return int(said), int(heard), int(milliseconds)

    def end(self) -> None:
        self.process.stdin.close()
        self.process.wait(60)


def rooms(server: Server, cpus: str, shape: tuple[int, int, int, int]) -> dict:
    load = Load(server, cpus, shape)
    before = cpu_seconds(server.process.pid)
    load.go()
    said, heard, milliseconds = load.counted()
    spent = cpu_seconds(server.process.pid) - before
    load.end()
    expected = said * (shape[0] // shape[1] - 1)
    return {"heard": heard, "lost": expected - heard, "per_cpu_second": heard / spent, "per_second": heard * 1000 / max(milliseconds, 1)}


def burst(server: Server, cpus: str) -> dict:
    sockets, count = BURST
    load = Load(server, cpus, (sockets, 1, 0, 0))
    time.sleep(1)
    before = cpu_seconds(server.process.pid)
    load.go()
    time.sleep(0.1)
    server.burst(count)
    time.sleep(6)
    load.go()
    _, heard, _ = load.counted()
    spent = cpu_seconds(server.process.pid) - before
    load.end()
    return {"heard": heard, "expected": sockets * count, "per_cpu_second": heard / spent}


def idle(server: Server, cpus: str) -> list[tuple[int, int]]:
    seen = []
    for sockets in IDLE:
        load = Load(server, cpus, (sockets, 1, 0, 0))
        time.sleep(2)
        seen.append((sockets, rss_kib(server.process.pid)))
        load.end()
        time.sleep(2)
    return seen


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--binary", default=str(PROJECT / "target/release/kith"))
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--only", choices=("Kith", "Node"))
    words.add_argument("--server-cpus", default="0")
    words.add_argument("--load-cpus", default="1")
    words.add_argument("--port", type=int, default=4395)
    options = words.parse_args()
    if "SOCKET_LOAD" not in os.environ:
        subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=HERE / "sockets", check=True)
    results: dict[tuple[str, str], list[float]] = {}
    for _ in range(options.rounds):
        for name in ("Kith", "Node"):
            if options.only not in (None, name):
                continue
            folder = tempfile.mkdtemp(prefix="kith-bench-")
            cpus = options.server_cpus
            server = Kith(options.binary, options.port, cpus, folder) if name == "Kith" else Node(options.port, cpus)
            try:
                first, *more = idle(server, options.load_cpus)
                for sockets, kib in more:
                    each = (kib - first[1]) / (sockets - first[0])
                    print(f"{name}: {sockets} idle sockets: {kib} KiB, {each:.1f} KiB each beyond {first[0]} with {first[1]} KiB", flush=True)
                    results.setdefault((f"KiB of each idle socket from {first[0]} to {sockets}", name), []).append(each)
                for shape in ROOMS:
                    told = rooms(server, options.load_cpus, shape)
                    print(f"{name}: {shape}: {told}", flush=True)
                    results.setdefault((f"deliveries per CPU-second, {shape}", name), []).append(told["per_cpu_second"])
                told = burst(server, options.load_cpus)
                print(f"{name}: burst {BURST}: {told}", flush=True)
                results.setdefault((f"burst {BURST}, deliveries per CPU-second", name), []).append(told["per_cpu_second"])
            finally:
                server.stop()
                shutil.rmtree(folder, ignore_errors=True)
    for (what, name), values in sorted(results.items()):
        print(f"{what}; {name}: {median(values):,.1f} ({min(values):,.1f} to {max(values):,.1f})")


if __name__ == "__main__":
    main()
