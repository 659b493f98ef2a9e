"""Verifies senders' signatures over raw bodies, and signs outgoing ones."""

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from tsg_agent.errors import TsgError
from tsg_agent.web.config import Hook

STALE_S = 300
"""Seconds after which a signed time is refused."""
STALE_SNS_S = 3_600
"""The same for SNS, whose retries carry the time of the first attempt."""
AMAZON = re.compile(r"sns\.[a-z0-9-]{1,40}\.amazonaws\.com(?:\.cn)?")
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    **dict.fromkeys(
        ("SubscriptionConfirmation", "UnsubscribeConfirmation"),
        ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    ),
}
Fetch = Callable[[str], Awaitable[bytes]]


class Unsigned(TsgError):
    """A body without a valid signature."""


def _refuse(why: str) -> Unsigned:
    return Unsigned(f"The message is refused: {why}.", fix="docs/serve.md says how each sender signs.")


def signature(secret: str, body: bytes, at: int | None = None) -> str:
    """The header X-TSG-Signature of an outgoing body. `at`: Unix time in seconds, default now."""
    at = int(time.time()) if at is None else at
    return f"t={at},v1={_hex(secret, f'{at}.'.encode() + body)}"


def check(hook: Hook, headers: Mapping[str, str], body: bytes) -> None:
    """Raises Unsigned for an invalid or expired signature."""
    secret = hook.secret.get_secret_value() if hook.secret else ""
    if hook.sender == "pagerduty":
        given = [one.strip().partition("=") for one in headers.get("x-pagerduty-signature", "").split(",")]
        _match([value for name, _, value in given if name == "v1"], _hex(secret, body))
    elif hook.sender == "grafana":
        at = headers.get("x-grafana-alerting-timestamp", "")
        signed = f"{at}:".encode() + body if at else body
        _match([headers.get("x-grafana-alerting-signature", "")], _hex(secret, signed))
        if at:
            _check_age(at)
    else:
        given = [one.strip().partition("=") for one in headers.get("x-tsg-signature", "").split(",")]
        at = next((value for name, _, value in given if name == "t"), "")
        _match([value for name, _, value in given if name == "v1"], _hex(secret, f"{at}.".encode() + body))
        _check_age(at)


async def check_sns(topic: str, body: bytes, fetch: Fetch) -> dict[str, Any]:
    """Parse and verify a message of Amazon SNS for this topic. Raises Unsigned."""
    try:
        message = json.loads(body)
        signed = _SIGNED[message["Type"]]
        named = "".join(f"{name}\n{message[name]}\n" for name in signed if name in message)
        given, url = base64.b64decode(message["Signature"], validate=True), str(message["SigningCertURL"])
        sent = datetime.fromisoformat(message["Timestamp"])
        about, version = message["TopicArn"], message.get("SignatureVersion")
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _refuse("it is no message of SNS") from None
    if about != topic:
        raise _refuse("it is about another topic")
    if sent.tzinfo is None or abs((datetime.now(UTC) - sent).total_seconds()) > STALE_SNS_S:
        raise _refuse("it is too old")
    key = x509.load_pem_x509_certificate(await fetch(amazons(url))).public_key()
    try:
        if not isinstance(key, RSAPublicKey):
            raise InvalidSignature
        key.verify(given, named.encode(), PKCS1v15(), SHA256() if version == "2" else SHA1())  # noqa: S303 - the hash of SNS's signature version 1
    except InvalidSignature:
        raise _refuse("its signature is wrong") from None
    return dict(message)


def amazons(url: str) -> str:
    """The URL if its host is Amazon SNS. Raises Unsigned."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not AMAZON.fullmatch(parts.netloc.lower()):
        raise _refuse("its URL leads elsewhere than to SNS")
    return url


async def fetched(url: str) -> bytes:
    """The content at a URL, without following redirects. Raises Unsigned."""
    try:
        async with httpx.AsyncClient(timeout=10, follow_redirects=False) as client:
            return (await client.get(url)).raise_for_status().content
    except httpx.HTTPError as error:
        raise _refuse(f"{urlsplit(url).netloc} does not answer ({type(error).__name__})") from None


def _hex(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _match(given: list[str], right: str) -> None:
    # sum(), since any() stops at the first match: how long it takes must not depend on which one it is.
    if not sum(hmac.compare_digest(one.strip().lower().encode(), right.encode()) for one in given):
        raise _refuse("its signature is missing, or wrong")


def _check_age(at: str) -> None:
    if not at.isdigit() or len(at) > 15 or abs(time.time() - int(at)) > STALE_S:
        raise _refuse("its time is too far from now")
