"""What the headers of an answer mean for the next request."""

from __future__ import annotations

import pytest

from mlgate.auth0.ratelimit import Bucket, LearnedBucket, Limit, RateHeaders, pause_after_refusal, rate_headers

NOW = 1_790_000_000.0


def test_the_reset_time_is_measured_from_the_answers_own_date() -> None:
    date = "Tue, 24 Nov 2026 10:00:00 GMT"
    told = rate_headers({"date": date, "x-ratelimit-reset": "1795514403", "x-ratelimit-remaining": "0"}, NOW)
    assert told.reset_in == 3
    assert told.remaining == 0


def test_retry_after_may_be_a_date() -> None:
    told = rate_headers({"date": "Tue, 24 Nov 2026 10:00:00 GMT", "retry-after": "Tue, 24 Nov 2026 10:00:09 GMT"}, NOW)
    assert told.retry_after == 9


def test_headers_that_make_no_sense_say_nothing() -> None:
    told = rate_headers({"x-ratelimit-limit": "many", "x-ratelimit-reset": "soon", "retry-after": "later"}, NOW)
    assert told == RateHeaders(None, None, None, None)


@pytest.mark.parametrize(
    ("told", "refusals", "least", "most"),
    [
        pytest.param(RateHeaders(10, 0, 2.0, 7.0), 1, 7.0, 8.4, id="Retry-After goes first"),
        pytest.param(RateHeaders(10, 0, 3.0, None), 1, 3.0, 3.6, id="then the reset time"),
        pytest.param(RateHeaders(10, 0, -5.0, None), 1, 1.0, 1.2, id="a reset time in the past is no reason to spin"),
        pytest.param(RateHeaders(10, 0, None, 0.0), 1, 1.0, 1.2, id="nor is Retry-After: 0"),
        pytest.param(RateHeaders(None, None, None, None), 1, 1.0, 1.2, id="without any word one second at first"),
        pytest.param(RateHeaders(None, None, None, None), 4, 8.0, 9.6, id="doubled by every refusal in a row"),
        pytest.param(RateHeaders(None, None, None, None), 50, 60.0, 72.0, id="up to a minute"),
        pytest.param(RateHeaders(None, None, None, 86400.0), 1, 300.0, 360.0, id="never longer than five minutes"),
    ],
)
def test_pause_after_a_refusal(told: RateHeaders, refusals: int, least: float, most: float) -> None:
    assert pause_after_refusal(told, refusals, 0.0) == least
    assert pause_after_refusal(told, refusals, 0.999) == pytest.approx(most, rel=0.01)


def test_a_bucket_does_not_fill_for_what_may_not_have_been_counted_yet() -> None:
    bucket = Bucket(Limit(2, 2.0), 0.0)
    bucket.take(0.0)
    assert bucket.wait(10.0) == 0  # the second of the burst
    bucket.take(10.0)
    assert bucket.wait(20.0) > 0  # both may arrive only now, and then nothing is left
    bucket.ended(20.0)
    assert bucket.wait(20.0) == pytest.approx(0.5)


def test_a_bucket_that_others_empty_too_is_believed() -> None:
    bucket = Bucket(Limit(10, 1.0), 0.0)
    bucket.take(0.0)
    bucket.learn(0.0, remaining=0)
    bucket.ended(0.0)
    assert bucket.wait(0.0) > 0
    assert bucket.wait(1.0) == 0


def test_a_bucket_never_gets_fuller_by_a_header() -> None:
    bucket = Bucket(Limit(2, 1.0), 0.0)
    bucket.take(0.0)
    bucket.take(0.0)
    bucket.learn(0.0, remaining=2)
    assert bucket.wait(0.0) > 0


def test_an_unknown_bucket_lets_everything_pass_until_a_header_speaks() -> None:
    bucket = LearnedBucket()
    assert all(bucket.wait(0.0, ahead=n) == 0 for n in range(100))
    bucket.take(0.0)
    bucket.learn(0.0, remaining=0, reset_in=4.0)
    bucket.ended(0.0)
    assert bucket.wait(0.0) == 4
    assert bucket.wait(4.0) == 0
    assert bucket.wait(4.0, ahead=1) == pytest.approx(4.0)  # the reset brings one token, not a burst
