"""Takes secrets out of text that Azure gives us: log lines of containers and sentences of the service.

Users print what they like from a scoring script: connection strings, SAS URLs, keys, tokens. Lines of that log end in
conditions and Events, so everything that looks like a secret is masked; one word too many masked costs little.
"""

from __future__ import annotations

import re

from mlgate.sensitive import REDACTED

_NAMES = (  # not the name of an error, which a sentence follows
    r"(?:(?![\w.-]*(?:Error|Exception|Failure))[\w.-]*(?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|account[_-]?key|shared[_-]?access[_-]?"
    r"(?:key|signature)|signature|credential|connection[_-]?string|private[_-]?key|primary[_-]?key|secondary[_-]?key)"
    r"[\w.-]*|(?:[\w.-]*[_.-])?(?:key|sig|sas|pass))"
)
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
        REDACTED,
    ),
    (re.compile(r"\b(Bearer|Basic|SharedAccessSignature)\s+[^\s\"',;]+", re.IGNORECASE), rf"\1 {REDACTED}"),
    (re.compile(r"\beyJ[\w-]{4,}\.[\w.-]+"), REDACTED),  # a JWT, or the start of one
    (re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"), REDACTED),  # user:password@host
    # name=value, name: value, "name": "value", ?sig=value
    (
        re.compile(rf"(?i)(?<![\w])({_NAMES}[\"']?\s*(?:=>?|:)\s*)(\"[^\"]*\"|'[^']*'|[^\s&;,\"'}}\])]+)"),
        rf"\1{REDACTED}",
    ),
    (
        re.compile(r"(?<![\w/+-])[A-Za-z0-9+/]{40,}={1,2}"),
        REDACTED,
    ),  # base64 of a key; the padding tells it from a path
    (re.compile(r"(?<![\w/+.-])(?=[\w]*\d)(?=[\w]*[A-Za-z])[A-Za-z0-9]{32,}(?![\w/.-])"), REDACTED),  # keys, digests
)


def mask(text: str) -> str:
    """The text with everything that looks like a key, a token, a SAS or a password replaced by `***`."""
    for pattern, shown in _RULES:
        text = pattern.sub(shown, text)
    return text


def last_lines(log: str, lines: int, longest: int = 300) -> str:
    """The last non-empty lines of a log in one line of text, masked and at most `longest` characters long."""
    kept = [line.strip() for line in mask(log).splitlines() if line.strip()][-lines:]
    text = " | ".join(kept)
    return text if len(text) <= longest else "…" + text[-(longest - 1) :]
