"""Starts processes, and stops each by its own id, also after a failure."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

from .errors import BenchError

STOP_SECONDS = 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process(subprocess.Popen):
    """A process that knows its name and by which signal it wants to end."""

    def __init__(self, name: str, command: list, stop_signal: int, **options):
        super().__init__([str(part) for part in command], **options)
        self.name = name
        self.stop_signal = stop_signal


class Processes:
    def __init__(self, log_folder: Path):
        self.log_folder = log_folder
        self.running: list[Process] = []

    def start(
        self, name: str, command: list, environment: dict | None = None, stop_signal: int = signal.SIGTERM, **options
    ) -> Process:
        """Servers see PATH and what is named here, so that nobody's own settings change a figure."""
        surroundings = {"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8", **(environment or {})}
        with open(self.log_path(name), "ab") as log:
            process = Process(
                name,
                command,
                stop_signal,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=surroundings,
                # Ctrl-C must reach the runner alone: it stops the servers in the right order.
                start_new_session=True,
                **options,
            )
        self.running.append(process)
        return process

    def stop(self, process: Process) -> None:
        if process.poll() is None:
            process.send_signal(process.stop_signal)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process in self.running:
            self.running.remove(process)

    def stop_all(self) -> None:
        # The last first: a server holds connections to the database that was started before it.
        for process in reversed(list(self.running)):
            self.stop(process)

    def log_path(self, name: str) -> Path:
        return self.log_folder / f"{name}.log"

    def log_tail(self, name: str, lines: int = 15) -> str:
        try:
            text = self.log_path(name).read_text(errors="replace")
        except OSError:
            return "(no log)"
        return "\n".join(text.splitlines()[-lines:])

    def fail_if_ended(self, process: Process) -> None:
        if process.poll() is not None:
            raise BenchError(
                f"{process.name} ended with {process.returncode}; the end of its log:\n" + self.log_tail(process.name)
            )


def run_command(command: list, what: str, **options) -> str:
    """Runs to the end and returns what was printed; a failure is told with the command's own words."""
    try:
        done = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, errors="replace", **options
        )
    except OSError as failure:
        raise BenchError(f"{what} failed: {failure}") from failure
    if done.returncode != 0:
        raise BenchError(f"{what} failed ({done.returncode}):\n{(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout
