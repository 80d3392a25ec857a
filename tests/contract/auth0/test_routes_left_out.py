"""Which recorded routes are not replayed, and why. A route that is neither replayed nor named here fails."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from contract.auth0 import recordings

LEFT_OUT = {
    r"/(rules|hooks)(/.*)?": "past their end of life: nobody makes or changes them any more; the listings are replayed",
    r"/actions/modules(/.*)?": "no kind uses modules; the empty listing is replayed",
    r"/actions/executions/.*": "what an Action did at a login is not configuration",
    r"/clients/\{id\}/preview": "a client registered from a metadata document is not made by mlgate",
    r"/clients/\{id\}/register": "a client registered from a metadata document is not made by mlgate",
    r"/connections(/\{id\}(/clients)?)?": "simulated, and tested in tests/sim; the replay is not there yet",
    r"/connections/\{id\}/keys(/rotate)?": "keys of Okta connections: no kind uses them",
    r"/connections/\{id\}/scim-configuration(/.*)?": "SCIM: no kind uses it",
    r"/guardian/enrollments/.*": "enrolments belong to people, not to configuration",
    r"/oauth/(par|token)": "bodies hold tokens, so they are tested one by one (tests/sim/auth0/test_tokens.py)",
    r"/organizations/\{id\}/clients/\{id\}": "replayed but for one look that still showed a client after its end",
    r"/organizations/\{id\}/discovery-domains(/.*)?": "no kind uses them; clients of a whole tenant see an empty list",
    r"/organizations/\{id\}/invitations": "invitations belong to people, not to configuration",
    r"/users": "replayed but for one conflict that a header decides (custom domains), which no recording shows",
    r"/users/\{id\}/(authentication-methods|connected-accounts|enrollments|federated-connections-tokensets"
    r"|identities|recovery-code-regeneration|refresh-tokens|sessions)(/.*)?": "people's own, not configuration",
}


@pytest.fixture(scope="module")
def left_out() -> Counter[tuple[str, str]]:
    """Recorded requests that are not replayed: (method, route)."""
    folder = recordings.folder()
    if folder is None:
        pytest.skip("no recordings: set MLGATE_RECORDINGS or put them into ../shared/recordings")
    everything = (exchange for exchanges in recordings.read(folder).values() for exchange in exchanges)
    return Counter((e.method, e.route) for e in everything if not recordings.is_replayed(e))


def reason(route: str) -> str | None:
    return next((text for pattern, text in LEFT_OUT.items() if re.fullmatch(pattern, route)), None)


def test_every_recorded_route_is_replayed_or_named_with_a_reason(left_out: Counter[tuple[str, str]]) -> None:
    assert sorted({route for _, route in left_out if reason(route) is None}) == []


def test_the_routes_left_out_are_printed(
    left_out: Counter[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    by_reason: Counter[str] = Counter()
    for (_, route), number in left_out.items():
        by_reason[f"{'/'.join(route.split('/')[:2])}: {reason(route) or 'no reason given'}"] += number
    with capsys.disabled():
        print("\nrecorded exchanges that are not replayed:")
        for text, number in by_reason.most_common():
            print(f"{number:6} {text}")
