"""What stands between a program and a provider of models: Kith, LiteLLM, Portkey, or nobody."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path

from ..errors import BenchError
from ..peers import peer_folder
from ..processes import Process, Processes, free_port, run_command
from ..settings import PROJECT_FOLDER
from ..web import Client, first_answer

MODEL = "fake-1"
# A provider's own key; it never leaves this machine.
KEY = "sk-of-nobody-0123456789"
PATH = "/v1/chat/completions"
PROMPT_BYTES = 1024
PERSON = "My name is Ana Souza. Write to ana.souza%d@example.com or call +55 11 91234-5678 when the lamps are there. "
SENTENCE = "The order came on Monday and half of it is missing, which nobody here can explain. "
SAID = {"plain": "Hello, how can I help you today?", "SSE": "Hello, how can I help?"}
WAIT_SECONDS = 10
CREDITS = 1_000_000_000


class Provider:
    """The program that answers at once."""

    def __init__(self, processes: Processes, source: Path):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self.process = processes.start("provider", [build(source), self.port])
        first_answer(self.port, "/v1/models", lambda: processes.fail_if_ended(self.process))


class Gateway:
    """Whoever stands before the provider; by itself: nobody."""

    name = "direct"
    model = MODEL
    headers: tuple[str, ...] = ()

    health_path = "/"

    def __init__(self, processes: Processes, provider: Provider, folder: Path):
        self.processes, self.provider, self.folder = processes, provider, folder
        self.process: Process | None = None
        self.port = 0
        self.token = KEY

    def start(self) -> None:
        self.port, self.process = self.provider.port, self.provider.process

    def started(self, command: list, environment: dict[str, str]) -> None:
        self.process = self.processes.start(self.name.lower(), command, environment)
        first_answer(self.port, self.health_path, lambda: self.processes.fail_if_ended(self.process))

    def stop(self) -> None:
        if self.process and self.process is not self.provider.process:
            self.processes.stop(self.process)

    def check_done(self, _answered: int, _under_way: int) -> None:
        """Looks whether what should have been done beside the answers was done."""


class Kith(Gateway):
    name = "Kith"
    model = f"openai/{MODEL}"
    health_path = "/health"
    binary = Path()
    settings: dict[str, str] = {}

    def start(self) -> None:
        self.port = free_port()
        data = Path(tempfile.mkdtemp(dir=self.folder))
        provider = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": self.provider.url, "OPENAI_MODEL": MODEL}
        own = {"HOST": "127.0.0.1", "PORT": str(self.port), "KITH_DATA": str(data), "RATE_LIMIT_API": "0"}
        self.started([self.binary, "serve"], provider | own | self.settings)
        person = {"email": "owner@example.com", "password": secrets.token_hex(12), "name": "Owner", "tenantName": "Bench"}
        self.session = self.ask(None, "/api/auth/register", person)["token"]
        # A tenant that was given credits is limited: each call takes some before it is made, and is settled behind it.
        grant = [self.binary, "credits", "grant", CREDITS, "--note", "w10"]
        path = {"PATH": os.environ.get("PATH", "")}
        run_command(grant, "giving credits", env=path | provider | own | self.settings)
        key = {"name": "bench", "scopes": ["ai:read", "ai:write"]}
        self.token = self.ask(self.session, "/api/api-keys", key)["key"]

    def ask(self, token: str | None, path: str, body: dict) -> dict:
        client = Client(self.port, token)
        answer = client.expect(201, "POST", path, body).json()
        client.close()
        return answer

    def check_done(self, answered: int, under_way: int) -> None:
        """Every call was paid for, and stands in the log of activity, on the disk."""
        client, deadline, logged = Client(self.port, self.session), time.monotonic() + WAIT_SECONDS, 0
        while logged < answered and time.monotonic() < deadline:
            logged = client.expect(200, "GET", "/api/system/llm-activity/stats").json()["totalEntries"]
            time.sleep(0.1)
        credits = client.expect(200, "GET", "/api/ai/credits").json()["credits"]
        client.close()
        # No call costs less than one; what is logged is settled.
        if not credits["isLimited"] or credits["used"] < answered:
            raise BenchError(f"Kith answered {answered} calls and counted {credits['used']} credits")
        # What was under way when the time of a load was up is logged too.
        if not answered <= logged <= answered + under_way:
            raise BenchError(f"Kith answered {answered} calls and logged {logged}")


class LiteLLM(Gateway):
    name = "LiteLLM"
    health_path = "/health/liveliness"

    def start(self) -> None:
        self.port, self.token = free_port(), f"sk-{secrets.token_hex(16)}"
        model = {"model": f"openai/{MODEL}", "api_base": self.provider.url, "api_key": KEY}
        config = {"model_list": [{"model_name": MODEL, "litellm_params": model}], "litellm_settings": {"telemetry": False}}
        # JSON is YAML as well.
        path = self.folder / "litellm.yaml"
        path.write_text(json.dumps(config | {"general_settings": {"master_key": self.token}}))
        command = [litellm_folder() / "bin" / "litellm", "--config", path, "--host", "127.0.0.1", "--port", self.port]
        own = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "HOME": str(self.folder)}
        self.started([*command, "--num_workers", "1"], own)


class Portkey(Gateway):
    name = "Portkey"

    def start(self) -> None:
        self.port = free_port()
        folder = peer_folder("portkey")
        program = folder / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
        command = ["node", "--require", folder / "loopback.cjs", program, f"--port={self.port}", "--headless"]
        self.headers = ("x-portkey-provider: openai", f"x-portkey-custom-host: {self.provider.url}")
        self.started(command, {"NODE_ENV": "production"})


def body(model: str, shape: str) -> str:
    """A prompt of 1 kB with personal data in it, which no other request has."""
    prompt = PERSON + SENTENCE * (PROMPT_BYTES // len(SENTENCE))
    asked = {"model": model, "messages": [{"role": "user", "content": prompt[:PROMPT_BYTES]}]}
    return json.dumps(asked | ({"stream": True} if shape == "SSE" else {}))


def check(gateway: Gateway, shape: str) -> None:
    """A fast wrong answer is no result."""
    client = Client(gateway.port, gateway.token)
    client.headers |= dict(header.split(": ") for header in gateway.headers)
    answer = client.send("POST", PATH, body(gateway.model, shape).encode())
    client.close()
    text = answer.body.decode(errors="replace")
    if shape == "SSE":
        events = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: {")]
        choices = [event["choices"] for event in map(json.loads, events)]
        text = "".join(choice["delta"].get("content") or "" for all_of in choices for choice in all_of)
    if answer.status != 200 or SAID[shape] not in text:
        raise BenchError(f"{gateway.name} answers {answer.status}, {shape}: {text[:500]}")


def build(folder: Path) -> Path:
    """A copy is built, so that nothing is written beside the original."""
    source = PROJECT_FOLDER / "target" / "fake-openai"
    shutil.copytree(folder, source, dirs_exist_ok=True, ignore=shutil.ignore_patterns("target"))
    manifest = source / "Cargo.toml"
    # It lies within the project, and is no part of its workspace.
    manifest.write_text(f"{(folder / 'Cargo.toml').read_text()}\n[workspace]\n")
    command = ["cargo", "build", "--release", "--quiet", "--target-dir", source / "target"]
    run_command([*command, "--manifest-path", manifest], "building the provider")
    return source / "target" / "release" / "fake-openai"


def litellm_folder() -> Path:
    return peer_folder("litellm") / "venv"


def install_litellm() -> None:
    wanted = peer_folder("litellm") / "requirements.txt"
    folder = litellm_folder()
    kept = folder / "installed.txt"
    if kept.exists() and kept.read_text() == wanted.read_text():
        return
    print("installing litellm with pip …", flush=True)
    run_command([sys.executable, "-m", "venv", "--clear", folder], "making a virtual environment")
    run_command([folder / "bin" / "pip", "install", "-q", "--disable-pip-version-check", "-r", wanted], "pip install of litellm")
    shutil.copy(wanted, kept)
