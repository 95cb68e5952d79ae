"""A far side that speaks the forms of OpenAI and Anthropic, and fails where the name of the model says so.

Prints a line of JSON with its port, then one line for every request. Models: `good-*` answer; `cut-*` break off in the
middle of a stream, `html-*` answer a page, `empty-*` without a choice, `limit-*` with 429, `wrong-*` with 400,
`late-*` never; `echo-*` say what they were asked,
`json-*` what `SAYS` has, `twice-*` fit at the second time;
`crm-*` call functions.
"""

import json
import re
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler

TELLING = threading.Lock()
CALL = re.compile(r"CALL (\w+) (\{.*?\}) ;")
SAYS = {
    "sentiment": 'Here you are:\n```json\n{"sentiment": "negative", "score": 0.1, "confidence": 0.93,}\n```',
    "translation": '{"translatedText": "Onde estão as lâmpadas?", "sourceLanguage": "en"}',
    "entities": '{"name": ["Ana Prado", "Nobody Real"], "email": [], "phone": [], "company": [], "date": [], "money": []}',
    "score": '{"score": 100, "recommendation": "Call her now."}',
    "replies": '{"replies": [{"text": "One.", "tone": "formal", "confidence": 0.5}]}',
}
TEXT = "The lamps left on Monday, and arrive by Friday."


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        told = {"path": self.path, "key": self.headers.get("authorization") or self.headers.get("x-api-key"), "body": body}
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
        if model.startswith("empty"):
            return self.json({"model": model, "choices": []})
        if self.path.endswith("/embeddings"):
            data = [{"index": at, "embedding": [0.5, -0.25, at]} for at, _ in enumerate(body["input"])]
            return self.json({"model": model, "data": data, "usage": {"prompt_tokens": 3}})
        said = next((m["content"] for m in body["messages"] if m["role"] == "assistant"), "")
        text = TEXT[len(said if isinstance(said, str) else said[0]["text"]):]
        if model.startswith("json"):
            text = SAYS.get(model.removeprefix("json-"), "{}")
        if model.startswith("crm"):
            return self.crm(model, body["messages"])
        if model.startswith("twice") and len(body["messages"]) > 2:
            text = SAYS["sentiment"]
        if model.startswith("echo"):
            text = body["messages"][-1]["content"]
            text = text if isinstance(text, str) else text[0]["text"]
        form = self.anthropic if self.path.endswith("/messages") else self.openai
        form(model, text, body)

    def crm(self, model, messages):
        """Calls the functions that the last question names, one after the other, and then says what the last one told.

        `crm-obey` does what stands in results, too; `crm-loop` never comes to an end.
        """
        asked = max(at for at, m in enumerate(messages) if m["role"] == "user")
        results = [m["content"] for m in messages[asked:] if m["role"] == "tool"]
        script = CALL.findall(messages[asked]["content"])
        if model.startswith("crm-obey"):
            script += [call for result in results for call in CALL.findall(result.replace('\\"', '"'))]
        if model.startswith("crm-loop"):
            script = [("find_records", '{"object": "deal"}')] * 1000
        usage = {"prompt_tokens": 11, "completion_tokens": 7}
        message = {"role": "assistant", "content": "Done: " + (results[-1] if results else "nothing")}
        if len(results) < len(script):
            name, arguments = script[len(results)]
            call = {"id": f"call_{len(results)}", "type": "function", "function": {"name": name, "arguments": arguments}}
            message = {"role": "assistant", "content": None, "tool_calls": [call]}
        reason = "tool_calls" if message.get("tool_calls") else "stop"
        self.json({"model": model, "choices": [{"message": message, "finish_reason": reason}], "usage": usage})

    def openai(self, model, text, body):
        usage = {"prompt_tokens": 11, "completion_tokens": 7}
        calls = [{"index": 0, "id": "call_1", "type": "function", "function": {"name": t["function"]["name"], "arguments": "{\"id\": 7}"}} for t in body.get("tools", [])[:1]]
        reason = "tool_calls" if calls else "stop"
        if not body.get("stream"):
            message = {"role": "assistant", "content": None if calls else text, "tool_calls": calls or None}
            return self.json({"model": model, "choices": [{"message": message, "finish_reason": reason}], "usage": usage})
        delta = lambda delta, finish=None: {"model": model, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
        pieces = [delta({"tool_calls": calls})] if calls else [delta({"content": text[at:at + 8]}) for at in range(0, len(text), 8)]
        self.stream(pieces + [delta({}, reason), {"choices": [], "usage": usage}], model, "data: [DONE]\n\n")

    def anthropic(self, model, text, body):
        usage = {"input_tokens": 11, "output_tokens": 7}
        if not body.get("stream"):
            return self.json({"model": model, "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "usage": usage})
        piece = lambda text: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
        pieces = [{"type": "message_start", "message": {"usage": usage}}, {"type": "content_block_start", "content_block": {"type": "text"}}]
        pieces += [piece(text[at:at + 8]) for at in range(0, len(text), 8)]
        pieces += [{"type": "content_block_stop"}, {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage}, {"type": "message_stop"}]
        self.stream(pieces, model, "")

    def stream(self, pieces, model, end):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        for at, piece in enumerate(pieces):
            if model.startswith("cut") and at == 3:
                return
            self.wfile.write(f"data: {json.dumps(piece)}\n\n".encode())
            self.wfile.flush()
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


with Server(("127.0.0.1", 0), Handler) as server:
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    server.serve_forever()
