"""Documents that several tests read."""

from pathlib import Path

import pytest

VALUES = """\
# ours
deployments:
  - name: etl  # nightly
    image: {repository: ghcr.io/acme/etl, tag: "1.0", pullPolicy: Always}
    port: 3030
    dagsterApiGrpcArgs: ["-m", "etl"]
    env: {STAGE: prod}
"""

WORKSPACE = """\
load_from:
  - grpc_server: {host: etl, port: 3030, location_name: etl}  # nightly
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "values.yaml").write_bytes(VALUES.encode())
    (tmp_path / "workspace.yaml").write_bytes(WORKSPACE.encode())
    return tmp_path
