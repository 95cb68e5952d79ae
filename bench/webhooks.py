"""Webhook acknowledgements: how many signed deliveries of WhatsApp a second are taken, and when all are worked on.

Each delivery holds one message of its own. Needs `wrk`; the server is started on a folder of its own, or on
DATABASE_URL. CPU is that of the server, user and system, from /proc.

  bench/webhooks.py --kith target/release/kith [--connections 16] [--seconds 8] [--deliveries 60000]
"""

import argparse
import hashlib
import hmac
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request

SECRET = "a secret of the bench"
NUMBER = "15550001111"


def ask(base, path, body=None, token=None):
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(base + path, data, headers), timeout=30) as answer:
        return json.load(answer)


def delivery(number, people):
    message = {"id": f"wamid.{number}", "from": f"55119{number % people:08}", "timestamp": "1763700000",
               "type": "text", "text": {"body": f"Is order {number} on its way?"}}
    contact = {"profile": {"name": f"Person {number % people}"}, "wa_id": message["from"]}
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": NUMBER},
             "contacts": [contact], "messages": [message]}
    body = json.dumps({"object": "whatsapp_business_account",
                       "entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]})
    return "sha256=" + hmac.new(SECRET.encode(), body.encode(), hashlib.sha256).hexdigest() + "\t" + body


def cpu(process):
    fields = open(f"/proc/{process.pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kith", required=True)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--deliveries", type=int, default=60_000)
    parser.add_argument("--people", type=int, default=500)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        port = "4390"
        env = os.environ | {"KITH_DATA": folder, "PORT": port, "RATE_LIMIT_API": "0", "RATE_LIMIT_AUTH": "0",
                            "LOG_LEVEL": "warn", "PASSWORD_MEMORY_KIB": "64"}
        process = subprocess.Popen([options.kith, "serve"], env=env, stdout=subprocess.PIPE, text=True)
        try:
            process.stdout.readline()
            run(options, f"http://127.0.0.1:{port}", process, folder)
        finally:
            process.terminate()
            process.wait()


def run(options, base, process, folder):
    register = {"email": "bench@kith.example", "password": "a long enough password", "tenantName": f"Bench {time.time()}"}
    token = ask(base, "/api/auth/register", register)["token"]
    config = {"phoneNumberId": NUMBER, "accessToken": "token", "appSecret": SECRET}
    ask(base, "/api/channels", {"type": "WHATSAPP", "name": "Bench", "config": config}, token)
    threads = 2
    for thread in range(threads):
        with open(f"{folder}/deliveries.{thread}", "w") as out:
            for number in range(thread, options.deliveries, threads):
                out.write(delivery(number, options.people) + "\n")
    env = os.environ | {"DELIVERIES": f"{folder}/deliveries"}
    script = os.path.join(os.path.dirname(__file__), "webhooks.lua")
    before, began = cpu(process), time.time()
    wrk = subprocess.run(["wrk", f"-t{threads}", f"-c{options.connections}", f"-d{options.seconds}s", "-s", script, base],
                         env=env, capture_output=True, text=True, check=True)
    told = json.loads(wrk.stdout.strip().splitlines()[-1])
    taken, count = cpu(process) - before, -1
    while True:
        now = ask(base, "/api/messages?limit=1&count=exact", token=token)["total"]
        if now == count:
            break
        count = now
        time.sleep(2)
    told |= {"acknowledged_per_second": round(told["requests"] / told["seconds"]),
             "cpu_ms_each": round(1000 * taken / told["requests"], 3), "messages": count,
             "worked_on_after_seconds": round(time.time() - began, 1),
             "cpu_ms_each_with_work": round(1000 * (cpu(process) - before) / told["requests"], 3)}
    json.dump(told, sys.stdout)
    print()


main()
