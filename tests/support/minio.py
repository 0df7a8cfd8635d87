"""A real S3 server for the tests: MinIO on a free port of loopback, its data in a folder of the test's."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config

from .golang import go_program
from .processes import running_program

MINIO = ("github.com/minio/minio", "v0.0.0-20260212201848-7aac2a2c5b7c")
REGION = "eu-central-1"


@dataclass(frozen=True)
class Minio:
    """A running server and the one pair of credentials that it knows."""

    url: str
    key_id: str
    secret: str = field(repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """What a server of MLflow's needs to know, and nobody else."""
        return {
            "MLFLOW_S3_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_DEFAULT_REGION": REGION,
            # No other credentials, nor the network's, are looked for.
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    @property
    def client(self) -> Any:
        """The store itself, past MLflow."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=self.key_id,
            aws_secret_access_key=self.secret,
            region_name=REGION,
            config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
        )

    def keys(self, bucket: str) -> list[str]:
        """The keys of all objects."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def unfinished(self, bucket: str, key: str) -> list[str]:
        """Uploads in parts to this key that nobody completed or aborted; MinIO lists no others' by one question."""
        found = self.client.list_multipart_uploads(Bucket=bucket, Prefix=key)
        return [upload["UploadId"] for upload in found.get("Uploads", [])]


@contextmanager
def running_minio(directory: Path, port: int) -> Iterator[Minio]:
    """A server with credentials of its own; skips visibly where there is no Go to build it."""
    program = go_program(*MINIO)
    directory.mkdir(parents=True, exist_ok=True)
    log = directory / "minio.log"
    server = Minio(f"http://127.0.0.1:{port}", secrets.token_hex(8), secrets.token_hex(24))
    command = [
        str(program), "server", str(directory / "data"), "--address", f"127.0.0.1:{port}",
        "--certs-dir", str(directory / "certs"), "--quiet",
    ]  # fmt: skip
    # Nothing of this machine's own settings of MinIO, no console, and no question for newer releases.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MINIO_")}
    environment |= {
        "HOME": str(directory), "MINIO_BROWSER": "off", "MINIO_UPDATE": "off",
        "MINIO_ROOT_USER": server.key_id, "MINIO_ROOT_PASSWORD": server.secret,
    }  # fmt: skip
    with running_program(command, log, lambda: _ready(server.url), env=environment, cwd=directory):
        yield server


def _ready(url: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{url}/minio/health/ready", timeout=5).is_success
    return False
