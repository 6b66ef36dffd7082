"""Buckets with all kinds of things in them, a complete listing of a service, and `attune verify` with its answer."""

import datetime
import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import botocore.exceptions
import environment

USER = "joe"
# A bucket with object lock, two with versions and a plain one. The documents of the judge for MinIO name them.
LOCKED = "vault"
VERSIONED = ["team-a", "team-b"]
PLAIN = "data"
BUCKETS = [PLAIN, *VERSIONED, LOCKED]
KEYS = ["a", "media/a", f"users/{USER}/a", "b c+é"]
SETTINGS = [
    "get_bucket_policy", "get_bucket_lifecycle_configuration", "get_bucket_tagging", "get_bucket_versioning",
    "get_bucket_notification_configuration", "get_object_lock_configuration", "get_bucket_encryption",
    "get_bucket_replication", "get_bucket_location", "get_bucket_acl", "get_bucket_cors",
]  # fmt: skip
OF_VERSION = ["get_object_tagging", "get_object_retention", "get_object_legal_hold"]


@dataclass(frozen=True)
class Answer:
    """What a run of `attune verify` ended with."""

    code: int
    said: dict
    text: str

    def count(self, outcome):
        return sum(answer["outcome"] == outcome for answer in self.said["answers"])


def fill(admin, prints=print):
    """Makes the buckets. A service may lack some of it: that is said."""

    def attempt(call, **arguments):
        try:
            return getattr(admin, call)(**arguments)
        except botocore.exceptions.ClientError as error:
            prints(f"  without {call} of {arguments['Bucket']}: {error.response['Error']['Code']}")
            return {}

    for bucket in BUCKETS:
        attempt("create_bucket", Bucket=bucket, **({"ObjectLockEnabledForBucket": True} if bucket == LOCKED else {}))
        if bucket != PLAIN:
            attempt("put_bucket_versioning", Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        for key in KEYS:
            attempt("put_object", Bucket=bucket, Key=key, Body=b"before", Tagging="of=judge")
            attempt("put_object", Bucket=bucket, Key=key, Body=b"after")
        attempt("put_object", Bucket=bucket, Key="gone", Body=b"before")
        attempt("delete_object", Bucket=bucket, Key="gone")
        upload = attempt("create_multipart_upload", Bucket=bucket, Key="upload")
        if upload:
            place = {"Bucket": bucket, "Key": "upload", "UploadId": upload["UploadId"]}
            attempt("upload_part", **place, PartNumber=1, Body=b"part")
        attempt("put_bucket_tagging", Bucket=bucket, Tagging={"TagSet": [{"Key": "of", "Value": "judge"}]})
        rule = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "old/"}, "Expiration": {"Days": 1000}}
        attempt("put_bucket_lifecycle_configuration", Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    # Everyone may read one bucket, and one has no settings at all.
    read = {"Effect": "Allow", "Principal": {"AWS": ["*"]}, "Action": ["s3:GetObject"], "Resource": [f"arn:aws:s3:::{PLAIN}/*"]}
    attempt("put_bucket_policy", Bucket=PLAIN, Policy=json.dumps({"Version": "2012-10-17", "Statement": [read]}))
    attempt("delete_bucket_tagging", Bucket=VERSIONED[1])
    attempt("delete_bucket_lifecycle", Bucket=VERSIONED[1])
    later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    locked = {"Bucket": LOCKED, "Key": KEYS[0]}
    attempt("put_object_retention", **locked, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": later})
    attempt("put_object_legal_hold", Bucket=LOCKED, Key=KEYS[1], LegalHold={"Status": "ON"})
    default = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}
    attempt("put_object_lock_configuration", Bucket=LOCKED, ObjectLockConfiguration=default)


def listing(admin):
    """Everything that an administrator sees: buckets, settings, versions, delete markers, what each version has, and uploads."""
    seen = {"buckets": [(bucket["Name"], str(bucket["CreationDate"])) for bucket in admin.list_buckets()["Buckets"]]}
    for bucket, _ in seen["buckets"]:
        on = {"Bucket": bucket}
        for setting in SETTINGS:
            seen[bucket, setting] = value(admin, setting, **on)
        seen[bucket, "objects"] = pages(admin, "list_objects_v2", ["Contents"], **on)
        versions = pages(admin, "list_object_versions", ["Versions", "DeleteMarkers"], **on)
        seen[bucket, "versions"] = versions
        for version in versions if isinstance(versions, list) else []:
            place = {**on, "Key": version["Key"], "VersionId": version["VersionId"]}
            for of in OF_VERSION:
                seen[bucket, version["Key"], version["VersionId"], of] = value(admin, of, **place)
        uploads = pages(admin, "list_multipart_uploads", ["Uploads"], **on)
        seen[bucket, "uploads"] = uploads
        # MinIO lists only the uploads of a whole key.
        seen[bucket, "upload"] = pages(admin, "list_multipart_uploads", ["Uploads"], Prefix="upload", **on)
        for upload in seen[bucket, "upload"] if isinstance(seen[bucket, "upload"], list) else []:
            place = {**on, "Key": upload["Key"], "UploadId": upload["UploadId"]}
            seen[bucket, upload["Key"], upload["UploadId"]] = value(admin, "list_parts", **place)
    return seen


def value(admin, call, **arguments):
    """An answer without what is of the request; the code of the error if there is one."""
    try:
        answer = getattr(admin, call)(**arguments)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    return {name: str(of) for name, of in answer.items() if name != "ResponseMetadata"}


def pages(admin, call, names, **arguments):
    try:
        found = list(admin.get_paginator(call).paginate(**arguments))
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    entries = [entry for name in names for page in found for entry in page.get(name, [])]
    return [{name: str(of) for name, of in entry.items()} for entry in entries]


def changes(before, after):
    """A line for each difference of two listings."""
    places = sorted({*before, *after}, key=str)
    return [
        f"{place}: {before.get(place)} is now {after.get(place)}"
        for place in places
        if before.get(place) != after.get(place)
    ]


def verify(url, document, keys, *options):
    """Runs `attune verify` for a user with this document. Leaves nothing on this machine."""
    with tempfile.TemporaryDirectory(prefix="attune-judge-") as folder:
        folder = Path(folder)
        (folder / "asked.json").write_text(json.dumps(document))
        (folder / "attune.toml").write_text(f'[policies.asked]\ndocument = "asked.json"\n\n[users.{USER}]\npolicy = "asked"\n')
        command = [environment.attune(), "verify", USER, "--s3", url, "--rate", "1000", "--yes", "--quiet"]
        command += ["--format", "json", "--rules", environment.rules(), *options]
        variables = {name: of for name, of in os.environ.items() if not name.startswith(("AWS_", "ATTUNE_"))}
        variables |= {"AWS_ACCESS_KEY_ID": keys[0], "AWS_SECRET_ACCESS_KEY": keys[1]}
        ended = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    try:
        said = json.loads(ended.stdout)
    except ValueError as error:
        raise RuntimeError(f"{command}\n{json.dumps(document)}\n{ended.stdout}{ended.stderr}") from error
    return Answer(ended.returncode, said, ended.stdout + ended.stderr)
