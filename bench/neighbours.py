"""Whether others are slowed while one tenant is flooded: 50,000 messages come in by a channel of one tenant, in five
deliveries, while another reads, writes and gets messages of its own, one request after the other.

Times in milliseconds: median, 99 of 100, worst. The server is started on a folder of its own, or on DATABASE_URL.

  bench/neighbours.py --kith target/release/kith
"""

import argparse
import http.client
import json
import os
import subprocess
import tempfile
import time
import urllib.request

PORT = 4391
BASE = f"http://127.0.0.1:{PORT}"


def ask(path, body=None, token=None, key=None):
    headers = {"content-type": "application/json"}
    headers |= {"authorization": f"Bearer {token}"} if token else {}
    headers |= {"x-api-key": key} if key else {}
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(BASE + path, data, headers), timeout=60) as answer:
        return json.load(answer)


class Tenant:
    def __init__(self, name):
        who = {"email": f"{name}@bench.example", "password": "a password of the bench", "tenantName": name}
        self.token = ask("/api/auth/register", who)["token"]
        channel = ask("/api/channels", {"type": "API", "name": "Shop"}, self.token)["id"]
        self.key = ask(f"/api/channels/{channel}/webhook", token=self.token)["apiKey"]
        self.hook = f"/api/webhooks/in/{channel}"

    def get(self, path):
        return ask(path, token=self.token)


def told(times):
    times.sort()
    return [round(1000 * one, 1) for one in (times[len(times) // 2], times[int(len(times) * 0.99)], times[-1])]


def measure(tenant, seconds):
    wire = http.client.HTTPConnection("127.0.0.1", PORT)
    member = {"authorization": f"Bearer {tenant.token}", "content-type": "application/json"}
    by_key = {"x-api-key": tenant.key, "content-type": "application/json"}
    times = {"read": [], "write": [], "webhook": []}
    end = time.time() + seconds
    while time.time() < end:
        said = {"id": str(time.time()), "from": {"id": "somebody"}, "content": "x"}
        for kind, method, path, body, headers in (
            ("read", "GET", "/api/contacts?limit=20", None, member),
            ("write", "POST", "/api/contacts", json.dumps({"name": "Somebody"}), member),
            ("webhook", "POST", tenant.hook, json.dumps(said), by_key),
        ):
            began = time.time()
            wire.request(method, path, body, headers)
            answer = wire.getresponse()
            answer.read()
            assert answer.status < 300, (path, answer.status)
            times[kind].append(time.time() - began)
        time.sleep(0.005)
    return {kind: told(all) for kind, all in times.items()}


def run():
    flooded, calm = Tenant("flooded"), Tenant("calm")
    print("alone  ", json.dumps(measure(calm, 4)), flush=True)
    for part in range(5):
        all = [{"id": f"{part}-{at}", "from": {"id": f"p{at % 300}"}, "content": f"message {at}"} for at in range(10_000)]
        ask(flooded.hook, {"messages": all}, key=flooded.key)
    began = time.time()
    print("flooded", json.dumps(measure(calm, 8)), flush=True)
    done = flooded.get("/api/messages?limit=1&count=exact")["total"]
    print(f"{done} of 50,000 worked on after {time.time() - began:.0f} s; ", end="")
    began = time.time()
    ask(calm.hook, {"id": "last", "from": {"id": "somebody"}, "content": "the last"}, key=calm.key)
    while not any(one["content"] == "the last" for one in calm.get("/api/messages?limit=5")["data"]):
        time.sleep(0.005)
    print(f"a message to the other is there after {1000 * (time.time() - began):.0f} ms")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kith", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        env = os.environ | {"KITH_DATA": folder, "PORT": str(PORT), "RATE_LIMIT_API": "0", "RATE_LIMIT_AUTH": "0",
                            "LOG_LEVEL": "warn", "PASSWORD_MEMORY_KIB": "64"}
        process = subprocess.Popen([options.kith, "serve"], env=env, stdout=subprocess.PIPE, text=True)
        try:
            process.stdout.readline()
            run()
        finally:
            process.terminate()
            process.wait()


main()
