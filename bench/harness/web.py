"""A small HTTP client that keeps its connection."""

from __future__ import annotations

import http.client
import json
import time
import uuid
from dataclasses import dataclass

from .errors import BenchError

TIMEOUT_SECONDS = 120


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self):
        return json.loads(self.body)


class Client:
    def __init__(self, port: int, token: str | None = None):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def send(self, method: str, path: str, body: bytes | None = None, kind: str = "application/json") -> Answer:
        headers = dict(self.headers)
        if body is not None:
            headers["Content-Type"] = kind
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        names = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, names, response.read())

    def expect(self, status: int, method: str, path: str, body=None) -> Answer:
        encoded = None if body is None else json.dumps(body).encode()
        return self.checked(status, method, path, self.send(method, path, encoded))

    def upload(self, status: int, path: str, file_name: str, content: bytes, fields: dict[str, str]) -> Answer:
        boundary = uuid.uuid4().hex
        body = multipart(boundary, file_name, content, fields)
        answer = self.send("POST", path, body, f"multipart/form-data; boundary={boundary}")
        return self.checked(status, "POST", path, answer)

    def checked(self, status: int, method: str, path: str, answer: Answer) -> Answer:
        if answer.status != status:
            words = answer.body[:500].decode(errors="replace")
            raise BenchError(f"{method} {path} answered {answer.status} where {status} was expected: {words}")
        return answer

    def close(self) -> None:
        self.connection.close()


def multipart(boundary: str, file_name: str, content: bytes, fields: dict[str, str]) -> bytes:
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{file_name}"\r\n'
        "Content-Type: text/csv\r\n\r\n".encode()
    )
    return b"".join(parts) + content + f"\r\n--{boundary}--\r\n".encode()


def first_answer(port: int, path: str, still_running, limit_seconds: float = 60.0) -> None:
    """Asks until the first 200; `still_running` raises when the server has ended."""
    deadline = time.monotonic() + limit_seconds
    while time.monotonic() < deadline:
        try:
            client = Client(port)
            status = client.send("GET", path).status
            client.close()
            if status == 200:
                return
        except OSError:
            pass
        except http.client.HTTPException:
            pass
        still_running()
        time.sleep(0.002)
    raise BenchError(f"no 200 on {path} within {limit_seconds:.0f} s")
