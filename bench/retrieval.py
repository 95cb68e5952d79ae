#!/usr/bin/env python3
"""W12: passages among many, beside ChromaDB (pip install chromadb numpy).

    bench/retrieval.py target/release/kith [chunks=200000] [tenants=10] [questions=300]

On the database that `DATABASE_URL` names, an empty one; else on SQLite in a folder of its own.

Texts of made-up words are uploaded to Kith, which reads, cuts, embeds and stores them; the vectors of the first tenant are asked of
Kith and given to ChromaDB, in one collection with as many of the other tenants. Both are then asked the same questions by their vectors'
meaning, within the first tenant; what is right is worked out exactly.
"""
import json, os, random, shutil, socket, subprocess, sys, tempfile, threading, time, urllib.request
import http.client
import numpy as np

binary, chunks = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 200_000
tenants, questions = (int(sys.argv[3]) if len(sys.argv) > 3 else 10), (int(sys.argv[4]) if len(sys.argv) > 4 else 300)
each, at_once = chunks // tenants, 1_000
rng = random.Random(7)
syllables = ["la", "mi", "ro", "te", "su", "ka", "no", "vi", "pe", "du", "ga", "fo", "ri", "be", "zu", "to"]
words = ["".join(rng.choices(syllables, k=rng.randint(2, 4))) for _ in range(20_000)]
topics = [rng.sample(words, 60) for _ in range(200)]


def port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def paragraph():
    topic = rng.choice(topics)
    text = " ".join(rng.choice(topic) if rng.random() < 0.7 else rng.choice(words) for _ in range(22))
    return text[:180]


class Kith:
    def __init__(self, folder):
        self.port = port()
        env = {"KITH_DATA": folder, "PORT": str(self.port), "KITH_EMBEDDINGS": "local", "LOG_LEVEL": "warn", "PATH": os.environ["PATH"]}
        env |= {f"RATE_LIMIT_{name}": "0" for name in ("AUTH", "API", "UPLOAD", "AI")}
        if "DATABASE_URL" in os.environ:
            secrets = ("JWT_SECRET", "SESSION_SECRET", "ENCRYPTION_KEY")
            env |= {"DATABASE_URL": os.environ["DATABASE_URL"]} | {name: (name * 4)[:32] for name in secrets}
        self.process = subprocess.Popen([binary, "serve"], env=env, stdout=subprocess.DEVNULL)
        for _ in range(200):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health").read()
                break
            except OSError:
                time.sleep(0.05)
        self.local = threading.local()

    def ask(self, method, path, body=None, token=None, kind="application/json"):
        if not hasattr(self.local, "wire"):
            self.local.wire = http.client.HTTPConnection("127.0.0.1", self.port)
            self.local.wire.connect()
            self.local.wire.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        headers = {"content-type": kind} | ({"authorization": f"Bearer {token}"} if token else {})
        self.local.wire.request(method, path, body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode(), headers)
        answer = self.local.wire.getresponse()
        content = answer.read()
        assert answer.status < 300, (path, answer.status, content[:300])
        return json.loads(content)


def percentile(times, share):
    return round(sorted(times)[min(len(times) - 1, int(len(times) * share))] * 1000, 2)


