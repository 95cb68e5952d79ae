"""What answers as S3 does: moto, behind a door that checks every signature by itself and fails when it is told to.

It prints its port. The bucket `files` is there; the key is `kith` with the secret `not very secret`.
  PUT /_sink/fail/n     the next n requests are answered by 503
  PUT /_sink/cut/n      of the next n requests the connection is closed without an answer
  PUT /_sink/after/n    n requests are let through before that
  GET /_sink/uploads    the keys of uploads in parts that have not ended, as JSON
  GET /_sink/objects    everything that is in the bucket, as JSON: {key: base64}
With a certificate and its key as arguments it speaks TLS, and is told what to do on another port (`control`).
Runs until its standard input ends.
"""

import base64
import hashlib
import hmac
import json
import os
import socket
import sys
import threading
import time
from calendar import timegm
from urllib.parse import parse_qsl, quote

from moto.s3.models import s3_backends
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

KEY, SECRET, REGION, BUCKET = "kith", "not very secret", "eu-test-1", "files"

os.environ["MOTO_ALLOW_NONEXISTENT_REGION"] = "true"
faults = {"fail": 0, "cut": 0, "after": 0}
lock = threading.Lock()
moto = DomainDispatcherApplication(create_backend_app)


def signed(environ):
    """Whether the address was signed with our secret, for this method and host, and is still good."""
    query = dict(parse_qsl(environ["QUERY_STRING"], keep_blank_values=True))
    signature = query.pop("X-Amz-Signature", "")
    date = query.get("X-Amz-Date", "")
    scope = f"{date[:8]}/{REGION}/s3/aws4_request"
    if query.get("X-Amz-Credential") != f"{KEY}/{scope}":
        return False
    made = timegm(time.strptime(date, "%Y%m%dT%H%M%SZ"))
    if not made - 60 <= time.time() <= made + int(query["X-Amz-Expires"]):
        return False
    told = "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in sorted(query.items()))
    path = quote(environ["PATH_INFO"], safe="/-_.~")
    host = environ["HTTP_HOST"]
    request = f"{environ['REQUEST_METHOD']}\n{path}\n{told}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
    text = f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = b"AWS4" + SECRET.encode()
    for word in [date[:8], REGION, "s3", "aws4_request", text]:
        key = hmac.new(key, word.encode(), hashlib.sha256).digest()
    return hmac.compare_digest(key.hex(), signature)


def bucket():
    for account in s3_backends.values():
        for backend in account.values():
            if BUCKET in backend.buckets:
                return backend.buckets[BUCKET]
    raise KeyError(BUCKET)


def control(environ):
    words = environ["PATH_INFO"].split("/")
    if words[2] == "objects":
        return {key: base64.b64encode(one.value).decode() for key, one in bucket().keys.items()}
    if words[2] == "uploads":
        return sorted(upload.key_name for upload in bucket().multiparts.values())
    with lock:
        faults[words[2]] = int(words[3])
    return {}


def answer(start, status, body, kind="application/xml"):
    start(status, [("content-type", kind), ("content-length", str(len(body)))])
    return [body]


def take(fault):
    with lock:
        if faults[fault] == 0 or faults["after"] > 0:
            return False
        faults[fault] -= 1
        return True


def door(environ, start):
    if environ["PATH_INFO"].startswith("/_sink/"):
        return answer(start, "200 OK", json.dumps(control(environ)).encode(), "application/json")
    if take("cut"):
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        raise ConnectionAbortedError
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    if take("fail"):
        return answer(start, "503 Slow Down", b"<Error><Code>SlowDown</Code></Error>")
    with lock:
        faults["after"] = max(0, faults["after"] - 1)
    if not signed(environ):
        return answer(start, "403 Forbidden", b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
    import io

    environ["wsgi.input"] = io.BytesIO(body)
    return moto(environ, start)


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_):
        pass


def main():
    tls = tuple(sys.argv[1:3]) or None
    server = make_server("127.0.0.1", 0, door, threaded=True, request_handler=Quiet, ssl_context=tls)
    plain = make_server("127.0.0.1", 0, door, threaded=True, request_handler=Quiet) if tls else server
    backend = s3_backends["123456789012"]["aws"]
    backend.create_bucket(BUCKET, REGION)
    print(json.dumps({"port": server.server_port, "control": plain.server_port}), flush=True)
    if tls:
        threading.Thread(target=plain.serve_forever, daemon=True).start()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


main()
