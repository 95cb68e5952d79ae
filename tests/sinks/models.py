"""A far side that speaks the forms of OpenAI and Anthropic, and fails where the name of the model says so.

Prints a line of JSON with its port, then one line for every request. Models: `good-*` answer; `cut-*` break off in the
middle of a stream, `snap-*` behind its first piece, `html-*` answer a page, `empty-*` without a choice, `limit-*` with 429,
`wrong-*` with 400, `none-*` with 404, `denied-*` with 401, `late-*` never; `slow-*` pause between pieces;
`echo-*` say what they were asked, `json-*` what `SAYS` has, `twice-*` fit at the second time, `crm-*` call functions; `obey-*` call whatever function the
last question names, offered or not, and say what it told. Who is given a tool asks for it, and answers once it has the result.
"""

import json
import os
import re
import socketserver
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler

TEXT = "The lamps left on Monday, and arrive by Friday."
TELLING = threading.Lock()
ASKED = {}
ARGUMENTS = {"id": 7}
CALL = re.compile(r"CALL (\w+) (\{.*?\}) ;")
SAYS = {
    "sentiment": 'Here you are:\n```json\n{"sentiment": "negative", "score": 0.1, "confidence": 0.93,}\n```',
    "translation": '{"translatedText": "Onde estão as lâmpadas?", "sourceLanguage": "en"}',
    "entities": '{"name": ["Ana Prado", "Nobody Real"], "email": [], "phone": [], "company": [], "date": [], "money": []}',
    "score": '{"score": 100, "recommendation": "Call her now."}',
    "replies": '{"replies": [{"text": "One.", "tone": "formal", "confidence": 0.5}]}',
}
FITTING = {"day": "Friday", "lamps": 2}


def rest(messages):
    """The text, but for what was said before it was cut off."""
    said = next((m["content"] for m in messages if m["role"] == "assistant"), None) or ""
    said = said if isinstance(said, str) else said[0].get("text", "")
    return TEXT[len(said):] if TEXT.startswith(said) else TEXT


def said(model, messages):
    """What a model says whose name tells it what to say."""
    if model.startswith("echo"):
        text = messages[-1]["content"]
        return text if isinstance(text, str) else text[0]["text"]
    if model.startswith("json"):
        return SAYS.get(model.removeprefix("json-"), "{}")
    if model.startswith("twice"):
        return SAYS["sentiment"] if len(messages) > 2 else TEXT
    return rest(messages)


def heard(raw):
    """What a form asks, and how many bytes its file has."""
    boundary = raw.split(b"\r\n", 1)[0]
    asked = {}
    for part in raw.split(boundary)[1:-1]:
        head, value = part.removeprefix(b"\r\n").split(b"\r\n\r\n", 1)
        name = re.search(rb'name="(\w+)"', head)[1].decode()
        value = value.removesuffix(b"\r\n")
        asked[name] = len(value) if name == "file" else value.decode()
        if name == "file":
            asked["filename"] = re.search(rb'filename="([^"]+)"', head)[1].decode()
    return asked


def by_words(text, width):
    vector = [0.01] * width
    for word in re.findall(r"\w+", text.lower()):
        word = {"lantern": "lamp", "lanterns": "lamp", "lamps": "lamp"}.get(word, word)
        vector[sum(word.encode()) * 31 % width] += 1
    return vector


