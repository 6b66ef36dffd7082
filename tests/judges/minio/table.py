"""The requests that a judge sends: each in the words of attune, with the real request of it.

Not asked:
- HeadBucket: by the rules of 2026 an action decides it that WEKA's list does not have (s3:HeadBucket, or s3:ListBucket).
- GetObjectAttributes, GetBucketCors and GetBucketEncryption, for the same reason.
- Requests that only MinIO has, such as DELETE of a whole prefix.
- CreateBucket under a free name: under a taken name the same action decides, and nothing changes.
- The three object taggings and PutBucketTagging where there is no bucket: the server says 404 before it says 403.
"""

import datetime
import io
import json
from collections.abc import Callable
from dataclasses import dataclass

import botocore.exceptions

# The bucket whose objects can be locked, and the others. Every one keeps versions.
LOCKED = "vault"
BUCKETS = ["data", "team-a", "team-b", LOCKED]
DENIED = {"AccessDenied", "403", "AllAccessDisabled"}
# What servers of 2021 say of some versions of a key that was deleted before, after they gave permission.
AFTER_PERMISSION = {"MethodNotAllowed"}


class Unclear(Exception):
    """An answer of the server that says neither allowed nor denied."""


@dataclass(frozen=True)
class Situation:
    """What a request carries besides its resource."""

    # The address that the client claims.
    address: str | None = None
    # `prefix` and `delimiter` of a listing.
    prefix: str | None = None
    delimiter: str | None = None


@dataclass(frozen=True)
class Sent:
    """Everything that a request needs: the user's client, the administrator's, and the resource."""

    user: object
    admin: object
    bucket: str
    key: str
    situation: Situation = Situation()
    # The retention of every object that the administrator puts: GOVERNANCE or COMPLIANCE, and its hours.
    retention: tuple[str, float] | None = None

    @property
    def on_bucket(self):
        return {"Bucket": self.bucket}

    @property
    def on_key(self):
        return {"Bucket": self.bucket, "Key": self.key}

    def there(self, **more):
        """The administrator puts the object anew. The place of its version."""
        if self.retention:
            mode, duration = self.retention
            more = {"ObjectLockMode": mode, "ObjectLockRetainUntilDate": hours(duration), **more}
        version = self.admin.put_object(**self.on_key, Body=b"before", **more)["VersionId"]
        return {**self.on_key, "VersionId": version}

    def locked(self):
        """The same, under governance retention for a day where no other is asked for."""
        governance = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": hours(24)}
        return self.there(**({} if self.retention else governance))

    def upload(self):
        """The administrator begins an upload in parts."""
        return {**self.on_key, "UploadId": self.admin.create_multipart_upload(**self.on_key)["UploadId"]}

    @property
    def listing(self):
        given = {"Prefix": self.situation.prefix, "Delimiter": self.situation.delimiter}
        return {**self.on_bucket, **{name: value for name, value in given.items() if value is not None}}


@dataclass(frozen=True)
class Request:
    """One kind of request."""

    # The word of attune.
    word: str
    # "bucket" or "object": what the word is asked of.
    on: str
    # Sends it as the user. Raises what boto3 raises; may return False for "denied".
    send: Callable
    # Error codes that come only after permission was given.
    allowed: frozenset = frozenset()
    # Error codes that mean "denied", beside the usual ones.
    denied: frozenset = frozenset()
    # Makes all as it was.
    restore: Callable | None = None
    # Only of the bucket whose objects can be locked.
    only_locked: bool = False
    # A name for people, where several requests have one word.
    name: str = ""

    def is_allowed(self, sent):
        """Sends the request. Whether the server allowed it."""
        try:
            return self.send(sent) is not False
        except botocore.exceptions.ClientError as error:
            code = error.response["Error"]["Code"]
            if code in DENIED or code in self.denied:
                return False
            if code in self.allowed or code in AFTER_PERMISSION:
                return True
            raise Unclear(f"{self.name or self.word}: {error}") from error
        finally:
            if self.restore:
                self.restore(sent)

    def __str__(self):
        return self.name or self.word


def hours(count):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=count)


def sees_name(sent):
    return any(bucket["Name"] == sent.bucket for bucket in sent.user.list_buckets()["Buckets"])


def delete_several(sent):
    sent.there()
    answer = sent.user.delete_objects(**sent.on_bucket, Delete={"Objects": [{"Key": sent.key}], "Quiet": False})
    errors = {error["Code"] for error in answer.get("Errors", [])}
    if errors - DENIED:
        raise Unclear(f"delete several: {errors}")
    return not errors


