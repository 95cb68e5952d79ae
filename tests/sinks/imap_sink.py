"""A mail server that holds one mailbox in memory: it prints its port, then does what each line of its input says (JSON):

  {"append": ["<a mail>"]}   puts mails into the inbox, each in base64
  {"flags": true}            tells the flags of all mails
Each is answered by one line. SINK_PASSWORD is the password of the user "help"; SINK_PORT a port instead of a free one;
SINK_CERT and SINK_KEY have it speak TLS from the first byte. Runs until its standard input ends.
"""

import argparse
import asyncio
import base64
import imaplib
import json
import os
import ssl
import sys

from proxyprotocol.noop import ProxyProtocolNoop
from proxyprotocol.reader import ProxyProtocolReader
from pymap.backend.dict import DictBackend
from pymap.imap import IMAPServer, IMAPService

USER = "help"
PASSWORD = os.environ.get("SINK_PASSWORD", "word")


def arguments():
    parser = argparse.ArgumentParser()
    DictBackend.add_subparser("dict", parser.add_subparsers(dest="backend"))
    IMAPService.add_arguments(parser)
    parser.set_defaults(debug=False, skip_services=[], passlib_cfg=None)
    return parser.parse_args(["--no-tls", "dict", "--demo-user", USER, "--demo-password", PASSWORD])


def wrapped():
    if "SINK_CERT" not in os.environ:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.environ["SINK_CERT"], os.environ["SINK_KEY"])
    return context


def do(port, wish):
    client = imaplib.IMAP4("127.0.0.1", port)
    # Not LOGIN: the server refuses it without TLS.
    client.authenticate("PLAIN", lambda _: f"\0{USER}\0{PASSWORD}".encode())
    try:
        if "append" in wish:
            return [client.append("INBOX", None, None, base64.b64decode(mail))[0] for mail in wish["append"]]
        client.select("INBOX", readonly=True)
        return [str(one) for one in client.fetch("1:*", "(FLAGS)")[1]]
    finally:
        client.logout()


async def main():
    backend, config = await DictBackend.init(arguments())
    config.apply_context()
    callback = ProxyProtocolReader(ProxyProtocolNoop()).get_callback(IMAPServer(backend.login, config))
    port = int(os.environ.get("SINK_PORT", "0"))
    server = await asyncio.start_server(callback, "127.0.0.1", port, ssl=wrapped())
    port = server.sockets[0].getsockname()[1]
    print(json.dumps({"port": port}), flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(await loop.run_in_executor(None, do, port, json.loads(line))), flush=True)
    os._exit(0)


asyncio.run(main())
