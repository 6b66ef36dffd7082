"""A front for the API of the simulated cluster, which does on a real MinIO server what it is asked for: policies, attachments,
temporary credentials and policies of buckets. Everything else is the simulator's own."""

import http.client
import http.server
import json
import re
import threading
from urllib.parse import unquote, urlsplit

import boto3
import botocore.exceptions
import minio.error

PREFIX = "/api/v2"


class Refused(Exception):
    """The server refuses a change."""


class Front:
    """Serves on a free port until the end of `with`. `api` is the URL of the simulator, `server` a server of the judge for MinIO."""

    def __init__(self, api, server):
        self.api = urlsplit(api).netloc
        self.server = server
        self.secrets = {}
        # What the server refused, for a person who looks at a run.
        self.refused = []

    def __enter__(self):
        front = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                front.answer(self)

            do_POST = do_PUT = do_DELETE = do_GET

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()

    def answer(self, request):
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        call = f"{request.command} {request.path.removeprefix(PREFIX)}"
        sent = json.loads(body) if body else {}
        try:
            self.before(call, sent)
        except (Refused, minio.error.MinioAdminException, botocore.exceptions.ClientError) as error:
            self.refused.append(f"{call}: {error}")
            return self.send(request, 400, json.dumps({"message": f"refused by the S3 service: {error}"}).encode())
        if call == "POST /s3/sts":
            return self.send(request, 200, json.dumps(self.session(sent)).encode())
        status, answer = self.ask(request, body)
        if status >= 300:
            self.undo(call, sent)
        else:
            answer = self.after(call, sent, answer)
        return self.send(request, status, answer)

    def ask(self, request, body):
        """What the simulator answers."""
        connection = http.client.HTTPConnection(self.api, timeout=60)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in ("host", "content-length")}
        connection.request(request.command, request.path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def send(self, request, status, answer):
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(answer)))
        request.end_headers()
        request.wfile.write(answer)

    def before(self, call, sent):
        """What the server does before the simulator: what it refuses is refused."""
        control, admin = self.server.control, self.server.admin
        if call == "POST /s3/policies":
            control.policy_add(sent["policy_name"], policy=document(sent))
        elif found := re.fullmatch(r"PUT /s3/buckets/([^/]+)/policyJson", call):
            admin.put_bucket_policy(Bucket=unquote(found[1]), Policy=json.dumps(document(sent)))
        elif found := re.fullmatch(r"PUT /s3/buckets/([^/]+)/policy", call):
            if sent["bucket_policy"].lower() != "none":
                raise Refused("this front only takes policies of buckets away")
            admin.delete_bucket_policy(Bucket=unquote(found[1]))

    def undo(self, call, sent):
        if call == "POST /s3/policies":
            self.server.control.policy_remove(sent["policy_name"])

    def after(self, call, sent, answer):
        """What the server does after the simulator, and the answer with the keys of the server."""
        control = self.server.control
        if call == "POST /s3/policies/attach":
            user = sent["user_name"]
            keys = json.loads(answer).get("data") or {}
            if "secret_key" in keys:
                # On this server, the name of a user is its access key.
                self.secrets[user] = keys["secret_key"]
                control.user_add(user, keys["secret_key"])
                answer = json.dumps({"data": {"access_key": user, "secret_key": keys["secret_key"]}}).encode()
            control.policy_set(sent["policy_name"], user=user)
        elif call == "POST /s3/policies/detach":
            user = sent["user_name"]
            self.detach(user)
        elif found := re.fullmatch(r"DELETE /s3/policies/([^/]+)", call):
            control.policy_remove(unquote(found[1]))
        return answer

    def detach(self, user):
        control = self.server.control
        held = json.loads(control.user_info(user)).get("policyName")
        try:
            if held:
                control.policy_unset(held.split(","), user=user)
        except minio.error.MinioAdminException as error:
            # The server of 2021 has another call for it.
            if "XMinioAdminVersionMismatch" not in str(error):
                raise
            control.policy_set("", user=user)

    def session(self, sent):
        sts = boto3.client(
            "sts",
            endpoint_url=f"http://{self.server.address}",
            aws_access_key_id=sent["access_key"],
            aws_secret_access_key=sent["secret_key"],
            region_name="us-east-1",
        )
        made = sts.assume_role(RoleArn="arn:aws:iam::0:role/any", RoleSessionName="probe", DurationSeconds=sent["duration"])
        made = made["Credentials"]
        names = {"access_key": "AccessKeyId", "secret_key": "SecretAccessKey", "session_token": "SessionToken"}
        return {name: made[of] for name, of in names.items()}


def document(sent):
    """A document, which the API takes as an object or as JSON in a string."""
    given = sent["policy_file_content"]
    return json.loads(given) if isinstance(given, str) else given
