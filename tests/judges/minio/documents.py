"""Random documents and questions about them."""

import fnmatch
import ipaddress
import random

from server import USER
from table import BUCKETS, LOCKED, Situation

LISTING = "s3:ListBucket"
ACTIONS = [
    f"s3:{name}"
    for name in """
    AbortMultipartUpload BypassGovernanceRetention CreateBucket DeleteBucket DeleteBucketPolicy DeleteObject
    DeleteObjectTagging DeleteObjectVersion DeleteObjectVersionTagging GetBucketLocation GetBucketNotification
    GetBucketObjectLockConfiguration GetBucketPolicy GetBucketTagging GetBucketVersioning GetLifecycleConfiguration
    GetObject GetObjectLegalHold GetObjectRetention GetObjectTagging GetObjectVersion GetObjectVersionTagging
    ListAllMyBuckets ListBucket ListBucketMultipartUploads ListMultipartUploadParts PutBucketNotification
    PutBucketObjectLockConfiguration PutBucketPolicy PutBucketTagging PutBucketVersioning PutLifecycleConfiguration
    PutObject PutObjectLegalHold PutObjectRetention PutObjectTagging PutObjectVersionTagging
    """.split()
]
# Actions that matter most here, drawn as often as all others together.
OFTEN = [
    f"s3:{name}"
    for name in """
    GetObject GetObjectVersion PutObject DeleteObject DeleteObjectVersion ListBucket GetBucketLocation ListAllMyBuckets
    BypassGovernanceRetention PutObjectRetention GetBucketObjectLockConfiguration PutObjectLegalHold
    """.split()
]
WILD = [
    f"s3:{name}"
    for name in """
    * * * Get* Put* Delete* List* GetObject* PutObject* DeleteObject* GetObjectV* *Object *Version* *Tagging *Bucket*
    Get?bject Put*Retention ListBucket?ultipart*
    """.split()
]
KEYS = ["a", "a.log", "media/a", "media/b/a.log", "medic/a", f"users/{USER}/a", f"users/{USER}e/a", "users/a", "b c+é"]
UNDER = [
    "", "/*", "/*", "/*", "/media/*", "/med*", "/media/", "/*.log", "/?", "/m?dia/*", "/users/${aws:username}/*",
    "/users/${aws:username}*", "/*/a", "/a",
]
WHERE = [*BUCKETS, "team-*", "*", "team-?", "d*", "data"]
PREFIXES = [None, None, "", "media/", "media/a", "med", f"users/{USER}/", "users/"]
ADDRESSES = [None, None, "10.9.1.2", "192.168.7.7"]
PREFIX_PATTERNS = ["", "media/*", "media/", "med*", "users/${aws:username}/*", "*"]


def arn(rng):
    bucket = rng.choice(WHERE)
    under = "" if bucket == "*" else rng.choice(UNDER)
    return f"arn:aws:s3:::{bucket}{under}"


def several(rng, draw, most):
    return sorted({draw() for _ in range(rng.randint(1, most))})


def condition(rng, actions):
    """A condition that the server takes for these actions, and that requests of the table can meet."""
    kinds = ["username", "address"] + (["prefix", "prefix", "delimiter"] if actions == [LISTING] else [])
    match rng.choice(kinds):
        case "username":
            operator = rng.choice(["StringEquals", "StringNotEquals", "StringLike", "StringNotLike"])
            values = several(rng, lambda: rng.choice([USER, "eve"] + (["jo*"] if "Like" in operator else [])), 2)
            return {operator: {"aws:username": values}}
        case "address":
            operator = rng.choice(["IpAddress", "NotIpAddress"])
            return {operator: {"aws:SourceIp": several(rng, lambda: rng.choice(["10.9.0.0/16", "127.0.0.0/8"]), 2)}}
        case "prefix":
            operator = rng.choice(["StringEquals", "StringLike", "StringLike", "StringNotLike", "Null"])
            if operator == "Null":
                return {operator: {"s3:prefix": [rng.choice(["true", "false"])]}}
            return {operator: {"s3:prefix": several(rng, lambda: rng.choice(PREFIX_PATTERNS), 2)}}
        case _:
            return {"StringEquals": {"s3:delimiter": ["/"]}}


