"""Messages of alerts' senders, made after their public schemas, with a way to sign each."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.web.serving import SECRET, TOKENS
from tsg_agent.web.signed import signature

START, END = "2026-03-10T14:00:00Z", "2026-03-10T15:10:00Z"
TOPIC = "arn:aws:sns:us-east-1:123456789012:alarms"
PLACE = {"service": "shop.gateway", "region": "us-east", "environment": "prod"}


def pagerduty(over: bool, key: str = "PGR0VU2") -> bytes:
    """A v3 webhook. Its incident has no region or environment: custom fields have them."""
    what, when = ("incident.resolved", END) if over else ("incident.triggered", START)
    data = {
        "id": key,
        "type": "incident",
        "self": f"https://api.pagerduty.com/incidents/{key}",
        "html_url": f"https://acme.pagerduty.com/incidents/{key}",
        "number": 2,
        "status": "resolved" if over else "triggered",
        "incident_key": f"key-{key}",
        "created_at": START,
        "title": "Checkout answers 5xx",
        "service": {"id": "PF9KMXH", "summary": PLACE["service"], "type": "service_reference"},
        "assignees": [{"id": "PTUXL6G", "summary": "User 123", "type": "user_reference"}],
        "escalation_policy": {"id": "PUS0KTE", "summary": "Default", "type": "escalation_policy_reference"},
        "priority": {"id": "PSO75BM", "summary": "P1", "type": "priority_reference"},
        "urgency": "high",
        "custom_fields": [
            {"name": "region", "value": PLACE["region"]},
            {"name": "environment", "value": PLACE["environment"]},
        ],
    }
    event = {
        "id": "01BWHQDJV51SCDH9",
        "event_type": what,
        "resource_type": "incident",
        "occurred_at": when,
        "agent": {"id": "PLH1HKV", "summary": "Tenex", "type": "user_reference"},
        "client": None,
        "data": data,
    }
    return json.dumps({"event": event}).encode()


def alertmanager(over: bool, key: str = "checkout", start: str = START) -> bytes:
    """The webhook's version 4."""
    labels = {"alertname": "HighErrorRate", "severity": "page", **PLACE, "instance": "10.0.0.7:9090"}
    alert = {
        "status": "resolved" if over else "firing",
        "labels": labels,
        "annotations": {"summary": "5xx over 5 %"},
        "startsAt": start.replace("Z", ".123456789Z"),
        "endsAt": END if over else "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph?g0.expr=up",
        "fingerprint": "9f3bd7f1bd0a5d4c",
    }
    payload = {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="HighErrorRate", job="{key}"}}',
        "truncatedAlerts": 0,
        "status": "resolved" if over else "firing",
        "receiver": "tsg",
        "groupLabels": {"alertname": "HighErrorRate"},
        "commonLabels": labels,
        "commonAnnotations": {"summary": "5xx over 5 %"},
        "externalURL": "http://alertmanager:9093",
        "alerts": [alert],
    }
    return json.dumps(payload).encode()


def grafana(over: bool, key: str = "checkout") -> bytes:
    """The webhook contact point's."""
    payload = json.loads(alertmanager(over, key))
    payload |= {
        "orgId": 1,
        "version": "1",
        "title": "[FIRING:1] HighErrorRate",
        "state": "ok" if over else "alerting",
        "message": "**Firing** Value: B=22",
        "externalURL": "https://grafana.example/",
    }
    payload["alerts"][0] |= {
        "values": {"B": 22.98},
        "valueString": "[ var='B' value=22.98 ]",
        "silenceURL": "https://x",
    }
    return json.dumps(payload).encode()


def datadog(over: bool, key: str = "checkout") -> bytes:
    """A webhook with the variables that docs/serve.md names."""
    when = END if over else START
    payload = {
        "id": "7123456789",
        "event_type": "query_alert_monitor",
        "title": f"[{'Recovered' if over else 'Triggered'}] 5xx over 5 %",
        "body": "%%%\nToo many 5xx.\n%%%",
        "date": str(int(datetime.fromisoformat(when).timestamp() * 1000)),
        "org": {"id": "11023", "name": "acme"},
        "alert_transition": "Recovered" if over else "Triggered",
        "aggreg_key": key,
        "tags": f"env:prod,monitor,region:{PLACE['region']},service:{PLACE['service']}",
    }
    return json.dumps(payload).encode()


def cloudwatch(over: bool, key: str = "checkout") -> bytes:
    """An alarm's notification through SNS."""
    when = (END if over else START).replace("Z", ".000+0000")
    alarm = {
        "AlarmName": key,
        "AlarmDescription": "5xx over 5 %",
        "AWSAccountId": "123456789012",
        "NewStateValue": "OK" if over else "ALARM",
        "NewStateReason": "Threshold Crossed: 1 datapoint [10.0] was greater than the threshold (5.0).",
        "StateChangeTime": when,
        "Region": "US East (N. Virginia)",
        "AlarmArn": f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{key}",
        "OldStateValue": "ALARM" if over else "OK",
        "Trigger": {
            "MetricName": "HTTPCode_5XX",
            "Namespace": "Shop",
            "Dimensions": [
                {"name": "Service", "value": PLACE["service"]},
                {"name": "Environment", "value": PLACE["environment"]},
                {"name": "Region", "value": PLACE["region"]},
            ],
            "Period": 60,
            "Threshold": 5.0,
        },
    }
    return sns("Notification", Message=json.dumps(alarm), Subject=f'ALARM: "{key}"')


def generic(over: bool, key: str = "checkout") -> bytes:
    payload = {"key": key, "status": "resolved" if over else "firing", "title": "5xx over 5 %", **PLACE,
               "starts_at": START, "ends_at": END if over else None}  # fmt: skip
    return json.dumps(payload).encode()


BODIES = {
    "pagerduty": pagerduty, "alertmanager": alertmanager, "grafana": grafana, "datadog": datadog,
    "cloudwatch": cloudwatch, "generic": generic,
}  # fmt: skip

_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
_NOW = datetime.now(UTC)
CERTIFICATE = (
    x509.CertificateBuilder(_NAME, _NAME, _KEY.public_key(), x509.random_serial_number(), _NOW, _NOW + timedelta(1))
    .sign(_KEY, SHA256())
    .public_bytes(Encoding.PEM)
)
"""In the place of Amazon's."""


def sns(kind: str, **fields: Any) -> bytes:
    """A message of SNS, signed with our certificate's key as SNS does with its own (version 2)."""
    message = {
        "Type": kind,
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "SignatureVersion": "2",
        "SigningCertURL": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0.pem",
        **fields,
    }
    names = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
    signed = _KEY.sign(text.encode(), PKCS1v15(), SHA256())
    return json.dumps({**message, "Signature": base64.b64encode(signed).decode()}).encode()


def headers(sender: str, body: bytes, secret: str = SECRET) -> dict[str, str]:
    """What a sender sends with a body to be believed."""
    mac = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {
        "pagerduty": {"x-pagerduty-signature": f"v1={'0' * 64},v1={mac}"},
        "grafana": {"x-grafana-alerting-signature": mac},
        "generic": {"x-tsg-signature": signature(secret, body)},
        "cloudwatch": {},
    }.get(sender, {"authorization": f"Bearer {TOKENS['ada']}"})
