"""A real MinIO server with one user, whose policy a judge replaces before it asks."""

import base64
import hashlib
import secrets
import socket
import subprocess
import tempfile
import time
import urllib.request
from contextlib import closing
from pathlib import Path

import boto3
import botocore.config
import minio
import minio.credentials

USER = "joe"
POLICY = "asked"
REGION = "us-east-1"


class Server:
    """A server on a free port of this machine, with its data in a temporary directory. Stops at the end of `with`."""

    def __init__(self, binary):
        self.binary = binary
        self.root = (secrets.token_hex(8), secrets.token_hex(16))
        self.keys = (USER, secrets.token_hex(16))

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="attune-judge-")
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        data = Path(self.directory.name)
        self.log = open(data / "log", "wb")
        environment = {
            "HOME": str(data),
            "PATH": "/usr/bin:/bin",
            "MINIO_ROOT_USER": self.root[0],
            "MINIO_ROOT_PASSWORD": self.root[1],
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
            # Directories of the system's drive do for a test.
            "MINIO_CI_CD": "1",
        }
        drives = [str(data / f"drive{number}") for number in range(1, 5)]
        command = [str(self.binary), "server", "--quiet", "--address", self.address, *drives]
        self.process = subprocess.Popen(command, env=environment, stdout=self.log, stderr=self.log)
        try:
            self.wait_until_ready()
            credentials = minio.credentials.StaticProvider(*self.root)
            self.control = minio.MinioAdmin(endpoint=self.address, credentials=credentials, secure=False)
            self.admin = client(self.address, self.root)
            self.control.user_add(*self.keys)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        self.directory.cleanup()

    def wait_until_ready(self):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"http://{self.address}/minio/health/ready", timeout=2).close()
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("the server does not start:\n" + Path(self.log.name).read_text(errors="replace"))

    def give(self, document, user=USER):
        """The user has exactly this document from now on. Every user has a policy of its own."""
        self.control.policy_add(f"{POLICY}-{user}", policy=document)
        self.control.policy_set(f"{POLICY}-{user}", user=user)

    def user(self, address=None, keys=None):
        """A client of the user. `address` is what it says of its own address in X-Forwarded-For."""
        return client(self.address, keys or self.keys, address)


    def anonymous(self, address=None):
        """A client without keys, whose requests have no signature."""
        return client(self.address, None, address)


def client(address, keys, forwarded=None):
    """An S3 client that tries once, and sends what it is told to send. Without keys it signs nothing."""
    made = boto3.client(
        "s3",
        endpoint_url=f"http://{address}",
        aws_access_key_id=keys and keys[0],
        aws_secret_access_key=keys and keys[1],
        region_name=REGION,
        config=botocore.config.Config(
            signature_version="s3v4" if keys else botocore.UNSIGNED,
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 1},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            max_pool_connections=4,
        ),
    )

    def complete(request, **_):
        if forwarded:
            request.headers["X-Forwarded-For"] = forwarded
        # Servers of 2021 refuse some requests without it before they look at permissions.
        if isinstance(request.body, bytes) and request.body and "Content-MD5" not in request.headers:
            request.headers["Content-MD5"] = base64.b64encode(hashlib.md5(request.body).digest()).decode()

    # An event for every request: nothing is signed without keys.
    made.meta.events.register("before-sign.s3" if keys else "before-send.s3", complete)
    return made
