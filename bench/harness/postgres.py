"""A throwaway PostgreSQL cluster on a free loopback port, with PostgreSQL's default settings."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import time
from pathlib import Path

from .errors import BenchError
from .processes import Processes, free_port, run_command

INSTALLED = Path("/usr/lib/postgresql")
# PostgreSQL refuses to run as root, so root starts it as this user, whom Debian's package makes.
SYSTEM_USER = "postgres"
SUPERUSER = "postgres"
START_SECONDS = 30


def newest_binaries() -> Path | None:
    """The newest installed server: Debian's folder of versions, else what PATH has."""
    versions = [folder for folder in INSTALLED.glob("*/bin") if (folder / "initdb").exists()]
    if versions:
        return max(versions, key=lambda folder: version_of(folder.parent.name))
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def version_of(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in name.split(".") if part.isdigit())


def owner() -> str | None:
    return SYSTEM_USER if os.geteuid() == 0 else None


def owner_exists() -> bool:
    try:
        return owner() is None or bool(pwd.getpwnam(SYSTEM_USER))
    except KeyError:
        return False


class Cluster:
    def __init__(self, folder: Path, processes: Processes):
        self.folder = folder / "postgres"
        self.processes = processes
        self.binaries = newest_binaries()
        self.password = secrets.token_hex(16)
        self.port = 0
        self.process = None

    def start(self) -> None:
        self.create()
        self.port = free_port()
        command = [self.binaries / "postgres", "-D", self.folder, "-p", self.port]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        # PostgreSQL's fast shutdown; on SIGTERM it would wait for connections that a failed run left open.
        self.process = self.processes.start("postgres", command, stop_signal=signal.SIGINT, **self.as_owner())
        self.wait_until_ready()

    def create(self) -> None:
        self.folder.mkdir(mode=0o700)
        password_file = self.folder.with_name("postgres-password")
        password_file.write_text(self.password)
        if owner():
            shutil.chown(self.folder, owner(), owner())
            shutil.chown(password_file, owner(), owner())
        command = [self.binaries / "initdb", "-D", self.folder, "-U", SUPERUSER, "--encoding=UTF8", "--locale=C.UTF-8"]
        command += ["--auth=scram-sha-256", f"--pwfile={password_file}"]
        run_command(command, "initdb", **self.as_owner())
        password_file.unlink()

    def as_owner(self) -> dict:
        """Options that make a command run as the cluster's owner, from a folder which that user may enter."""
        account = owner()
        return {"cwd": "/", "user": account, "group": account, "extra_groups": []} if account else {"cwd": "/"}

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            self.processes.fail_if_ended(self.process)
            try:
                self.sql("select 1")
                return
            except BenchError:
                time.sleep(0.1)
        raise BenchError("PostgreSQL does not answer; the end of its log:\n" + self.processes.log_tail("postgres"))

    def sql(self, statement: str, database: str = "postgres", input_bytes: bytes | None = None) -> str:
        command = [self.binaries / "psql", "-h", "127.0.0.1", "-p", self.port, "-U", SUPERUSER, "-d", database]
        command += ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement]
        environment = {"PATH": os.environ.get("PATH", ""), "PGPASSWORD": self.password, "PGCLIENTENCODING": "UTF8"}
        options = {} if input_bytes is None else {"input": input_bytes.decode()}
        return run_command(command, "psql", env=environment, cwd="/", **options).strip()

    def make_role(self, name: str, rights: str) -> None:
        self.sql(f"create role {name} login {rights} password '{self.password}'")

    def make_database(self, name: str, role: str, template: str = "template1") -> None:
        self.sql(f"create database {name} owner {role} template {template}")

    def drop_database(self, name: str) -> None:
        self.sql(f"drop database if exists {name}")

    def url(self, database: str, role: str) -> str:
        return f"postgres://{role}:{self.password}@127.0.0.1:{self.port}/{database}"

    def settings(self) -> str:
        names = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers")
        return ", ".join(f"{name} {self.sql(f'show {name}')}" for name in names)
