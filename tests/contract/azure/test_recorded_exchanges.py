"""The recorded exchanges of the real service, replayed against the simulator: the answers are the recorded ones."""

from __future__ import annotations

import ssl
from itertools import groupby
from typing import Any

import aiohttp
import pytest

from contract.azure.comparison import differences, extra_fields, missing_headers, table
from contract.azure.replay import OPERATION_SECONDS, Clock, Replay, scope_of
from mlgate_sim.azure import AzureSimulator

FLOOR = 23
"""How many exchanges match today. Raise it with the simulator, never lower it."""

OWN_OUTPUT = "the body is the recorded model's own output; status and headers match"
# What cannot match, and why.
NOT_SIMULATED = {
    ".inference.ml.azure.com/score": OWN_OUTPUT,
}


async def replay(source: str, exchanges: list[dict[str, Any]]) -> list[tuple[dict[str, Any], list[str], list[str]]]:
    """Every exchange of one recording with its differences and the additional fields."""
    subscription, group, location = scope_of(exchanges)
    clock = Clock()
    async with AzureSimulator(
        clock=clock,
        operation_seconds=OPERATION_SECONDS,
        subscription=subscription,
        resource_group=group,
        location=location,
    ) as azure:
        context = ssl.create_default_context(cafile=str(azure.ca_file))
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
            prefix = azure.workspace_id("").removesuffix("/workspaces/")
            one = Replay(azure, clock, session, prefix, location)
            found = []
            for exchange in exchanges:
                answered = await one.send(exchange)
                recorded = exchange["response"]
                wrong = [f"status {recorded['status']} was recorded, {answered.status} came"]
                if answered.status == recorded["status"]:
                    wrong = missing_headers(recorded["headers"], answered.headers)
                    wrong += differences(recorded["body"], answered.body, azure.url)
                found.append((exchange, wrong, extra_fields(recorded["body"], answered.body)))
            return found


async def test_the_simulator_answers_as_recorded(
    exchanges: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    rows: list[tuple[str, str, str]] = []
    unexpected: list[str] = []
    for source, members in groupby(
        sorted(exchanges, key=lambda one: str(one["source"])), lambda one: str(one["source"])
    ):
        for exchange, wrong, extra in await replay(source, list(members)):
            url = exchange["request"]["url"]
            what = f"{exchange['request']['method']} {url.partition('?')[0].rpartition('/providers/')[2]}"[:100]
            reason = next((why for part, why in NOT_SIMULATED.items() if part in url), "")
            if reason == OWN_OUTPUT and not all(one.startswith("body") for one in wrong):
                reason = ""
            if not wrong:
                rows.append((what, "matched", f"in addition: {', '.join(extra)}" if extra else ""))
            else:
                rows.append((what, "NOT matched", reason or "; ".join(wrong)))
                if not reason:
                    unexpected.append(f"{what}: {'; '.join(wrong)}")
    matched = sum(row[1] == "matched" for row in rows)
    with capsys.disabled():
        print(f"\nAzure: {matched} of {len(rows)} recorded exchanges match (floor {FLOOR})\n{table(rows)}")
    assert not unexpected
    assert matched >= FLOOR
