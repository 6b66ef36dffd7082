"""What the judges need: a Python environment, a MinIO server binary, and attune itself."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
# Everything that the judges install or build. Git ignores it.
INSTALLED = ROOT / "target" / "judges"


def enter():
    """Runs this program again in a virtual environment that has boto3 and minio, unless it runs in it already."""
    python = INSTALLED / "python" / "bin" / "python"
    if Path(sys.prefix) == python.parents[1]:
        return
    ready = INSTALLED / "python" / "ready"
    wanted = (HERE / "requirements.txt").read_text()
    if not ready.exists() or ready.read_text() != wanted:
        say("installing boto3 and minio from PyPI")
        subprocess.run([sys.executable, "-m", "venv", str(python.parents[1])], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "-r", str(HERE / "requirements.txt")], check=True)
        ready.write_text(wanted)
    os.execv(python, [str(python), *sys.argv])


def minio():
    """The path of a MinIO server binary: MINIO, else one that Go builds."""
    if given := os.environ.get("MINIO"):
        return Path(given).resolve()
    built = INSTALLED / "bin" / "minio"
    if not built.exists():
        if not shutil.which("go"):
            sys.exit("no MinIO server: set MINIO=PATH to a binary, or install Go")
        say("building the newest MinIO server with Go; this takes about three minutes")
        environment = {**os.environ, "GOBIN": str(built.parent), "CGO_ENABLED": "0"}
        subprocess.run(["go", "install", "github.com/minio/minio@latest"], check=True, env=environment)
    return built


def rules():
    """The rules of evaluation of that server, as `attune --rules` names them."""
    return os.environ.get("MINIO_RULES", "minio-2026")


def attune():
    """The path of the attune binary: ATTUNE, else a debug build."""
    if given := os.environ.get("ATTUNE"):
        return Path(given).resolve()
    subprocess.run(["cargo", "build", "--locked", "--bin", "attune"], check=True, cwd=ROOT)
    return ROOT / "target" / "debug" / "attune"


def say(text):
    """One line for the person who waits."""
    print(text, file=sys.stderr, flush=True)
