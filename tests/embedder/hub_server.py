"""A model hub on a real socket, as far as its library asks of it, that can misbehave on demand."""

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from safetensors.numpy import save_file

REPOSITORY, REVISION = "house/tiny", "a1" * 20
# The hub's library takes 10 MiB at a time, and forgets what it has of the next ten where the connection ends.
CHUNK_BYTES, MIDWAY = 10 * 1024 * 1024, 11_000_000
LARGE = (".safetensors", ".bin", ".pt")


@dataclass
class Hub:
    """What the hub holds and how it behaves; `asked` are the paths and ranges of its file requests."""

    files: dict[str, bytes]
    url: str = ""
    revision: str = REVISION
    status: int = 200
    error_code: str = ""
    # A file's name to the bytes that are sent before the connection ends, once; to what comes instead of its bytes; to
    # the seconds in its middle, once; to the address that it is sent on to.
    cut: dict[str, int] = field(default_factory=dict)
    forbidden: set[str] = field(default_factory=set)
    instead: dict[str, bytes] = field(default_factory=dict)
    stall: dict[str, float] = field(default_factory=dict)
    elsewhere: dict[str, str] = field(default_factory=dict)
    extra_names: tuple[str, ...] = ()
    claimed_size: dict[str, int] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    def listing(self) -> dict[str, Any]:
        names = [*self.files, *self.extra_names]
        return {"id": REPOSITORY, "sha": self.revision, "siblings": [self._sibling(name) for name in names]}

    def _sibling(self, name: str) -> dict[str, Any]:
        content = self.files.get(name, b"evil")
        size = self.claimed_size.get(name, len(content))
        blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        told: dict[str, Any] = {"rfilename": name, "size": size, "blobId": blob}
        if name.endswith(LARGE):
            told["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": size, "pointerSize": 1}
        return told


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.hub.tokens.append(self.headers.get("Authorization", ""))
        if path.startswith("/api/"):
            self._api()
        else:
            self._file(path.partition(f"/resolve/{REVISION}/")[2] or path.lstrip("/"))

    def _api(self) -> None:
        if self.hub.status != 200:
            headers = {"X-Error-Code": self.hub.error_code} if self.hub.error_code else {}
            return self._answer(self.hub.status, b"{}", headers)
        return self._answer(200, json.dumps(self.hub.listing()).encode(), {"Content-Type": "application/json"})

    def _file(self, name: str) -> None:
        self.hub.asked.append((name, self.headers.get("Range", "")))
        if name in self.hub.elsewhere:
            return self._answer(302, b"", {"Location": f"{self.hub.elsewhere[name]}/{name}"})
        if name in self.hub.forbidden:
            return self._answer(403, b"", {})
        content = self.hub.instead.get(name, self.hub.files.get(name, b""))
        begin = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        part = content[begin:]
        headers = {"Content-Range": f"bytes {begin}-{len(content) - 1}/{len(content)}"} if begin else {}
        self._head(206 if begin else 200, len(part), headers)
        sent = min(self.hub.cut.pop(name, len(part)), len(part))
        if name in self.hub.stall:
            self.wfile.write(part[:MIDWAY])
            self.wfile.flush()
            time.sleep(self.hub.stall.pop(name))
            part, sent = part[MIDWAY:], sent - MIDWAY
        self.wfile.write(part[:sent])
        self.close_connection = True
        return None

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self._head(status, len(body), headers)
        self.wfile.write(body)

    def _head(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(length), **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """The hub on a free port; `hub.url` is its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("_HubHandler", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def tiny_repository(scratch: Path, tokenizer: bytes, dimensions: int = 96) -> dict[str, bytes]:
    """Files of a BERT of one layer with random weights, and beside them what nobody should fetch."""
    config = {
        "model_type": "bert", "hidden_act": "gelu", "hidden_size": dimensions, "num_hidden_layers": 1,
        "num_attention_heads": 2, "intermediate_size": 64, "layer_norm_eps": 1e-12, "vocab_size": 30522,
        "max_position_embeddings": 256, "type_vocab_size": 2,
    }  # fmt: skip
    save_file(_weights(dimensions), scratch / "model.safetensors")
    return {
        "model.safetensors": (scratch / "model.safetensors").read_bytes(),
        "config.json": json.dumps(config).encode(),
        "tokenizer.json": tokenizer,
        "modules.json": json.dumps([_module(0, "", "Transformer"), _module(1, "1_Pooling", "Pooling")]).encode(),
        "1_Pooling/config.json": json.dumps({"word_embedding_dimension": dimensions}).encode(),
        "pytorch_model.bin": b"a pickle",
        "onnx/model.onnx": b"a graph",
        "README.md": b"# words",
    }


def _module(place: int, path: str, name: str) -> dict[str, Any]:
    return {"idx": place, "name": str(place), "path": path, "type": f"sentence_transformers.models.{name}"}


def _weights(dimensions: int) -> dict[str, Any]:
    draw = np.random.default_rng(7)
    layer = "encoder.layer.0"
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (30522, dimensions),
        "embeddings.position_embeddings.weight": (256, dimensions),
        "embeddings.token_type_embeddings.weight": (2, dimensions),
        f"{layer}.intermediate.dense.weight": (64, dimensions),
        f"{layer}.intermediate.dense.bias": (64,),
        f"{layer}.output.dense.weight": (dimensions, 64),
        f"{layer}.output.dense.bias": (dimensions,),
    }
    for name in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
        shapes |= {f"{layer}.{name}.weight": (dimensions, dimensions), f"{layer}.{name}.bias": (dimensions,)}
    for name in ("embeddings", f"{layer}.attention.output", f"{layer}.output"):
        shapes |= {f"{name}.LayerNorm.weight": (dimensions,), f"{name}.LayerNorm.bias": (dimensions,)}
    return {name: draw.standard_normal(shape, np.float32) for name, shape in shapes.items()}
