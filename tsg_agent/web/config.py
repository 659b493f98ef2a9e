"""The server's configuration: access tokens, webhook senders, notification targets, limits.

One TOML file, `tsg-agent serve --config FILE`. A secret can be "env:NAME", to read it from the environment.
"""

import hashlib
import hmac
import ipaddress
import os
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationError

from tsg_agent.errors import SettingsError
from tsg_agent.extract import Given
from tsg_agent.models import Model

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
LEAST_SECRET = 16


def _from_environment(secret: SecretStr) -> SecretStr:
    name = secret.get_secret_value().removeprefix("env:")
    if name != secret.get_secret_value():
        secret = SecretStr(os.environ.get(name, ""))
        if not secret.get_secret_value():
            raise ValueError(f"the environment has no {name}")
    if len(secret.get_secret_value()) < LEAST_SECRET:
        raise ValueError(f"a secret has at least {LEAST_SECRET} characters")
    return secret


Secret = Annotated[SecretStr, AfterValidator(_from_environment)]


class AccessToken(Model):
    """An access token, stored as its SHA-256. Its holder reads the investigations of the token's team."""

    team: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="of the token: `tsg-agent token` makes both")


class Hook(Model):
    """A sender of alerts: POST /hooks/NAME starts investigations of a source."""

    sender: Literal["pagerduty", "alertmanager", "grafana", "datadog", "cloudwatch", "generic"]
    source: str = ""
    team: str = Field("", description="whose its investigations are, where the sender signs; else its token's")
    secret: Secret | None = Field(None, description="what the sender signs with: pagerduty, grafana, generic")
    topic: str = Field("", description="cloudwatch: the ARN of the one SNS topic that is heard")
    given: Given = Given()

    @property
    def signs(self) -> bool:
        """True if its requests are signed; otherwise they need a bearer token."""
        return self.secret is not None or self.sender == "cloudwatch"


class Target(Model):
    """A notification target for the start and end of investigations."""

    kind: Literal["webhook", "slack"] = "webhook"
    team: str | None = Field(None, description="whose investigations; None = everybody's")
    url: str = Field("https://slack.com/api/chat.postMessage", pattern="^https?://")
    secret: Secret = Field(description="webhook: what bodies are signed with; slack: the bot's token (xoxb-…)")
    channel: str = Field("", description="slack: the channel's id")


class ServerLimits(Model):
    """Load limits of a server."""

    body_bytes: int = Field(1_000_000, gt=0, description="of a request")
    requests_a_minute: int = Field(600, gt=0, description="of one token, or address where there are no tokens")
    open_investigations: int = Field(100, gt=0, description="that run, wait or ask, of all together")
    questions_at_once: int = Field(8, gt=0)
    readers: int = Field(500, gt=0, description="of events at once")


class Serving(Model):
    """The configuration file."""

    public_url: str = Field("", description="as people reach the server: of links in messages; its host is allowed")
    hosts: tuple[str, ...] = Field((), description="further names under which the server is reached")
    tokens: dict[str, AccessToken] = Field(default_factory=dict)
    hooks: dict[str, Hook] = Field(default_factory=dict)
    targets: dict[str, Target] = Field(default_factory=dict)
    limits: ServerLimits = ServerLimits()

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """Accepted values of the Host header, without ports."""
        public = self.public_url.split("://")[-1].split("/")[0].rsplit(":", 1)[0]
        return frozenset({*LOOPBACK, *self.hosts, *([public] if public else [])})

    def holder(self, token: str) -> tuple[str, str] | None:
        """The (name, team) of a token; None for an unknown one. Constant time."""
        said, found = hashlib.sha256(token.encode()).hexdigest(), None
        for name, held in self.tokens.items():
            if hmac.compare_digest(held.sha256, said):
                found = (name, held.team)
        return found


def load_serving(file: Path | None) -> Serving:
    """Read the file. Raises SettingsError, naming what is wrong."""
    if file is None:
        return Serving()
    try:
        serving = Serving.model_validate(tomllib.loads(file.read_text("utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise SettingsError(f"{file}: {where}: {first['msg']}.", fix="docs/serve.md has every setting.") from None
    except (OSError, ValueError) as error:
        raise SettingsError(f"{file} cannot be read: {error}.", fix="docs/serve.md has an example.") from error
    for name, hook in serving.hooks.items():
        if hook.signs and (hook.secret is None) == (not hook.topic):
            raise SettingsError(f"{file}: hooks.{name} needs a secret, or for cloudwatch a topic.", fix="Add it.")
        if hook.signs and serving.tokens and not hook.team:
            raise SettingsError(f"{file}: hooks.{name} needs a team.", fix="Whose its investigations are.")
        if not hook.signs and not serving.tokens:
            raise SettingsError(f"{file}: hooks.{name} does not sign, and there are no tokens.", fix="Add a token.")
    return serving


def check_address(host: str, serving: Serving) -> None:
    """Raises SettingsError if the server would listen beyond localhost without tokens."""
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not serving.tokens and not (loopback and serving.allowed_hosts == frozenset(LOOPBACK)):
        raise SettingsError(
            f"Others can reach {host}, {serving.public_url or 'or a name of hosts'}, and there is no token.",
            fix="`tsg-agent token NAME --team TEAM` makes one, and the lines for the file of --config.",
        )