def eights(text):
    return [text[at:at + 8] for at in range(0, len(text), 8)]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        raw = self.rfile.read(int(self.headers["content-length"]))
        is_sound = self.path.endswith("/audio/transcriptions")
        body = heard(raw) if is_sound else json.loads(raw)
        told = {"path": self.path, "key": self.headers.get("authorization") or self.headers.get("x-api-key"), "body": body}
        # Lines of requests that come together must not run into each other.
        with TELLING:
            print(json.dumps(told), flush=True)
        model = body["model"]
        if model.startswith("late"):
            time.sleep(60)
        if model.startswith("html"):
            return self.whole(200, b"<html>maintenance</html>", "text/html")
        if model.startswith("limit"):
            return self.error(429, "slow down")
        if model.startswith("wrong"):
            return self.error(400, "that is wrong")
        if model.startswith("denied"):
            return self.error(401, f"there is no key {told['key']}")
        if model.startswith("none"):
            return self.error(404, "there is no such model")
        if model.startswith("empty"):
            return self.json({"model": model, "choices": []})
        if is_sound:
            return self.json({"text": "We talked about the price of lanterns. It is nine euros.", "usage": {"type": "duration", "seconds": 7}})
        if self.path.endswith("/embeddings"):
            return self.embeddings(model, body["input"])
        if model.startswith("crm"):
            return self.crm(model, body["messages"])
        form = self.anthropic if self.path.endswith("/messages") else self.openai
        form(model, body)

    def embeddings(self, model, texts):
        """Vectors: of `words-*` by the words of a text, where lamps are lanterns, in as many dimensions as the name ends in.

        `shy-*` say 429 at first, `grow-*` have more dimensions after that; `nan-*`, `null-*`, `zero-*` give none that are."""
        asked = ASKED[model] = ASKED.get(model, 0) + 1
        if model.startswith("shy") and asked == 1:
            return self.error(429, "slow down")
        if model.startswith("picky") and any("xylophone" in text for text in texts):
            return self.error(400, "I know no xylophones")
        width = {"words-32": 32, "grow": 16 if asked == 1 else 24}.get(model, 16)
        made = [[0.5, -0.25, at] if model.startswith("good") else by_words(text, width) for at, text in enumerate(texts)]
        bad = {"nan": float("nan"), "null": None, "zero": 0}
        if model in bad:
            made = [[bad[model]] * width for _ in texts]
        data = [{"index": at, "embedding": vector} for at, vector in enumerate(made)]
        self.json({"model": model, "data": data, "usage": {"prompt_tokens": 3}})

    def crm(self, model, messages):
        """Calls the functions that the last question names, one after the other, and then says what the last one told.

        `crm-obey` does what stands in results, too; `crm-loop` never comes to an end, `crm-fail` fails behind the last call.
        """
        asked = max(at for at, m in enumerate(messages) if m["role"] == "user")
        results = [m["content"] for m in messages[asked:] if m["role"] == "tool"]
        script = CALL.findall(messages[asked]["content"])
        if model.startswith("crm-obey"):
            script += [call for result in results for call in CALL.findall(result.replace('\\"', '"'))]
        if model.startswith("crm-loop"):
            script = [("find_records", '{"object": "deal"}')] * 1000
        if model.startswith("crm-fail") and len(results) == len(script):
            return self.error(500, "I am not well")
        usage = {"prompt_tokens": 11, "completion_tokens": 7}
        message = {"role": "assistant", "content": "Done: " + (results[-1] if results else "nothing")}
        if len(results) < len(script):
            name, arguments = script[len(results)]
            call = {"id": f"call_{len(results)}", "type": "function", "function": {"name": name, "arguments": arguments}}
            message = {"role": "assistant", "content": None, "tool_calls": [call]}
        reason = "tool_calls" if message.get("tool_calls") else "stop"
        self.json({"model": model, "choices": [{"message": message, "finish_reason": reason}], "usage": usage})

    def openai(self, model, body):
        usage = {"prompt_tokens": 11, "completion_tokens": 7}
        is_told = any(m["role"] == "tool" for m in body["messages"])
        names = [] if is_told else [tool["function"]["name"] for tool in body.get("tools", [])[:1]]
        if "obey" in model:
            asked = max(at for at, m in enumerate(body["messages"]) if m["role"] == "user")
            results = [m["content"] for m in body["messages"][asked:] if m["role"] == "tool"]
            text = body["messages"][asked]["content"]
            script = CALL.findall(text) or [(name, json.dumps(ARGUMENTS)) for name in re.findall(r"[a-z]+_[a-z]+", text)]
            names = [] if results else script[:1]
        else:
            names = [(name, json.dumps(ARGUMENTS)) for name in names]
        calls = [{"index": 0, "id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}} for name, arguments in names]
        fits = "response_format" in body and not model.startswith(("json", "twice"))
        text = json.dumps(FITTING) if fits else said(model, body["messages"])
        if "obey" in model and not calls:
            text = f"At seven [1]. I was told {results}."
        reason = "tool_calls" if calls else "stop"
        if not body.get("stream"):
            message = {"role": "assistant", "content": None if calls else text, "tool_calls": calls or None}
            return self.json({"model": model, "choices": [{"message": message, "finish_reason": reason}], "usage": usage})
        delta = lambda delta, finish=None: {"model": model, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
        pieces = [delta({"tool_calls": calls})] if calls else [delta({"content": piece}) for piece in eights(text)]
        self.stream(pieces + [delta({}, reason), {"choices": [], "usage": usage}], model, "data: [DONE]\n\n")

    def anthropic(self, model, body):
        usage = {"input_tokens": 11, "output_tokens": 7}
        parts = [part for m in body["messages"] if isinstance(m["content"], list) for part in m["content"]]
        is_told = any(part["type"] == "tool_result" for part in parts)
        wanted = body.get("tool_choice", {}).get("name")
        names = [] if is_told else [tool["name"] for tool in body.get("tools", [])[:1]]
        # An answer that must fit a schema comes by a tool that must be used.
        calls = [{"type": "tool_use", "id": "call_1", "name": name, "input": FITTING if name == wanted else ARGUMENTS} for name in names]
        text = said(model, body["messages"])
        reason = "tool_use" if calls else "end_turn"
        if not body.get("stream"):
            content = calls or [{"type": "text", "text": text}]
            return self.json({"model": model, "content": content, "stop_reason": reason, "usage": usage})
        pieces = [{"type": "message_start", "message": {"usage": usage}}]
        for call in calls:
            pieces.append({"type": "content_block_start", "content_block": call | {"input": {}}})
            pieces += [{"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": piece}} for piece in eights(json.dumps(call["input"]))]
        if not calls:
            pieces.append({"type": "content_block_start", "content_block": {"type": "text"}})
            pieces += [{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}} for piece in eights(text)]
        pieces += [{"type": "content_block_stop"}, {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage}, {"type": "message_stop"}]
        self.stream(pieces, model, "")

    def stream(self, pieces, model, end):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        for at, piece in enumerate(pieces):
            if model.startswith("cut") and at == 3 or model.startswith("snap") and at == 1:
                return
            self.wfile.write(f"data: {json.dumps(piece)}\n\n".encode())
            self.wfile.flush()
            if model.startswith("slow"):
                time.sleep(0.02)
        self.wfile.write(end.encode())

    def error(self, status, words):
        self.whole(status, json.dumps({"error": {"message": words}}).encode(), "application/json")

    def json(self, value):
        self.whole(200, json.dumps(value).encode(), "application/json")

    def whole(self, status, body, kind):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 1024


if "--with-parent" in sys.argv:
    # Whoever started this holds the other end, and is gone when it is closed.
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()

with Server(("127.0.0.1", 0), Handler) as server:
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    server.serve_forever()
