"""Structure in reports: what senders' fields, mail, HTML and tables are read as."""

import json
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import pytest

from tests.extract.extracting import iso, run
from tsg_agent.errors import ParameterError
from tsg_agent.extract.payloads import unfolded

PLACE = {"service": "PetSite", "region": "us-east", "env": "prod"}
MILLISECONDS = 1705732200000  # 2024-01-20T06:30Z


def read(payload: Any) -> tuple[str | None, str | None, str | None]:
    result = run(payload if isinstance(payload, str) else json.dumps(payload))
    assert result.parameters, result.questions
    found = result.parameters
    assert (found.service_name, found.region, found.environment) == ("PetSite", "us-east", "prod"), found.origins
    return iso(found.incident_start), iso(found.start_time), iso(found.end_time)


def alert(**fields: Any) -> dict[str, Any]:
    return {"labels": PLACE, "startsAt": "2024-01-20T06:30:00Z", "endsAt": "2024-01-20T08:00:00Z", **fields}


def test_the_end_of_an_alert_counts_where_it_is_over() -> None:
    assert read({"status": "firing", "alerts": [alert(status="firing")]})[2] == "20T10:00"
    assert read({"status": "resolved", "alerts": [alert(status="resolved")]}) == ("20T06:30", "20T04:30", "20T08:00")


@pytest.mark.parametrize("event", ["incident.triggered", "incident.resolved"])
def test_the_time_of_a_change_is_the_end_of_an_incident_that_is_over(event: str) -> None:
    data = {
        "created_at": "2024-01-20T06:30:00Z",
        "service": {"id": "PetSite-1", "summary": "PetSite"},
        "title": "us-east prod",
    }
    found = read({"event": {"event_type": event, "occurred_at": "2024-01-20T08:00:00Z", "data": data}})
    assert found == (None, "20T04:30", "20T08:00" if event.endswith("resolved") else "20T10:00")


@pytest.mark.parametrize("scale", [10**-3, 1, 10**3, 10**6])
def test_times_since_1970_are_read_in_every_unit(scale: float) -> None:
    assert read({"createdAt": int(MILLISECONDS * scale), "details": PLACE}) == (None, "20T04:30", "20T10:00")


def test_json_within_a_string_and_pairs_of_name_and_value_are_read() -> None:
    dimensions = [{"name": "Service", "value": "PetSite"}, {"name": "Environment", "value": "prod"}]
    message = {"NewStateValue": "ALARM", "StateChangeTime": "2024-01-20T06:30:00.000+0000", "Region": "us-east"}
    trigger = {"Dimensions": dimensions, "Threshold": 5.0, "Period": 60}
    outer = {"Type": "Notification", "Message": json.dumps({**message, "Trigger": trigger})}
    assert read(outer) == (None, "20T04:30", "20T10:00")
    found = run(json.dumps(outer)).parameters
    assert found and found.threshold == 99.9  # 5 % is the alarm's own threshold


def test_tags_are_fields() -> None:
    for tags in ("env:prod,region:us-east,service:PetSite", ["env:prod", "region:us-east", "service:PetSite"]):
        assert read({"title": "errors", "date": MILLISECONDS, "tags": tags})[1] == "20T04:30"


def test_of_several_alerts_the_first_start_counts_and_the_others_are_told() -> None:
    later = alert(startsAt="2024-01-20T06:50:00Z")
    result = run(json.dumps([later, alert()]))
    assert result.parameters and iso(result.parameters.incident_start) == "20T06:30"
    assert any("2024-01-20T06:50:00Z" in note for note in result.notes)


def test_what_a_pair_of_name_and_value_says_is_no_state_of_the_alert() -> None:
    fact = {"name": "Change window", "value": "closed"}
    payload = {"startsAt": "2024-01-20T06:30:00Z", "updated_at": "2024-01-20T08:00:00Z", **PLACE, "fact": fact}
    assert read(payload) == ("20T06:30", "20T04:30", "20T10:00")


def test_an_object_with_a_name_and_a_value_keeps_its_other_fields() -> None:
    assert read({"title": "5xx", "value": 8.3, "startsAt": "2024-01-20T06:30:00Z", **PLACE})[0] == "20T06:30"


