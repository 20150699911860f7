"""The S3 API for tests: moto on 127.0.0.1, told what to do by one question per line.

- `{}` gives `{"endpoint": "http://127.0.0.1:..."}`.
- `{"bucket": "name"}` makes a bucket that keeps versions.
- `{"policy": {...}}` makes a user with that policy, checks keys and permissions from then on, and gives the keys.
- `{"run": [...], "env": {...}, "kill": {"request": 3, "when": "before"}}` runs a program and kills it like `kill -9`,
  at its third request: `before` the store gets it, or `after`, before the program gets the answer. Gives how it ended
  and how many requests there were.
- `{"versions": "bucket", "key": "..."}` counts the versions of an object.

Requests are answered one at a time: S3 decides a condition in one step, moto in two. It all ends with the input.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable

import boto3
from moto import settings
from moto.core.authorization import ActionAuthenticatorMixin
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

# No request leaves this machine, whatever the environment says.
os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
    os.environ.pop(proxy, None)


class Quiet(MotoRequestHandler):
    """No word about each request."""

    def log_request(self, *_: object) -> None:
        """Nothing."""


class Gate:
    """One request at a time, and the place where a program is killed."""

    def __init__(self) -> None:
        """Nobody is to be killed yet."""
        self.app = DomainDispatcherApplication(create_backend_app)
        self.lock = threading.Lock()
        self.count = 0
        self.kill: dict = {}
        self.victim = 0

    def __call__(self, environ: dict, start_response: Callable) -> Iterable[bytes]:
        """Answer a request."""
        with self.lock:
            self.count += 1
            due = self.count == self.kill.get("request")
            if due and self.kill["when"] == "before":
                return self.die(start_response)
            answer = list(self.app(environ, start_response))
            if due:
                return self.die(lambda *_: None)
            return answer

    def die(self, start_response: Callable) -> Iterable[bytes]:
        """Kill the program, and give an answer that nobody reads."""
        os.kill(self.victim, signal.SIGKILL)
        start_response("500 Killed", [])
        return [b""]

    def run(self, question: dict) -> dict:
        """Run a program, and kill it at its request."""
        environment = {**os.environ, **question.get("env", {})}
        pipe = subprocess.PIPE
        with self.lock:
            self.count, self.kill = 0, question.get("kill") or {}
            child = subprocess.Popen(
                question["run"], env=environment, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe
            )
            self.victim = child.pid
        stdout, stderr = child.communicate(timeout=120)
        with self.lock:
            self.kill = {}
            return {
                "exit": child.returncode,
                "requests": self.count,
                "stdout": stdout.decode(),
                "stderr": stderr.decode(),
            }


def client(endpoint: str, service: str):
    """Connect to the server here."""
    return boto3.client(service, endpoint_url=endpoint, region_name="us-east-1")


def user(endpoint: str, policy: dict) -> dict:
    """Make a user with a policy; from now on every request is checked."""
    iam = client(endpoint, "iam")
    iam.create_user(UserName="user")
    document = json.dumps(policy)
    iam.put_user_policy(UserName="user", PolicyName="policy", PolicyDocument=document)
    key = iam.create_access_key(UserName="user")["AccessKey"]
    settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
    ActionAuthenticatorMixin.request_count = 0
    return {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}


def answer(question: dict, endpoint: str, gate: Gate) -> dict:
    """Do what a question asks."""
    s3 = client(endpoint, "s3")
    if "bucket" in question:
        s3.create_bucket(Bucket=question["bucket"])
        versioning = {"Status": "Enabled"}
        s3.put_bucket_versioning(Bucket=question["bucket"], VersioningConfiguration=versioning)
    if "policy" in question:
        return user(endpoint, question["policy"])
    if "run" in question:
        return gate.run(question)
    if "versions" in question:
        key = question["key"]
        found = s3.list_object_versions(Bucket=question["versions"], Prefix=key)
        return {"count": len(found.get("Versions", []))}
    return {"endpoint": endpoint}


def main() -> None:
    """Answer until the input ends."""
    gate = Gate()
    server = make_server("127.0.0.1", 0, gate, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line), endpoint, gate)), flush=True)
    # At once: whoever has started this is gone, and taking moto down in good order takes its time.
    os._exit(0)


main()
