"""The simulated tenant answers as live tenants did: the recordings, replayed.

`floors.json` holds, per route, how many statuses and bodies must be as recorded. Raise a floor when the simulator gets
better; lowering one needs a reason. The recordings are not part of the repository: without them this module skips.
`python -m contract.auth0.test_recordings_replayed --write-floors` (from tests/, with operator/ on PYTHONPATH) writes the file.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract.auth0 import recordings
from contract.auth0.replay import Replay, Result, by_route
from mlgate_sim.auth0 import Auth0Simulator

FLOORS_FILE = Path(__file__).with_name("floors.json")
FLOORS: dict[str, dict[str, int]] = json.loads(FLOORS_FILE.read_text())
EXPLAINED = {
    "display_name extra": "one connection of twelve alike was recorded without",
    "members[].": "members of one moment are paged by their ids, which are others here",
    "total is 10, recorded 19": "one page of a listing whose rest was not recorded",
    "async_approval_notification_channels missing": "a default of one tenant that had the CIBA feature (go-auth0 only)",
    "client_secret extra": "three go-auth0 POSTs show neither secret nor signing keys, which every other POST does",
    "jwt_configuration.": "one POST of ten alike was recorded with an empty jwt_configuration",
    "external_": "a client registered from a metadata document; PATCH hides those fields, and registering is not simulated",
}


async def replay_all(folder: Path) -> list[Result]:
    results: list[Result] = []
    async with Auth0Simulator(plan="none") as auth0, httpx.AsyncClient(base_url=auth0.url) as http:
        fresh = auth0.save_state()
        for exchanges in recordings.read(folder).values():
            if any(recordings.is_replayed(exchange) for exchange in exchanges):
                results += await Replay(auth0, http, exchanges).run(fresh)
    return results


def statuses_as_recorded(counts: Counter[Any]) -> int:
    return counts.total() - counts["status differs"]


def bodies_as_recorded(counts: Counter[Any]) -> int:
    return counts["matched"] + counts["seeded"]


def table(results: list[Result]) -> str:
    lines = [f"{'route':46}{'recorded':>9}{'matched':>9}{'seeded':>8}{'unfaithful':>11}{'not matched':>12}"]
    for route, counts in by_route(results):
        missed = counts["body differs"] + counts["status differs"]
        numbers = f"{counts.total():9}{counts['matched']:9}{counts['seeded']:8}{counts['unfaithful']:11}{missed:12}"
        lines.append(f"{route:46}{numbers}")
    reasons: Counter[str] = Counter()
    for result in results:
        if result.outcome not in {"matched", "seeded"}:
            for reason in result.reasons:
                why = next((text for start, text in EXPLAINED.items() if reason.startswith(start)), "")
                where = f"{result.exchange.method} {result.exchange.route}: {reason}"
                reasons[f"{where}{f' ({why})' if why else ''}"] += 1
    return "\n".join([*lines, "", *(f"{count:4} x {reason}" for reason, count in reasons.most_common())])


@pytest.fixture(scope="module")
def results() -> list[Result]:
    folder = recordings.folder()
    if folder is None:
        pytest.skip("no recordings: set MLGATE_RECORDINGS or put them into ../shared/recordings")
    return asyncio.run(replay_all(folder))


def test_the_table_of_routes_is_printed(results: list[Result], capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print("\n" + table(results))


@pytest.mark.parametrize("route", FLOORS, ids=[f"{route} answers as recorded" for route in FLOORS])
def test_no_route_falls_below_its_floor(results: list[Result], route: str) -> None:
    counts = dict(by_route(results))[route]
    assert statuses_as_recorded(counts) >= FLOORS[route]["statuses"]
    assert bodies_as_recorded(counts) >= FLOORS[route]["bodies"]


def test_every_recorded_route_has_a_floor(results: list[Result]) -> None:
    assert {route for route, _ in by_route(results)} == set(FLOORS)


def test_every_status_and_nearly_every_body_is_as_recorded(results: list[Result]) -> None:
    proving = [result for result in results if result.outcome not in {"seeded", "unfaithful"}]
    assert [result for result in results if result.outcome == "status differs"] == []
    assert sum(result.outcome == "matched" for result in proving) >= 0.95 * len(proving)


def test_whatever_differs_is_explained(results: list[Result]) -> None:
    unexplained = [
        (result.exchange.source, result.exchange.position, reason)
        for result in results
        if result.outcome == "body differs"
        for reason in result.reasons
        if not reason.startswith(tuple(EXPLAINED))
    ]
    assert unexplained == []


def write_floors() -> None:
    folder = recordings.folder()
    if folder is None:
        raise SystemExit("no recordings found")
    results = asyncio.run(replay_all(folder))
    floors = {
        route: {"statuses": statuses_as_recorded(counts), "bodies": bodies_as_recorded(counts)}
        for route, counts in by_route(results)
    }
    FLOORS_FILE.write_text(json.dumps(floors, indent=1) + "\n")
    print(table(results))


if __name__ == "__main__" and "--write-floors" in sys.argv:
    write_floors()
