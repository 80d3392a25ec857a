"""A sensitive value is shown by nothing that prints, formats, logs or serializes: redaction by type."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pprint import pformat

import pytest
import yaml

from mlgate.sensitive import REDACTED, Sensitive, hidden

VALUE = "hunter2"
SECRET = Sensitive(VALUE)


@dataclass
class Holder:
    secret: Sensitive


def logged(write: Callable[[logging.Logger], None]) -> str:
    lines: list[str] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record) + repr(record.__dict__))

    logger = logging.Logger("test", logging.DEBUG)
    logger.addHandler(Lines())
    write(logger)
    assert lines
    return "\n".join(lines)


def trace() -> str:
    try:
        raise RuntimeError("met", SECRET)
    except RuntimeError as error:
        return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


SHOWN = {
    "str": lambda: str(SECRET),
    "repr": lambda: repr(SECRET),
    "an f-string": lambda: f"{SECRET}",
    "an f-string with its repr and a width": lambda: f"{SECRET!r:>20}",
    "format with a width": lambda: format(SECRET, ">20"),
    "a percent format": lambda: "%s %r" % (SECRET, SECRET),  # noqa: UP031
    "str.format": lambda: "{0} {0!r} {0:10}".format(SECRET),  # noqa: UP032
    "a list": lambda: str([SECRET]),
    "a dict": lambda: str({"k": SECRET}),
    "a dataclass": lambda: str(Holder(SECRET)),
    "pretty printing": lambda: pformat({"k": [SECRET]}),
    "an exception with its locals": trace,
    "the text of an exception": lambda: str(ValueError(SECRET)),
    "JSON with str for what is unknown": lambda: json.dumps({"k": SECRET}, default=str),
    "a log line": lambda: logged(lambda log: log.info("met %s", SECRET)),
    "a log line with the value as its message": lambda: logged(lambda log: log.info(SECRET)),
    "a log line with more fields": lambda: logged(lambda log: log.info("m", extra={"secret": SECRET})),
    "its fingerprint": SECRET.fingerprint,
}


@pytest.mark.parametrize("show", SHOWN.values(), ids=SHOWN.keys())
def test_is_not_shown_by(show: Callable[[], str]) -> None:
    text = show()
    assert text
    assert VALUE not in text


REFUSED: dict[str, Callable[[], object]] = {
    "JSON": lambda: json.dumps({"k": SECRET}),
    "pickle": lambda: pickle.dumps(SECRET),
    "the oldest pickle": lambda: pickle.dumps(SECRET, protocol=0),
    "a copy": lambda: copy.copy(SECRET),
    "a deep copy": lambda: copy.deepcopy({"k": SECRET}),
    "a dataclass as a dict": lambda: asdict(Holder(SECRET)),
}


@pytest.mark.parametrize("give", REFUSED.values(), ids=REFUSED.keys())
def test_is_refused_by(give: Callable[[], object]) -> None:
    with pytest.raises(TypeError) as caught:
        give()
    assert VALUE not in str(caught.value)


def test_yaml_does_not_show_it() -> None:
    with pytest.raises((TypeError, yaml.YAMLError)):
        yaml.dump({"k": SECRET})
    with pytest.raises(yaml.YAMLError):
        yaml.safe_dump({"k": SECRET})


def test_it_has_no_attributes_to_stumble_over() -> None:
    assert not hasattr(SECRET, "__dict__")
    assert not hasattr(SECRET, "value")
    assert str(SECRET) == REDACTED


def test_only_reveal_gives_it_away() -> None:
    assert SECRET.reveal() == VALUE


@pytest.mark.parametrize(
    ("other", "equal"),
    [
        pytest.param(Sensitive(VALUE), True, id="the same value is equal"),
        pytest.param(Sensitive("other"), False, id="another value is not"),
        pytest.param(VALUE, False, id="the bare text is not equal to it"),
    ],
)
def test_comparing(other: object, equal: bool) -> None:
    assert (other == SECRET) is equal
    assert not equal or hash(SECRET) == hash(other)


def test_comparing_takes_any_text() -> None:
    assert Sensitive("pässword") == Sensitive("pässword")
    assert Sensitive("pässword").fingerprint() != Sensitive("password").fingerprint()


def test_an_empty_secret_is_false() -> None:
    assert not Sensitive("")
    assert SECRET


def test_a_fingerprint_tells_equal_from_different() -> None:
    assert SECRET.fingerprint() == Sensitive(VALUE).fingerprint()
    assert SECRET.fingerprint() != Sensitive("other").fingerprint()
    assert len(SECRET.fingerprint()) == 12


def test_words_of_somebody_else_are_told_without_the_secrets_of_a_wish() -> None:
    wish = {
        "password": Sensitive("hunter-2"),
        "secrets": [{"value": Sensitive("hunter-2-too")}],
        "pin": Sensitive("too"),
    }
    told = hidden("hunter-2-too is too much like hunter-2", wish)
    assert told == "*** is too much like ***", "the longest first, and a short word is left in its sentence"
