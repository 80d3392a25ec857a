"""What mlgate leaves alone is there for those who look at a whole tenant."""

from __future__ import annotations

from mlgate_sim.auth0 import Auth0Simulator
from mlgate_sim.auth0.rest_of_tenant import EMPTY_LISTS, REFUSED, STOCK
from sim.auth0.conftest import Caller

NO_SUCH_SCOPE = {"/rate-limit-policies", "/connections-directory-provisionings"}


async def test_every_other_part_of_a_tenant_answers_as_a_new_one_does(call: Caller) -> None:
    for path in (*STOCK, *EMPTY_LISTS):
        answer = await call("GET", path.format(prompt="login", language="en", id="org_x"))
        assert answer.status_code == (403 if path in NO_SUCH_SCOPE else 200), path
    for path, (_, error) in REFUSED.items():
        answer = await call("GET", path.format(template="verify_email"))
        assert (answer.status_code, answer.json()["errorCode"]) == (error.status, error.body["errorCode"])


async def test_rules_and_hooks_that_a_tenant_still_has_are_listed(auth0: Auth0Simulator, call: Caller) -> None:
    assert (await call("GET", "/rules?include_totals=true")).json() == {
        "total": 0,
        "start": 0,
        "limit": 50,
        "rules": [],
    }
    for order, (name, enabled) in enumerate([("mfa", True), ("old", False)], start=1):
        auth0.state.rules[f"rul_{order}"] = {
            "id": f"rul_{order}",
            "name": name,
            "enabled": enabled,
            "order": order,
            "stage": "login_success",
            "script": "function (user, context, callback) { callback(null, user, context); }",
        }
    auth0.state.hooks["01"] = {"id": "01", "name": "signup", "triggerId": "pre-user-registration", "enabled": True}
    rules = (await call("GET", "/rules?fields=name&include_fields=true")).json()
    assert rules == [{"name": "mfa"}, {"name": "old"}]
    assert [rule["name"] for rule in (await call("GET", "/rules?enabled=true")).json()] == ["mfa"]
    assert [hook["name"] for hook in (await call("GET", "/hooks")).json()] == ["signup"]
