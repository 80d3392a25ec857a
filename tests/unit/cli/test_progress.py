"""What the live view shows and when all is well."""

from __future__ import annotations

from typing import Any

from mlgate.cli.dev.live import line, news
from mlgate.cli.dev.progress import Progress, Row, settled, shorten, why_not
from mlgate.store.protocol import Key, Object

NAMESPACE = "ml"


def obj(kind: str, name: str, *, ready: str = "", reason: str = "", message: str = "", owner: str = "") -> Object:
    metadata: dict[str, Any] = {"name": name, "namespace": NAMESPACE, "uid": f"{kind}/{name}", "generation": 1}
    if owner:
        metadata["ownerReferences"] = [{"uid": owner}]
    conditions = [
        {"type": type_, "status": ready, "reason": reason, "message": message, "observedGeneration": 1}
        for type_ in ("Ready", "Synced")
        if ready
    ]
    return {"kind": kind, "metadata": metadata, "status": {"conditions": conditions}}


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_children_stand_below_their_owner() -> None:
    rows = Progress(Time()).rows(
        [
            obj("Auth0API", "fraud", owner="SecuredModelEndpoint/fraud"),
            obj("Auth0AppBinding", "checkout"),
            obj("SecuredModelEndpoint", "fraud"),
        ]
    )
    assert [(row.key.kind, row.depth) for row in rows] == [
        ("SecuredModelEndpoint", 0),
        ("Auth0API", 1),
        ("Auth0AppBinding", 0),
    ]


def test_the_time_until_ready_stands_still_once_it_is() -> None:
    time = Time()
    progress = Progress(time)
    assert progress.rows([obj("Auth0API", "a")])[0].seconds == 0.0
    time.now = 3.0
    assert progress.rows([obj("Auth0API", "a", ready="False")])[0].seconds == 3.0
    assert progress.rows([obj("Auth0API", "a", ready="True")])[0].seconds == 3.0
    time.now = 60.0
    assert progress.rows([obj("Auth0API", "a", ready="True")])[0].seconds == 3.0


def test_all_is_well_only_when_what_was_applied_is_there_and_all_that_is_there_is_ready() -> None:
    progress, wanted = Progress(Time()), [Key("Auth0API", NAMESPACE, "a")]
    assert not settled(progress.rows([]), wanted)
    assert not settled(progress.rows([obj("Auth0API", "a", ready="True"), obj("Auth0Role", "b")]), wanted)
    assert settled(progress.rows([obj("Auth0API", "a", ready="True")]), wanted)


def test_why_it_takes_so_long_is_said_cause_first() -> None:
    owner = obj("SecuredModelEndpoint", "fraud", ready="False", reason="DependencyNotReady", message="Auth0API fraud")
    child = obj("Auth0API", "fraud", ready="False", reason="Unreachable", owner="SecuredModelEndpoint/fraud")
    missing = Key("Auth0AppBinding", NAMESPACE, "checkout")
    assert why_not(Progress(Time()).rows([owner, child]), [missing]) == [
        "Auth0AppBinding ml/checkout was applied but has not been looked at yet.",
        "Auth0API ml/fraud: Unreachable",
        "SecuredModelEndpoint ml/fraud: DependencyNotReady: Auth0API fraud",
    ]


def test_without_a_terminal_each_change_is_one_line_and_nothing_is_said_twice() -> None:
    progress, said = Progress(Time()), dict[Key, tuple[str, str, str, str]]()

    def told(*present: Object) -> list[str]:
        return [line(row) for row in news(progress.rows(present), said)]

    assert told(obj("Auth0API", "a")) == []
    waiting = obj("Auth0API", "a", ready="False", reason="Creating", message="Auth0 is\nmaking it.")
    assert told(waiting) == ["   0.0 s  Auth0API ml/a  Ready=False Creating  Auth0 is making it."]
    assert told(waiting) == []
    assert told(obj("Auth0API", "a", ready="True", reason="Available")) == [
        "   0.0 s  Auth0API ml/a  Ready=True Available"
    ]


def test_long_messages_are_cut_and_keep_to_one_line() -> None:
    assert shorten("a\n b") == "a b"
    assert shorten("word " * 100, 12) == "word word w…"
    assert isinstance(Progress(Time()).rows([obj("Auth0API", "a")])[0], Row)


def test_every_step_of_a_rollout_is_news_although_nothing_else_changes() -> None:
    def rolling(progress: str) -> Object:
        made = obj("SecuredModelEndpoint", "fraud", ready="True", reason="Updating")
        made["status"]["rollout"] = {"progress": progress}
        return made

    progress, said = Progress(Time()), {}
    told = [line(row) for step in ("1/2 5%", "1/2 5%", "2/2 50%") for row in news(progress.rows([rolling(step)]), said)]
    assert [text.rsplit("Updating ", 1)[-1] for text in told] == ["1/2 5%", "2/2 50%"]
