"""The requests of `tests/lineage/harmless.json` as boto3 sends them, and a simulator that answers them."""

import json
import subprocess
import tempfile
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import boto3
import botocore.config
import botocore.exceptions
import environment

ROWS = json.loads((environment.ROOT / "tests/lineage/harmless.json").read_text())["rows"]
NO_BUCKET = "attune-verify-q7w3e9r1t5y2u8i4o6p0"
BUCKET = "locked"
KEY = "attune-verify-a1s2d3f4g5h6j7k8l9z0"
RANDOM = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
RETENTION = {"Mode": "GOVERNANCE", "RetainUntilDate": "2031-01-01"}
PART = {"PartNumber": 1, "UploadId": RANDOM}

# How boto3 is asked for each request: by its method and its parameter, for a bucket or for a key.
OF_BUCKET = {
    "GET list-type": ("list_objects_v2", {"MaxKeys": 0}),
    "GET location": ("get_bucket_location", {}),
    "GET policy": ("get_bucket_policy", {}),
    "GET lifecycle": ("get_bucket_lifecycle_configuration", {}),
    "GET tagging": ("get_bucket_tagging", {}),
    "GET versioning": ("get_bucket_versioning", {}),
    "GET notification": ("get_bucket_notification_configuration", {}),
    "GET object-lock": ("get_object_lock_configuration", {}),
    "GET uploads": ("list_multipart_uploads", {}),
    "PUT policy": ("put_bucket_policy", {"Policy": "x"}),
    "PUT lifecycle": ("put_bucket_lifecycle_configuration", {"LifecycleConfiguration": {"Rules": []}}),
    "PUT tagging": ("put_bucket_tagging", {"Tagging": {"TagSet": []}}),
    "PUT versioning": ("put_bucket_versioning", {"VersioningConfiguration": {"Status": "Enabled"}}),
    "PUT notification": ("put_bucket_notification_configuration", {"NotificationConfiguration": {}}),
    "PUT object-lock": ("put_object_lock_configuration", {"ObjectLockConfiguration": {}}),
    "DELETE": ("delete_bucket", {}),
    "DELETE policy": ("delete_bucket_policy", {}),
}
OF_KEY = {
    "GET": ("get_object", {}),
    "GET uploadId": ("list_parts", {"UploadId": RANDOM}),
    "GET tagging": ("get_object_tagging", {}),
    "GET retention": ("get_object_retention", {}),
    "GET legal-hold": ("get_object_legal_hold", {}),
    "PUT partNumber": ("upload_part", PART),
    "PUT tagging": ("put_object_tagging", {"Tagging": {"TagSet": []}}),
    "PUT retention": ("put_object_retention", {"Retention": RETENTION}),
    "PUT legal-hold": ("put_object_legal_hold", {"LegalHold": {"Status": "OFF"}}),
    "DELETE": ("delete_object", {}),
    "DELETE versionId": ("delete_object", {"VersionId": RANDOM}),
    "DELETE uploadId": ("abort_multipart_upload", {"UploadId": RANDOM}),
    "DELETE tagging": ("delete_object_tagging", {}),
}


def state(rules, documents, buckets):
    """A cluster with a user for each document: a list of statements."""
    users = {name: {"policy": name, "keys": {"access_key": name.upper(), "secret_key": f"secret/+{name}"}} for name in documents}
    policies = {
        name: {"document": {"Version": "2012-10-17", "Statement": statements}} for name, statements in documents.items()
    }
    return {
        "switches": {"s3_rules": rules},
        "tenants": {"Root": {"users": users, "policies": policies, "buckets": buckets}},
    }


def statement(effect, action):
    return {"Effect": effect, "Action": [action], "Resource": ["arn:aws:s3:::*"]}


BUCKETS = {BUCKET: {"object_lock": True, "policy": "upload"}, "data": {}}


class Simulator:
    """A simulator with a state of its own. Stops at the end of `with`."""

    def __init__(self, rules, documents, *options, buckets=BUCKETS):
        self.directory = tempfile.TemporaryDirectory(prefix="attune-judge-")
        self.file = Path(self.directory.name) / "cluster.json"
        self.file.write_text(json.dumps(state(rules, documents, buckets)))
        command = [str(environment.attune()), "sim", "serve", "--quiet", "--state", str(self.file), "--s3", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.api, self.s3 = (self.process.stdout.readline().strip() for _ in range(2))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
        self.directory.cleanup()

    def client(self, user, secret=None, token=None):
        """A client of boto3. Without a user, it signs nothing."""
        config = botocore.config.Config(
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
            **({} if user else {"signature_version": botocore.UNSIGNED}),
        )
        keys = {"aws_access_key_id": user and user.upper(), "aws_secret_access_key": secret or f"secret/+{user}"}
        return boto3.client(
            "s3", endpoint_url=self.s3, region_name="us-east-1", config=config, aws_session_token=token, **keys
        )

    def buckets(self):
        return json.loads(self.file.read_text())["tenants"]["Root"]["buckets"]

    def call(self, path, body, token=None):
        """A call of the REST API."""
        headers = {"content-type": "application/json", **({"authorization": f"Bearer {token}"} if token else {})}
        request = urllib.request.Request(f"{self.api}/api/v2{path}", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request) as response:
            return json.loads(response.read())


@contextmanager
def sending(client, body, digest):
    """The requests of a client have this body and this digest, whatever boto3 would send."""

    def replace(request, **_):
        request.data = body.encode()
        for name in list(request.headers):
            if name.lower().startswith(("x-amz-checksum", "x-amz-sdk-checksum", "content-md5", "x-amz-trailer")):
                del request.headers[name]
        request.headers["Content-MD5"] = digest

    if body:
        client.meta.events.register_first("before-sign.s3", replace)
    yield
    if body:
        client.meta.events.unregister("before-sign.s3", replace)


def asked(row):
    """The method of boto3 and its arguments for a row."""
    path, _, query = row["path"].partition("?")
    bucket, _, key = path.strip("/").partition("/")
    name = f"{row['method']} {query.partition('=')[0].partition('&')[0]}".strip()
    method, arguments = (OF_KEY if key else OF_BUCKET)[name]
    arguments = {"Bucket": NO_BUCKET if bucket == "NO-BUCKET" else BUCKET, **arguments}
    # The newer server looks at an id that cannot be one of its own before it looks for the bucket.
    if bucket == "NO-BUCKET" and "UploadId" in arguments:
        arguments["UploadId"] = "a1s2d3f4g5h6j7k8l9z0m"
    return method, {**arguments, "Key": KEY} if key else arguments


def answer(client, method, **arguments):
    """The status and the code of the error."""
    try:
        response = getattr(client, method)(**arguments)
        return [response["ResponseMetadata"]["HTTPStatusCode"], ""]
    except botocore.exceptions.ClientError as error:
        return [error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]]
