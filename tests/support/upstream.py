"""An upstream of the gateway that belongs to a user, and an endpoint that calls it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from .personas import ok

V3 = "/api/3.0/mlflow"
# MLflow's gateway calls an upstream on loopback, and without TLS, only where its server is told so.
PRIVATE_UPSTREAMS = {
    "MLFLOW_GATEWAY_API_BASE_ALLOWED_SCHEMES": "http,https",
    "MLFLOW_GATEWAY_API_BASE_ALLOW_PRIVATE_IPS": "true",
}
# What a provider of OpenAI's protocol answers; a judge reads its verdict out of it.
VERDICT = {"result": "yes", "rationale": "It says dear sir."}
COMPLETION = {
    "id": "c", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": json.dumps(VERDICT)}}
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}  # fmt: skip


@dataclass
class Upstream:
    """A provider of somebody's own, which writes down what it is sent."""

    url: str
    seen: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def running_upstream() -> Iterator[Upstream]:
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen.append({name.lower(): value for name, value in self.headers.items()})
            body = json.dumps(COMPLETION).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Upstream(f"http://127.0.0.1:{server.server_port}", seen)
    finally:
        server.shutdown()
        server.server_close()


def make_endpoint(owner: httpx.Client, provider: str, url: str) -> None:
    """An endpoint of that provider's name, which every user may use."""
    create = f"{V3}/gateway/{{}}/create"
    secret = {
        "secret_name": f"s-{provider}", "provider": provider,
        "secret_value": {"api_key": "key-of-the-owner"}, "auth_config": {"api_base": url},
    }  # fmt: skip
    secret_id = ok(owner.post(create.format("secrets"), json=secret))["secret"]["secret_id"]
    definition = {"name": f"d-{provider}", "secret_id": secret_id, "provider": provider, "model_name": "m"}
    made = ok(owner.post(create.format("model-definitions"), json=definition))["model_definition"]
    models = [{"model_definition_id": made["model_definition_id"], "linkage_type": "PRIMARY"}]
    endpoint = ok(owner.post(create.format("endpoints"), json={"name": f"e-{provider}", "model_configs": models}))
    share = {"kind": "gateway_endpoint", "id": endpoint["endpoint"]["endpoint_id"], "level": "USE",
             "user": "read@example.com"}  # fmt: skip
    ok(owner.post("/prokube-auth/api/sharing", json=share))