def delete_several_versions(sent):
    place = sent.there()
    version = {"Key": sent.key, "VersionId": place["VersionId"]}
    answer = sent.user.delete_objects(**sent.on_bucket, Delete={"Objects": [version], "Quiet": False})
    errors = {error["Code"] for error in answer.get("Errors", [])}
    if errors - DENIED:
        raise Unclear(f"delete several versions: {errors}")
    return not errors


def copy(sent):
    """The source is the object, the target is beside it."""
    sent.there()
    sent.user.copy_object(Bucket=sent.bucket, Key=sent.key + COPY, CopySource=sent.on_key)


# What a copy's key has more than its source's.
COPY = "-copy"

EXPIRE = {"Rules": [{"ID": "a", "Status": "Enabled", "Filter": {"Prefix": "none/"}, "Expiration": {"Days": 999}}]}
TAGS = {"TagSet": [{"Key": "a", "Value": "b"}]}


def public(bucket):
    location = {"Effect": "Allow", "Principal": {"AWS": ["*"]}, "Action": ["s3:GetBucketLocation"]}
    statement = {**location, "Resource": [f"arn:aws:s3:::{bucket}"]}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def on_bucket(word, operation, *allowed, restore=None, name="", **more):
    """A request to a bucket, by the name of its boto3 operation."""
    undo = restore and (lambda sent: getattr(sent.admin, restore[0])(**sent.on_bucket, **restore[1]))

    def send(sent):
        getattr(sent.user, operation)(**sent.on_bucket, **more)

    return Request(word, "bucket", send, frozenset(allowed), restore=undo, name=name)


def on_object(word, send, **more):
    return Request(word, "object", send, **more)


# What a server says where the lock of a version holds.
WORM = frozenset({"InvalidRequest", "ObjectLocked"})
NO_LOCK = "ObjectLockConfigurationNotFoundError", "InvalidBucketState", "InvalidRequest", "NoSuchObjectLockConfiguration"
LEGAL = {"LegalHold": {"Status": "ON"}}


def until(count):
    return {"Retention": {"Mode": "GOVERNANCE", "RetainUntilDate": hours(count)}}


def until_then(sent, count):
    return {**sent.on_key, "Body": b"x", "ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": hours(count)}


