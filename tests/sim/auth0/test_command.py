"""`python -m mlgate_sim auth0` as people run it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import sys
from pathlib import Path

import httpx
import pytest

OPERATOR = Path(__file__).resolve().parents[3] / "operator"


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM ends it well", "Ctrl-C ends it well"])
async def test_it_says_where_it_is_and_ends_when_asked(tmp_path: Path, ending: signal.Signals) -> None:
    ca = tmp_path / "ca.pem"
    options = ["--tls", "--ca-out", str(ca), "--domain", "t.eu.auth0.com", "--client-id", "me", "--client-secret", "s3"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mlgate_sim", "auth0", *options),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(OPERATOR)},
    )
    assert process.stdout is not None
    try:
        facts = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
        assert (facts["domain"], facts["issuer"]) == ("t.eu.auth0.com", "https://t.eu.auth0.com/")
        assert (facts["client_id"], facts["client_secret"], facts["ca_file"]) == ("me", "s3", str(ca))
        async with httpx.AsyncClient(verify=ssl.create_default_context(cafile=str(ca))) as http:
            assert (await http.get(f"{facts['url']}/.well-known/jwks.json")).status_code == 200
        process.send_signal(ending)
        assert await asyncio.wait_for(process.wait(), 30) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
