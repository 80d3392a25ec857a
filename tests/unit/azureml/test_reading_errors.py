"""Sentences of the service: the innermost one is found, secrets in it are masked, failures get a remedy."""

from __future__ import annotations

import pytest

from mlgate.azureml import explain
from mlgate.azureml.masking import last_lines, mask
from mlgate.azureml.refusal import of_error, read
from mlgate.errors import Retry, Terminal
from mlgate.reasons import Reason

from .recordings import error_body

SUBJECT = "online deployment blue of endpoint fraud in workspace models"


def test_the_innermost_sentence_of_a_recorded_quota_refusal_is_found() -> None:
    _, _, body = error_body("quota at deployment PUT")
    said = read(body)
    assert said is not None and said.sentence.startswith("VmSize: Not enough quota available for Standard_F4s_v2")


@pytest.mark.parametrize(
    "body",
    [None, "text", {}, {"error": "no object"}, {"error": {}}, [], {"message": "no error"}],
    ids=["nothing", "a page", "empty", "a word", "an empty error", "a list", "another shape"],
)
def test_what_is_not_an_error_of_azures_is_told_apart(body: object) -> None:
    assert read(body) is None


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ('{{"title":"Not Found"}}', "InferencingClientCallFailed"),
        ('broken {"errors": ', 'broken {"errors":'),
        ('prefix: {"error":{"code":"Deep","message":"The deep reason."}}', "The deep reason."),
        ('{"message":"Said plainly."}', "Said plainly."),
        ("no JSON at all", "no JSON at all"),
    ],
    ids=["doubled braces", "cut JSON", "an error in the error", "a message in the message", "plain words"],
)
def test_json_inside_a_message_is_unwrapped(message: str, sentence: str) -> None:
    error = {"code": "InferencingClientCallFailed", "message": "", "details": [{"code": "X", "message": message}]}
    said = of_error(error)
    assert said.sentence in {sentence, "Not Found"}


def test_inner_codes_of_additional_info_are_found_at_any_depth() -> None:
    info = {"type": "InnerError", "info": {"value": {"code": "Outer", "innerError": {"code": "OutOfQuota"}}}}
    assert of_error({"code": "UserError", "message": "x", "additionalInfo": [info]}).has("outofquota")


KNOWN = [
    ("ImageBuildFailure", "conda"),
    ("OutOfQuota", "quota"),
    ("BadArgument", "AcrPull"),
    ("ResourceNotReady", "scoring script"),
    ("ResourceNotFound", "exist"),
    ("WorkspaceManagedNetworkNotReady", "provision-network"),
    ("SecretsInjectionError", "role"),
]


@pytest.mark.parametrize(("code", "remedy"), KNOWN, ids=[code for code, _ in KNOWN])
def test_every_known_failure_says_what_to_do(code: str, remedy: str) -> None:
    failure = explain(SUBJECT, {"code": code, "message": code})
    assert failure.code == code and remedy in failure.sentence and SUBJECT in failure.sentence
    assert isinstance(failure.trouble(), Terminal) and failure.trouble().reason is Reason.PROVISIONING_FAILED


@pytest.mark.parametrize("code", ["InternalServerError", "OperationCanceled"])
def test_a_failure_that_nobody_can_help_is_tried_again(code: str) -> None:
    trouble = explain(SUBJECT, {"code": code, "message": code}).trouble()
    assert isinstance(trouble, Retry) and trouble.reason is Reason.PROVISIONING_FAILED


def test_a_code_that_only_the_troubleshooting_link_names_is_found() -> None:
    error = {"code": "BadRequest", "message": "It broke. See https://aka.ms/oe-tsg#error-imagebuildfailure"}
    assert explain(SUBJECT, error).code == "ImageBuildFailure"


def test_a_failure_without_an_error_shows_the_log() -> None:
    failure = explain(SUBJECT, None, "one\ntwo\n\nModuleNotFoundError: no module named sklearn\n")
    assert "one | two | ModuleNotFoundError" in failure.sentence


def test_an_unknown_failure_is_shown_in_the_services_words() -> None:
    failure = explain(SUBJECT, {"error": {"code": "Novel", "message": "Never seen before."}})
    assert failure.code == "Novel" and "Never seen before." in failure.sentence


SECRET = "s3cr3t-c4n4ry"


@pytest.mark.parametrize(
    "text",
    [
        f"password={SECRET}",
        f"PASSWORD: {SECRET}",
        f'{{"apiKey": "{SECRET}"}}',
        f"AZURE_STORAGE_KEY='{SECRET}'",
        f"DefaultEndpointsProtocol=https;AccountName=x;AccountKey={SECRET};EndpointSuffix=core",
        f"https://x.blob.core.windows.net/c/b?sv=2024&sig={SECRET}&se=1",
        f"Authorization: Bearer {SECRET}",
        f"postgres://user:{SECRET}@db.example/x",
        f"client_secret={SECRET}",
        f"export OPENAI_API_KEY={SECRET}",
        f"token => {SECRET}",
        f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----",
        f"-----BEGIN PRIVATE KEY-----\n{SECRET} (the log was cut here)",
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    assert SECRET not in mask(text) and "***" in mask(text)


@pytest.mark.parametrize(
    "value",
    [
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhenVyZW1sIn0.c2lnbmF0dXJl",
        "dGhpcyBpcyBhIGZha2Uga2V5IG9mIGEgc3RvcmFnZSBhY2NvdW50IQ==",
        "9f86d081884c7d659a2feaa0c55ad015",
        "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW",
    ],
    ids=["a JWT", "base64 of a key", "32 hex digits", "32 letters and digits"],
)
def test_a_bare_key_in_a_line_is_masked(value: str) -> None:
    assert value not in mask(f"using {value} now")


@pytest.mark.parametrize(
    "text",
    [
        "ModuleNotFoundError: No module named 'sklearn'",
        "Invalid client secret provided.",
        "SecretsInjectionError: Secret retrieval and injection failed",
        "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/ws",
        "perform action 'Microsoft.MachineLearningServices/workspaces/onlineEndpoints/listKeys/action'",
    ],
)
def test_what_a_reader_needs_is_left_alone(text: str) -> None:
    assert mask(text) == text


def test_the_end_of_a_log_is_short_and_on_one_line() -> None:
    text = last_lines("\n".join(f"line {number}" for number in range(1000)), 5, longest=30)
    assert "\n" not in text and len(text) <= 30 and text.endswith("line 999")