def main():
    folder = tempfile.mkdtemp()
    kith = Kith(os.path.join(folder, "kith"))
    try:
        measure(kith, folder)
    finally:
        kith.process.terminate()
        kith.process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def measure(kith, folder):
    tokens = []
    for number in range(tenants):
        who = {"email": f"ana{number}@bench.example", "password": "a password of the bench", "tenantName": f"Bench {number}"}
        tokens.append(kith.ask("POST", "/api/auth/register", who)["token"])
    texts = [[paragraph() for _ in range(each)] for _ in range(tenants)]
    size = sum(len(text) for some in texts for text in some)
    began = time.time()
    for token, some in zip(tokens, texts):
        for first in range(0, each, at_once):
            form = b"".join(
                f'--x\r\ncontent-disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
                for key, value in (("chunkSize", "200"), ("overlap", "0"))
            )
            form += b'--x\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
            form += "\n\n".join(some[first : first + at_once]).encode() + b"\r\n--x--\r\n"
            kith.ask("POST", "/api/documents", form, token, "multipart/form-data; boundary=x")
    for token in tokens:
        while True:
            left = kith.ask("GET", "/api/documents?status=processing&limit=1", None, token)["data"]
            if not left:
                break
            time.sleep(0.1)
    took = time.time() - began
    print(f"kith   insert: {chunks} chunks ({size >> 20} MB of text) read, cut, embedded, stored in {took:.1f} s: {chunks / took:.0f}/s", flush=True)
    token, own = tokens[0], texts[0]
    vectors = []
    for first in range(0, each, 256):
        answer = kith.ask("POST", "/api/ai/embeddings", {"texts": own[first : first + 256], "engine": "local"}, token)
        vectors += answer["embeddings"]
    vectors = np.array(vectors, dtype="f4")
    asked = [" ".join(rng.sample(rng.choice(own).split(), 9)) for _ in range(questions)]
    sought = np.array(
        [v for first in range(0, questions, 256) for v in kith.ask("POST", "/api/ai/embeddings", {"texts": asked[first : first + 256], "engine": "local"}, token)["embeddings"]],
        dtype="f4",
    )
    exact = np.argsort(-(sought @ vectors.T), axis=1)[:, :10]
    search = lambda text, token=token: kith.ask("POST", "/api/documents/search", {"query": text, "mode": "semantic", "limit": 10}, token)
    began = time.time()
    search(asked[0])
    print(f"kith   first question of a tenant (its index is made): {(time.time() - began) * 1000:.0f} ms", flush=True)
    times, right = [], 0
    for text, best in zip(asked, exact):
        began = time.time()
        found = search(text)
        times.append(time.time() - began)
        right += len({one["excerpt"] for one in found["data"]} & {own[at].strip() for at in best})
    print(f"kith   recall@10 {right / (10 * questions):.4f}, p50 {percentile(times, 0.5)} ms, p99 {percentile(times, 0.99)} ms", flush=True)
    times = []
    for text in asked:
        began = time.time()
        kith.ask("POST", "/api/documents/search", {"query": text, "limit": 10}, token)
        times.append(time.time() - began)
    print(f"kith   hybrid p50 {percentile(times, 0.5)} ms, p99 {percentile(times, 0.99)} ms", flush=True)
    with open(f"/proc/{kith.process.pid}/status") as status:
        print("kith  ", next(line for line in status if line.startswith("VmRSS")).split(":")[1].strip(), "resident", flush=True)
    chroma(folder, vectors, sought, exact)


def chroma(folder, vectors, sought, exact):
    import chromadb

    at = port()
    command = [shutil.which("chroma") or "chroma", "run", "--host", "127.0.0.1", "--port", str(at), "--path", os.path.join(folder, "chroma")]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                client = chromadb.HttpClient(host="127.0.0.1", port=at)
                break
            except Exception:
                time.sleep(0.1)
        made = client.create_collection("bench", metadata={"hnsw:space": "cosine"}, embedding_function=None)
        generator = np.random.default_rng(7)
        began = time.time()
        for tenant in range(tenants):
            # The other tenants' are the first one's in another order of dimensions: as far apart from each other, and from these.
            some = vectors if tenant == 0 else vectors[:, generator.permutation(vectors.shape[1])]
            for first in range(0, each, 1_000):
                part = some[first : first + 1_000]
                ids = [f"{tenant}-{first + number}" for number in range(len(part))]
                made.add(ids=ids, embeddings=part, metadatas=[{"tenant": tenant}] * len(part))
        took = time.time() - began
        print(f"chroma insert: {chunks} vectors in {took:.1f} s: {chunks / took:.0f}/s", flush=True)
        times, right = [], 0
        for vector, best in zip(sought, exact):
            began = time.time()
            found = made.query(query_embeddings=[vector], n_results=10, where={"tenant": 0}, include=["distances"])
            times.append(time.time() - began)
            right += len(set(found["ids"][0]) & {f"0-{at}" for at in best})
        print(f"chroma recall@10 {right / (10 * len(sought)):.4f}, p50 {percentile(times, 0.5)} ms, p99 {percentile(times, 0.99)} ms")
    finally:
        server.terminate()
        server.wait()


main()