def statement(rng, effect):
    def action():
        draw = rng.random()
        return rng.choice(WILD if draw < (0.5 if effect == "Allow" else 0.25) else OFTEN if draw < 0.8 else ACTIONS)

    draw = rng.random()
    whole = ["s3:*"] if effect == "Allow" else ["s3:Delete*"]
    actions = [LISTING] if draw < 0.1 else whole if draw < 0.3 else several(rng, action, 5)
    made = {"Effect": effect, "Action": actions, "Resource": several(rng, lambda: arn(rng), 3)}
    if rng.random() < 0.3:
        made["Condition"] = condition(rng, actions)
    return made


def document(rng):
    """A document with one to five different statements, the first an Allow."""
    effects = ["Allow"] + rng.choices(["Allow", "Deny"], k=rng.randint(0, 4))
    statements = []
    for effect in effects:
        made = statement(rng, effect)
        if made not in statements:
            statements.append(made)
    return {"Version": "2012-10-17", "Statement": statements}


def question(rng, asked, requests):
    """A request, its resource and its situation; more often than not on a resource that the document allows something on."""
    allows = [made for made in asked["Statement"] if made["Effect"] == "Allow"]
    arns = [resource.removeprefix("arn:aws:s3:::") for made in allows for resource in made["Resource"]]
    patterns = [pattern.replace("${aws:username}", USER) for pattern in arns]
    for _ in range(6):
        request = rng.choice(requests)
        bucket = LOCKED if request.only_locked else rng.choice(BUCKETS)
        key = rng.choice(KEYS)
        resource = f"{bucket}/{key}" if request.on == "object" else bucket
        if any(fnmatch.fnmatchcase(resource, pattern) for pattern in patterns):
            break
    situation = Situation(rng.choice(ADDRESSES), rng.choice(PREFIXES), rng.choice([None, None, "/"]))
    return request, bucket, key, situation


def context(request, situation):
    """The keys of conditions that a request carries, as the server sees them."""
    carried = {"aws:username": USER, "aws:SourceIp": situation.address or "127.0.0.1"}
    if request.word == "see-buckets":
        # A list of buckets asks for each bucket as if it were listed with these.
        carried |= {"s3:prefix": "", "s3:delimiter": "/"}
    elif str(request) in ("list", "list the old way", "list-versions"):
        given = {"s3:prefix": situation.prefix, "s3:delimiter": situation.delimiter}
        carried |= {key: value for key, value in given.items() if value is not None}
    return carried


def holds(conditions, carried):
    """Whether a block of conditions holds for a request that carries these keys."""
    return all(
        clause_holds(operator, carried.get(key), values)
        for operator, clauses in conditions.items()
        for key, values in clauses.items()
    )


def clause_holds(operator, value, values):
    values = [text.replace("${aws:username}", USER) for text in values]
    match operator:
        case "Null":
            return (value is None) == (values == ["true"])
        case "IpAddress" | "NotIpAddress":
            address = ipaddress.ip_address(value)
            return any(address in ipaddress.ip_network(text) for text in values) == (operator == "IpAddress")
        case "StringEquals" | "StringNotEquals":
            return (value is not None and value in values) == (operator == "StringEquals")
        case "StringLike" | "StringNotLike":
            like = value is not None and any(fnmatch.fnmatchcase(value, text) for text in values)
            return like == (operator == "StringLike")
        case _:
            raise ValueError(operator)


def decided(asked, carried):
    """The document as it is for a request that carries these keys: without conditions."""
    kept = [made for made in asked["Statement"] if holds(made.get("Condition", {}), carried)]
    bare = [{name: value for name, value in made.items() if name != "Condition"} for made in kept]
    return {**asked, "Statement": [made for at, made in enumerate(bare) if made not in bare[:at]]}


def generator(seed):
    return random.Random(seed)
