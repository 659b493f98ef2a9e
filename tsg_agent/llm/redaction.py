"""Redacts personal data and secrets: the model gets placeholders, which are replaced back in its answers."""

import re
import threading
from functools import partial
from typing import Any

SECRET = "[secret]"  # noqa: S105 - what stands in a secret's place

_SECRETS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\b(?:sk|pk|rk)[-_](?:[A-Za-z0-9]+[-_])*[A-Za-z0-9]{16,}"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bxox[abprs]-[\w-]{10,}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bAIza[\w-]{30,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"
    r"|(?<=://)[^\s/:@]+:[^\s/@]+(?=@)"
    r"|\b(?i:bearer|basic)\s+[A-Za-z0-9+/=_.~-]{12,}",
    re.DOTALL,
)
_ASSIGNED = re.compile(
    r"(?i)\b((?:[\w-]*[_-])?(?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|credential)s?"
    r"[\"']?\s*[:=]\s*[\"']?)([^\s\"',;&]{4,})"
)
_PEOPLE = (
    ("EMAIL", re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{2,63}){1,5}")),
    (
        "ADDRESS",
        re.compile(
            r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w.]*\d)"
            r"|(?<![\w:])(?:[0-9a-fA-F]{1,4}:){4,7}[0-9a-fA-F]{1,4}(?![\w:])"
            r"|(?<![\w:])(?:[0-9a-fA-F]{1,4}:){1,6}:(?:[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{1,4}){0,5})?(?![\w:])"
        ),
    ),
    (
        "USER",
        re.compile(
            r"\b(?:user|usr|customer|cust|account|acct)s?(?:[-_#]|\s?id\s?[:=]?\s?|[-_]id[-_:=]\s?)"
            r"(?=[\w-]*\d)[\w-]{1,64}",
            re.IGNORECASE,
        ),
    ),
)
_PLACEHOLDER = re.compile(r"\b(?:EMAIL|ADDRESS|USER)_\d+\b")


class Redactor:
    """The placeholders of one investigation, one per distinct text. Thread-safe."""

    def __init__(self, enabled: bool = True) -> None:
        """`enabled`: redact personal data; secrets are always redacted."""
        self._enabled = enabled
        self._given: dict[str, str] = {}
        self._originals: dict[str, str] = {}
        self._lock = threading.Lock()

    def hide(self, text: str) -> str:
        """The redacted text."""
        text = without_secrets(text)
        if not self._enabled:
            return text
        for kind, pattern in _PEOPLE:
            text = pattern.sub(partial(self._replaced, kind), text)
        return text

    def hidden(self, value: Any) -> Any:
        """Plain JSON with all its texts redacted."""
        if isinstance(value, str):
            return self.hide(value)
        if isinstance(value, dict):
            return {key: self.hidden(held) for key, held in value.items()}
        return [self.hidden(held) for held in value] if isinstance(value, list | tuple) else value

    def put_back(self, text: str) -> str:
        """The model's text with its placeholders replaced by the originals, except those of secrets."""
        return _PLACEHOLDER.sub(lambda match: self._originals.get(match[0], match[0]), text)

    def _replaced(self, kind: str, match: re.Match[str]) -> str:
        return self._placeholder(kind, match[0])

    def _placeholder(self, kind: str, original: str) -> str:
        if _PLACEHOLDER.fullmatch(original):
            return original
        with self._lock:
            if original not in self._given:
                number = 1 + sum(name.startswith(kind) for name in self._originals)
                self._given[original] = f"{kind}_{number}"
                self._originals[f"{kind}_{number}"] = original
            return self._given[original]


def without_secrets(text: str, *known: str) -> str:
    """A text without keys, tokens and passwords: those of known formats, and the given ones."""
    for secret in known:
        if len(secret) >= 8:
            text = text.replace(secret, SECRET)
    return _ASSIGNED.sub(lambda match: match[1] + SECRET, _SECRETS.sub(SECRET, text))
