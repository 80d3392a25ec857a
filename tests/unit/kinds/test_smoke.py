"""Which answers to a smoke request say that a deployment is good, which that it is bad, and which say nothing."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from mlgate.api.rollout import SmokeExpectation
from mlgate.azureml import ScoringAnswer
from mlgate.kinds.secured_endpoint.smoke import judged

NAME = "fraud-1a2b3c4d"
GOOD, BAD, NOTHING = True, False, None


@dataclass(frozen=True)
class Case:
    says: str
    status: int | None
    text: str = "{}"
    who: str | None = NAME
    contains: str | None = None
    expected: int = 200
    good: bool | None = GOOD
    words: str = ""

    def __str__(self) -> str:
        return self.says


CASES = [
    Case("the expected status of the deployment itself is good", 200),
    Case("the service may write the name in another case", 200, who=NAME.upper()),
    Case("an answer of another deployment says nothing about this one", 200, who="blue", good=NOTHING, words="blue"),
    Case("an answer of nobody in particular says nothing", 200, who=None, good=NOTHING),
    Case("a scoring script that fails is bad", 424, "boom", good=BAD, words="424 (boom) instead of 200"),
    Case("a deployment that is too slow is bad", 408, who=None, good=BAD),
    Case("an error of the deployment is bad", 500, good=BAD),
    Case("an error of the platform says nothing", 500, who=None, good=NOTHING),
    Case("a credential that is being renewed says nothing", 401, who=None, good=NOTHING),
    Case("a limit that is reached says nothing", 429, good=NOTHING),
    Case("an instance that is coming up says nothing", 503, good=NOTHING),
    Case("a deployment that is not routed to yet says nothing", 404, who=None, good=NOTHING),
    Case("no answer says nothing", None, "no answer within 10 s", good=NOTHING, words="within 10 s"),
    Case("another status may be what is expected", 422, expected=422),
    Case("200 is bad when something else is expected", 200, expected=422, good=BAD),
    Case("an answer may say more than is expected", 200, '{"a": 1, "b": {"c": [1, 2], "d": 3}}',
         contains='{"b": {"c": [1, 2]}}'),
    Case("an answer that lacks a field is bad", 200, '{"a": 1}', contains='{"b": 1}', good=BAD, words="has no $.b"),
    Case("an answer with another value is bad and told", 200, '{"a": {"b": 0.7}}', contains='{"a": {"b": 0.1}}',
         good=BAD, words="has 0.7 at $.a.b instead of 0.1"),
    Case("numbers are the same to six digits", 200, "[0.30000001]", contains="[0.3]"),
    Case("a shorter list is bad", 200, "[1]", contains="[1, 2]", good=BAD, words="list of 2 at $"),
    Case("another entry of a list is bad", 200, "[1, 3]", contains="[1, 2]", good=BAD, words="$[1]"),
    Case("JSON inside a JSON string is read", 200, '"{\\"a\\": 1}"', contains='{"a": 1}'),
    Case("true is not one", 200, '{"a": true}', contains='{"a": 1}', good=BAD),
    Case("text where JSON is expected is bad", 200, "<html>", contains='{"a": 1}', good=BAD, words="no object at $"),
    Case("an expectation that is no JSON lets nothing pass", 200, contains="{a", good=BAD, words="is not JSON"),
    Case("keys in an answer are not shown", 500, "AccountKey=c2VjcmV0c2VjcmV0c2VjcmV0", good=BAD, words="***"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_judged(case: Case) -> None:
    expect = SmokeExpectation(status=case.expected, contains=case.contains)
    answer = judged(ScoringAnswer(case.status, case.text, case.who), NAME, expect)
    assert answer.good is case.good, answer
    assert case.words in answer.message
    assert bool(answer.message) is (case.good is not True)
