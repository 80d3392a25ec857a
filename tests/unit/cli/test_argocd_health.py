"""The health check for Argo CD, run on what the engine really publishes, in the Lua that Argo CD gives such scripts:
version 5.1 with the base and table libraries, no string, math, io (Argo CD, util/lua)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lupa import lua51

from mlgate.engine.protocols import Health
from mlgate.engine.verdict import Verdict, conditions, of_bug, of_health, of_trouble
from mlgate.errors import Retry, Terminal, Trouble, Wait
from mlgate.reasons import Reason

SCRIPT = (Path(__file__).parents[3] / "deploy" / "argocd" / "health.lua").read_text()
WITHHELD = ("string", "math", "io", "os", "debug", "coroutine", "python", "require", "package")

AVAILABLE = of_health(Health(True, Reason.AVAILABLE))


def health(obj: dict[str, Any]) -> tuple[str, str]:
    lua = lua51.LuaRuntime(register_eval=False, register_builtins=False)
    for name in WITHHELD:
        lua.execute(f"_G['{name}'] = nil")

    def table(value: Any) -> Any:
        match value:
            case dict():
                return lua.table_from({key: table(each) for key, each in value.items() if each is not None})
            case list():
                return lua.table_from([table(each) for each in value])
            case _:
                return value

    lua.globals().obj = table(obj)
    found = lua.execute(SCRIPT)
    return found["status"], found["message"]


def published(verdict: Verdict, *, generation: int = 3, **metadata: Any) -> dict[str, Any]:
    said = conditions(verdict, (), generation=3, now="2026-01-01T00:00:00Z")
    return {
        "metadata": {"name": "a", "generation": generation, **metadata},
        "status": {"observedGeneration": 3, "conditions": said},
    }


def troubled(trouble: Trouble) -> Verdict:
    return of_trouble(trouble, was_well=False, attempt=1)


CASES = {
    "nobody has looked at it yet": ({"metadata": {"generation": 1}}, "Progressing", "Nothing has looked at it yet."),
    "it is there and as wished": (published(AVAILABLE), "Healthy", "Available"),
    "its newest change has not been looked at": (
        published(AVAILABLE, generation=4),
        "Progressing",
        "The last change has not been looked at yet.",
    ),
    "it waits for another object": (
        published(troubled(Wait("Waits for Auth0Tenant ml/main.", reason=Reason.DEPENDENCY_NOT_READY))),
        "Progressing",
        "DependencyNotReady: Waits for Auth0Tenant ml/main.",
    ),
    "the service does not answer": (
        published(troubled(Retry("No answer.", reason=Reason.UNREACHABLE))),
        "Progressing",
        "Unreachable: No answer.",
    ),
    "the manifest is wrong": (
        published(troubled(Terminal("No such permission.", reason=Reason.INVALID_SPEC))),
        "Degraded",
        "InvalidSpec: No such permission.",
    ),
    "it is there, but failed": (
        published(of_health(Health(False, Reason.PROVISIONING_FAILED, "Out of memory.", failed=True))),
        "Degraded",
        "ProvisioningFailed: Out of memory.",
    ),
    "it answers while a change is on its way": (
        published(of_health(Health(True, Reason.UPDATING, "Traffic moves.", settled=False))),
        "Progressing",
        "Updating: Traffic moves.",
    ),
    "mlgate itself is wrong": (published(of_bug(KeyError("x"))), "Progressing", None),
    "a plan waits for a yes": (
        published(Verdict(True, False, Reason.PLAN_PENDING, "Would update name.")),
        "Suspended",
        "PlanPending: Would update name.",
    ),
    "it is paused and nothing is to be done": (
        published(AVAILABLE, annotations={"mlgate.dev/paused": "true"}),
        "Suspended",
        "Available",
    ),
    "its pause was ended with the word false": (
        published(AVAILABLE, annotations={"mlgate.dev/paused": "false"}),
        "Healthy",
        "Available",
    ),
}


@pytest.mark.parametrize(("obj", "status", "message"), CASES.values(), ids=CASES.keys())
def test_argo_cd_shows(obj: dict[str, Any], status: str, message: str | None) -> None:
    shown, why = health(obj)
    assert shown == status
    assert message is None or why == message