def test_prose_around_a_payload_is_read_too() -> None:
    assert read(f"This came in: {json.dumps(alert())} and it was resolved at 07:40 UTC.")[2] == "20T07:40"


HTML = """<html><style>td { began: 01:00 }</style><!--[if mso]><p>began: 02:00</p><![endif]--><body>
<p>PetSite &amp; prod</p>
<table><tr><th>Region</th><td>us-east</td></tr><tr><th>Started</th>
<td>2024-01-20 06:30 UTC</td></tr></table></body></html>"""


def test_html_is_read_as_text() -> None:
    assert read(HTML) == ("20T06:30", "20T04:30", "20T10:00")


@pytest.mark.parametrize("subtype", ["plain", "html"])
def test_mail_is_decoded(subtype: str) -> None:
    mail = EmailMessage()
    mail["Date"], mail["Subject"] = datetime(2024, 1, 20, 8, 30, tzinfo=UTC), "PetSite us-east prod"
    mail.set_content("Die Störung begann um 06:30 Uhr UTC, bei uns.", subtype=subtype, cte="base64")
    assert read(mail.as_string()) == ("20T06:30", "20T04:30", "20T10:00")


TABLES = [
    "| Time (CET) | What |\n| --- | --- |\n| 07:10 | deploy |\n| 07:30 | errors begin |\n| 09:00 | resolved |",
    "| Field | Value |\n|---|---|\n| Started | 07:30 CET |\n| Resolved | 09:00 CET |",
    "| Alert | Started (CET) | Resolved (CET) |\n|---|---|---|\n| 5xx | 2024-01-20 07:30 | 2024-01-20 09:00 |",
    "Alert | Started | Resolved\nerrors | 2024-01-20 06:30 UTC | 2024-01-20 08:00 UTC",
    "Alert   Started               Resolved\nerrors  2024-01-20 06:30 UTC  2024-01-20 08:00 UTC",
]


@pytest.mark.parametrize("table", TABLES)
def test_tables_are_read_by_their_heads(table: str) -> None:
    assert read(f"PetSite, us-east, prod, 2024-01-20\n{table}\n") == ("20T06:30", "20T04:30", "20T08:00")


HOSTILE = [
    "[" * 100_000,
    '{"a":' * 30_000,
    '{"a": [' * 15_000,
    '{"a": "b"} ' * 20_000,
    "<td>" * 40_000,
    "<" * 100_000 + "<p>",
    "| a | b |\n|---|---|\n" * 8_000,
    "|" * 150_000 + "\n|--|\n",
    "a  b  c\n" * 20_000,
    "Content-Type: multipart/mixed; boundary=x\n\n" + "--x\n" * 40_000,
    "MIME-Version: 1.0\nContent-Transfer-Encoding: base64\nDate: \x00\n\n" + "=" * 100_000,
    json.dumps({"date": 9_999_999_999_999_999_999, "time": "1" * 40, "ts": [1e300, None, True]}),
    json.dumps([[{"name": "service", "value": {"name": "service", "value": {"x": 1}}}] * 3_000]),
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:30])
def test_hostile_structure_gives_an_answer(text: str) -> None:
    assert len(unfolded(text[:200_000])) < 2_000_000
    try:
        run("PetSite us-east prod failing since 06:30. " + text)
    except ParameterError as error:
        assert error.fix


def test_what_is_no_structure_stays_as_it_is() -> None:
    for text in ('errors {"not": json', "a | b", "x < y and y > z", "Total: 3  4  5"):
        assert unfolded(text) == text


def test_of_several_alerts_those_that_are_over_do_not_count() -> None:
    over = alert(status="resolved", startsAt="2024-01-20T01:00:00Z", endsAt="2024-01-20T02:00:00Z")
    result = run(json.dumps({"status": "firing", "alerts": [over, alert(status="firing")]}))
    assert result.parameters and iso(result.parameters.incident_start) == "20T06:30"
    assert not any("01:00:00Z" in note for note in result.notes)


def test_an_alarm_is_called_by_names() -> None:
    event = {"region": "us-east", "detail": {"alarmName": "PetSite-prod-5xx", "state": {"timestamp": MILLISECONDS}}}
    found = run(json.dumps(event)).parameters
    assert found and (found.service_name, found.environment) == ("PetSite", "prod")
