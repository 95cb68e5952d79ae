"""The entity interface of Base44 as far as a sync needs it, with the faults of the world.

It reads its world from the file that is its argument, anew at each request:
  {"key": …, "entities": {"Contact": [{"id": …, "created_date": …, …}]},
   "faults": [{"after": n, "status": 429, "retryAfter": 30} | {"after": n, "cut": true} | {"after": n, "silent": true}],
   "endless": "Contact", "stuck": "Contact"}
The fault of a number is what the request behind so many others meets, once. It prints its port, then each request.
Runs until its standard input ends.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

lock = threading.Lock()
asked = 0


def tell(what):
    print(json.dumps(what), flush=True)


class Base44(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers=()):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        global asked
        with open(sys.argv[1], encoding="utf-8") as file:
            world = json.load(file)
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        with lock:
            number, asked = asked, asked + 1
            tell({"path": url.path, "skip": int(query.get("skip", 0)), "key": self.headers.get("api_key")})
        if self.headers.get("api_key") != world["key"]:
            return self.answer(401, {"message": "Unauthorized"})
        parts = url.path.strip("/").split("/")
        if len(parts) != 5 or parts[:2] != ["api", "apps"] or parts[3] != "entities":
            return self.answer(404, {"message": "Not found"})
        entity, skip, limit = parts[4], int(query.get("skip", 0)), int(query.get("limit", 50))
        for fault in world.get("faults", []):
            if fault["after"] == number:
                return self.fail(fault)
        if world.get("endless") == entity:
            rows = [{"id": f"e{at}", "first_name": "Endless", "last_name": str(at)} for at in range(skip, skip + limit)]
            return self.answer(200, rows)
        if entity not in world["entities"]:
            return self.answer(404, {"message": f"Entity {entity} not found"})
        rows = sorted(world["entities"][entity], key=lambda row: row.get("created_date", "") if isinstance(row, dict) else "")
        skip = 0 if world.get("stuck") == entity else skip
        return self.answer(200, rows[skip : skip + limit])

    def fail(self, fault):
        if fault.get("silent"):
            self.close_connection = True
            return self.connection.recv(1)
        if fault.get("cut"):
            return self.answer(200, b'[{"id": "x1", "first_na')
        headers = [("retry-after", str(fault["retryAfter"]))] if "retryAfter" in fault else []
        return self.answer(fault["status"], {"message": "not now"}, headers)


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Base44)
    server.daemon_threads = True
    tell({"port": server.server_port})
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


main()
