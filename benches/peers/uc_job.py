"""One job of dagster-uc: its own `deployment deploy --deployment-name NAME`, without what is not about both documents.

Taken out: the check of Dagster's version (it runs a program in the daemon's pod), podman (a program that does nothing
stands in), helm (its client is a stub), and what follows the release of its lock: 5 seconds of sleep, the wait for the
pod, the logs. Arguments: NAME, NAMESPACE, CONTEXT. Prints the seconds from the start of the command on, imports
excluded.
"""

import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import dagster_uc._helm
from dagster_uc import manage_user_code_deployments as command
from dagster_uc._helm.models import ReleaseRevisionStatus
from dagster_uc.uc_handler import DagsterUserCodeHandler

CONFIG = """
dev:
  environment: dev
  code_path: defs.py
  dagster_version: 1.13.27
  use_project_name: false
  repository_root: .
  docker: {{container_registry: registry.example, dockerfile: Dockerfile, use_az_login: false}}
  kubernetes: {{context: {context}, namespace: {namespace}, node: pool}}
"""


class Released(BaseException):
    """The lock was given back: what is measured ends here."""


class NoHelm:
    """Stands for helm's client."""

    def __init__(self, **_options: object) -> None:
        """Take any options."""

    async def get_chart(self, **_options: object) -> None:
        """Fetch nothing."""

    async def install_or_upgrade_release(self, *_what: object, **_options: object) -> SimpleNamespace:
        """Say that it is deployed."""
        return SimpleNamespace(status=ReleaseRevisionStatus.DEPLOYED)


def main() -> None:
    """Run the job of the command line."""
    name, namespace, context = sys.argv[1:]
    release = DagsterUserCodeHandler.release_semaphore

    def release_and_end(handler: DagsterUserCodeHandler) -> None:
        failed = sys.exc_info()[0] is not None
        release(handler)
        if not failed:
            raise Released

    DagsterUserCodeHandler.release_semaphore = release_and_end
    DagsterUserCodeHandler._ensure_dagster_version_match = lambda _handler: None
    dagster_uc._helm.Client = NoHelm
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "config.yaml")
        config.write_text(CONFIG.format(context=context, namespace=namespace))
        arguments = ["--config-file", str(config), "deployment", "deploy", "--deployment-name", name, "--ignore-check"]
        started = time.monotonic()
        try:
            command.app(arguments, standalone_mode=False)
        except Released:
            print(time.monotonic() - started)


if __name__ == "__main__":
    main()