REQUESTS = [
    Request("see-buckets", "bucket", sees_name),
    on_bucket("create-bucket", "create_bucket", "BucketAlreadyOwnedByYou", "BucketAlreadyExists"),
    on_bucket(
        "create-locked-bucket",
        "create_bucket",
        "BucketAlreadyOwnedByYou",
        "BucketAlreadyExists",
        ObjectLockEnabledForBucket=True,
    ),
    on_bucket("delete-bucket", "delete_bucket", "BucketNotEmpty"),
    Request("list", "bucket", lambda sent: sent.user.list_objects_v2(**sent.listing)),
    Request("list", "bucket", lambda sent: sent.user.list_objects(**sent.listing), name="list the old way"),
    Request("list-versions", "bucket", lambda sent: sent.user.list_object_versions(**sent.listing)),
    on_bucket("list-uploads", "list_multipart_uploads"),
    on_bucket("read-location", "get_bucket_location"),
    on_bucket("read-versioning", "get_bucket_versioning"),
    on_bucket("change-versioning", "put_bucket_versioning", VersioningConfiguration={"Status": "Enabled"}),
    on_bucket("read-bucket-policy", "get_bucket_policy", "NoSuchBucketPolicy"),
    on_bucket("read-acl", "get_bucket_acl"),
    Request(
        "change-bucket-policy",
        "bucket",
        lambda sent: sent.user.put_bucket_policy(**sent.on_bucket, Policy=public(sent.bucket)),
        restore=lambda sent: sent.admin.delete_bucket_policy(**sent.on_bucket),
    ),
    on_bucket("delete-bucket-policy", "delete_bucket_policy"),
    on_bucket("read-lifecycle", "get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration"),
    on_bucket(
        "change-lifecycle",
        "put_bucket_lifecycle_configuration",
        restore=("delete_bucket_lifecycle", {}),
        LifecycleConfiguration=EXPIRE,
    ),
    on_bucket("change-lifecycle", "delete_bucket_lifecycle", name="delete lifecycle"),
    on_bucket("read-bucket-tags", "get_bucket_tagging", "NoSuchTagSet"),
    on_bucket(
        "change-bucket-tags", "put_bucket_tagging", restore=("delete_bucket_tagging", {}), Tagging=TAGS
    ),
    on_bucket("change-bucket-tags", "delete_bucket_tagging", name="delete bucket tags"),
    on_bucket("read-notifications", "get_bucket_notification_configuration"),
    on_bucket("change-notifications", "put_bucket_notification_configuration", NotificationConfiguration={}),
    on_bucket("read-lock-configuration", "get_object_lock_configuration", *NO_LOCK),
    on_bucket(
        "change-lock-configuration",
        "put_object_lock_configuration",
        *NO_LOCK,
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"},
    ),
    on_object("read", lambda sent: sent.user.get_object(**sent.there() and sent.on_key)),
    on_object("read", lambda sent: sent.user.head_object(**sent.there() and sent.on_key), name="head object"),
    on_object("read-version", lambda sent: sent.user.get_object(**sent.there())),
    on_object("read-version", lambda sent: sent.user.head_object(**sent.there()), name="head version"),
    Request(
        "read-acl",
        "bucket",
        lambda sent: sent.user.get_object_acl(**sent.there() and sent.on_key),
        name="read the ACL of an object",
    ),
    on_object("read-tags", lambda sent: sent.user.get_object_tagging(**sent.there() and sent.on_key)),
    on_object("read-version-tags", lambda sent: sent.user.get_object_tagging(**sent.there())),
    on_object("set-tags", lambda sent: sent.user.put_object_tagging(**sent.there() and sent.on_key, Tagging=TAGS)),
    on_object("set-version-tags", lambda sent: sent.user.put_object_tagging(**sent.there(), Tagging=TAGS)),
    on_object("delete-tags", lambda sent: sent.user.delete_object_tagging(**sent.there() and sent.on_key)),
    on_object("delete-version-tags", lambda sent: sent.user.delete_object_tagging(**sent.there())),
    on_object("write", lambda sent: sent.user.put_object(**sent.on_key, Body=b"x")),
    on_object("write-with-tags", lambda sent: sent.user.put_object(**sent.on_key, Body=b"x", Tagging="a=b")),
    on_object("write", lambda sent: sent.user.create_multipart_upload(**sent.on_key), name="begin an upload"),
    on_object(
        "write",
        lambda sent: sent.user.upload_part(**sent.upload(), PartNumber=1, Body=io.BytesIO(b"x")),
        name="upload a part",
    ),
    on_object(
        "write-with-retention", lambda sent: sent.user.put_object(**until_then(sent, 1)), only_locked=True
    ),
    on_object(
        "write-with-legal-hold",
        lambda sent: sent.user.put_object(**sent.on_key, Body=b"x", ObjectLockLegalHoldStatus="ON"),
        only_locked=True,
    ),
    on_object("copy", copy),
    on_object("list-parts", lambda sent: sent.user.list_parts(**sent.upload())),
    on_object("abort-upload", lambda sent: sent.user.abort_multipart_upload(**sent.upload())),
    on_object("delete", lambda sent: sent.user.delete_object(**sent.there() and sent.on_key)),
    on_object("delete", delete_several, name="delete several"),
    on_object("delete-version", lambda sent: sent.user.delete_object(**sent.there()), denied=WORM),
    on_object("delete-version", delete_several_versions, name="delete several versions"),
    on_object(
        "delete-locked-version",
        lambda sent: sent.user.delete_object(**sent.locked(), BypassGovernanceRetention=True),
        denied=WORM,
        only_locked=True,
    ),
    on_object("read-retention", lambda sent: sent.user.get_object_retention(**sent.locked()), only_locked=True),
    on_object(
        "set-retention",
        lambda sent: sent.user.put_object_retention(**sent.there(), **until(1)),
        only_locked=True,
    ),
    on_object(
        "shorten-retention",
        lambda sent: sent.user.put_object_retention(**sent.locked(), **until(1), BypassGovernanceRetention=True),
        denied=WORM,
        only_locked=True,
    ),
    on_object("read-legal-hold", lambda sent: sent.user.get_object_legal_hold(**sent.there(**{
        "ObjectLockLegalHoldStatus": "OFF"})), only_locked=True),
    on_object(
        "set-legal-hold", lambda sent: sent.user.put_object_legal_hold(**sent.there(), **LEGAL), only_locked=True
    ),
]


def make_buckets(admin):
    """The buckets of all questions. Each has an object, so that none can be removed."""
    for bucket in BUCKETS:
        admin.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=bucket == LOCKED)
        admin.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        admin.put_object(Bucket=bucket, Key="always", Body=b"x")
