"""A mail server that keeps nothing: it prints its port, then each mail it received, one JSON object per line.

Faults, by environment:
  SINK_REFUSE_FIRST=n        the first n mails are answered by SINK_REFUSE_WITH (default "451 try again") and not printed
  SINK_CLOSE_AFTER_DATA=n    the first n mails are received (and printed), then the connection is closed without an answer
  SINK_SILENT_FIRST=n        the first n mails are received (and printed), then nothing is ever answered
  SINK_PASSWORD=words        a sign-in with this password is required
Runs until its standard input ends.
"""

import asyncio
import email
import email.policy
import json
import os
import sys

from aiosmtpd.smtp import SMTP, AuthResult


def number(name):
    return int(os.environ.get(name, "0"))


class Sink:
    def __init__(self):
        self.refuse = number("SINK_REFUSE_FIRST")
        self.close = number("SINK_CLOSE_AFTER_DATA")
        self.silent = number("SINK_SILENT_FIRST")

    async def handle_DATA(self, server, session, envelope):
        if self.refuse > 0:
            self.refuse -= 1
            return os.environ.get("SINK_REFUSE_WITH", "451 try again")
        show(envelope)
        if self.close > 0:
            self.close -= 1
            server.transport.abort()
        elif self.silent > 0:
            self.silent -= 1
            await asyncio.sleep(3600)
        return "250 taken"


def show(envelope):
    mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
    part = lambda kind: (body := mail.get_body((kind,))) and body.get_content()
    print(
        json.dumps(
            {
                "sender": envelope.mail_from,
                "receivers": envelope.rcpt_tos,
                "headers": {name.lower(): str(value) for name, value in mail.items()},
                "text": part("plain"),
                "html": part("html"),
                "files": [
                    {"name": file.get_filename(), "type": file.get_content_type(), "size": len(file.get_payload(decode=True))}
                    for file in mail.iter_attachments()
                ]
                if mail.is_multipart()
                else [],
            }
        ),
        flush=True,
    )


def authenticate(server, session, envelope, mechanism, data):
    # Not handled: the server itself says 535.
    return AuthResult(success=data.password == os.environ["SINK_PASSWORD"].encode(), handled=False)


async def main():
    sink = Sink()
    asks = "SINK_PASSWORD" in os.environ
    options = {"authenticator": authenticate, "auth_required": True, "auth_require_tls": False} if asks else {}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(sink, hostname="sink", loop=loop, **options), "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    # The one who started it holds the other end: when that goes, this ends too.
    await loop.run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(main())
