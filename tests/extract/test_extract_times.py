"""What texts in many hands say of the incident's times. The clock says 2024-01-20 10:00 UTC, a Saturday."""

from datetime import UTC, datetime

import pytest

from tests.extract.extracting import KNOWN, PLACE, asked, iso, run
from tsg_agent.errors import ParameterError

# text -> incident_start, start_time, end_time
SETTLED = [
    # --- absolute forms
    ("It began at 2024-01-20T06:30:00Z.", "20T06:30", "20T04:30", "20T10:00"),
    ("It began at 2024-01-20 06:30 UTC.", "20T06:30", "20T04:30", "20T10:00"),
    ("Errors started at 2024-01-20T08:30:00+02:00", "20T06:30", "20T04:30", "20T10:00"),
    ("Errors started at 2024-01-20T01:30:00-05:00", "20T06:30", "20T04:30", "20T10:00"),
    ("Errors started at 2024-01-20 01:30:00-0500", "20T06:30", "20T04:30", "20T10:00"),
    ("Errors started at 20240120T063000Z", "20T06:30", "20T04:30", "20T10:00"),
    ("failing since 20 Jan 2024 06:30", "20T06:30", "20T04:30", "20T10:00"),
    ("failing since 20th of January 2024, 06:30 UTC", "20T06:30", "20T04:30", "20T10:00"),
    ("The outage began on Jan 20, 2024 at 6:30 AM.", "20T06:30", "20T04:30", "20T10:00"),
    ("The outage began on January 19th, 2024 at 6:30 PM UTC.", "19T18:30", "19T16:30", "20T10:00"),
    ("The outage began on Sat, 20 Jan 2024 06:30:00 +0000", "20T06:30", "20T04:30", "20T10:00"),
    ("down since Sat Jan 20 06:30:12 UTC 2024", "20T06:30", "20T04:30", "20T10:00"),
    ("The outage began on Jan 20, 2024 - 06:30 UTC.", "20T06:30", "20T04:30", "20T10:00"),
    ("down since 01/20/2024 06:30", "20T06:30", "20T04:30", "20T10:00"),
    ("down since 20/01/2024 06:30", "20T06:30", "20T04:30", "20T10:00"),
    ("down since 20.01.2024 06:30", "20T06:30", "20T04:30", "20T10:00"),
    ("Problem started at 06:30:10 on 2024.01.20\nProblem name: 5xx", "20T06:30", "20T04:30", "20T10:00"),
    ("Jan 20 06:30:12 outage began", "20T06:30", "20T04:30", "20T10:00"),
    ("errors started 1705732200", "20T06:30", "20T04:30", "20T10:00"),
    ('{"status": "firing", "startsAt": "2024-01-20T06:30:00.123Z", "endsAt": "0001-01-01T00:00:00Z"}',
     "20T06:30", "20T04:30", "20T10:00"),
    # --- zones
    ("It began at 07:30 CET on 20 Jan 2024.", "20T06:30", "20T04:30", "20T10:00"),
    ("It began at 2024-01-19 22:30 PST", "20T06:30", "20T04:30", "20T10:00"),
    ("It began at 2024-01-19 10:30pm pst", "20T06:30", "20T04:30", "20T10:00"),
    ("It began at 2024-01-20 07:30 Europe/Berlin", "20T06:30", "20T04:30", "20T10:00"),
    ("It began at 2024-01-20 12:00 (Asia/Kolkata)", "20T06:30", "20T04:30", "20T10:00"),
    ("It began at 1:30 AM ET on 20 January 2024", "20T06:30", "20T04:30", "20T10:00"),
    ("It began at 1:30 AM Eastern Time on 20 January 2024", "20T06:30", "20T04:30", "20T10:00"),
    ("It began at 2024-01-20 08:30 UTC+2", "20T06:30", "20T04:30", "20T10:00"),
    ("All times are in CET.\nErrors began at 07:30 on 2024-01-20.", "20T06:30", "20T04:30", "20T10:00"),
    ("Timezone: America/New_York\nErrors began at 01:30 on 2024-01-20.", "20T06:30", "20T04:30", "20T10:00"),
    # --- a time of day, with its day elsewhere
    ("Errors started at 06:30Z", "20T06:30", "20T04:30", "20T10:00"),
    ("Errors started at 0630Z", "20T06:30", "20T04:30", "20T10:00"),
    ("Errors started at 6:30 am.", "20T06:30", "20T04:30", "20T10:00"),
    ("Errors started at 23:10 UTC", "19T23:10", "19T21:10", "20T10:00"),
    ("Date: Fri, 19 Jan 2024 09:00:00 +0000\nSubject: 5xx\n\nErrors began at 08:10.",
     "19T08:10", "19T06:10", "20T10:00"),
    ("Created: 2024-01-20T00:20:00Z\nIt began at 23:50.", "19T23:50", "19T21:50", "20T10:00"),
    ("Report of 2024-01-19\n\nThe errors began around 14:05 UTC and were resolved at 15:20.",
     "19T14:05", "19T12:05", "19T15:20"),
    ("On 19 January the checkout was down: it began at 14:05.", "19T14:05", "19T12:05", "20T10:00"),
    # --- counted from now, or from when it was written
    ("Failing since yesterday 14:05 UTC", "19T14:05", "19T12:05", "20T10:00"),
    ("It started yesterday at 2:05 pm UTC.", "19T14:05", "19T12:05", "20T10:00"),
    ("started today, 06:30 UTC, errors everywhere", "20T06:30", "20T04:30", "20T10:00"),
    ("Errors began this morning at 6:30", "20T06:30", "20T04:30", "20T10:00"),
    ("Errors began last night at 23:30 UTC", "19T23:30", "19T21:30", "20T10:00"),
    ("Errors began on Thursday at 23:30 UTC", "18T23:30", "18T21:30", "20T10:00"),
    ("Errors began at 2024-01-20 09:30 Berlin time", "20T08:30", "20T06:30", "20T10:00"),
    ("Errors began at 2024-01-20 09:30 MEZ", "20T08:30", "20T06:30", "20T10:00"),
    ("Errors began at 2024-01-20 03:30 Eastern", "20T08:30", "20T06:30", "20T10:00"),
    ("Errors began at 2024-01-20 00:30 Pacific", "20T08:30", "20T06:30", "20T10:00"),
    ("Errors began at 2024-01-20 03:30 New York time", "20T08:30", "20T06:30", "20T10:00"),
    ("Errors began at 2024-01-20 14:00 India time", "20T08:30", "20T06:30", "20T10:00"),
    ("Errors began at 2024-01-20 08:30 Response time was fine", "20T08:30", "20T06:30", "20T10:00"),
    ("It started 2 hours ago", "20T08:00", "20T06:00", "20T10:00"),
    ("the 503s started about 90 minutes ago", "20T08:30", "20T06:30", "20T10:00"),
    ("began failing an hour ago", "20T09:00", "20T07:00", "20T10:00"),
    ("outage started half an hour ago", "20T09:30", "20T07:30", "20T10:00"),
    ("Checkout has been failing for the last 3 hours", "20T07:00", "20T05:00", "20T10:00"),
    ("Checkout is returning 503s for about 45 minutes now", "20T09:15", "20T07:15", "20T10:00"),
    ("Created: 2024-01-20T08:00:00Z\nErrors started 30 minutes ago.", "20T07:30", "20T05:30", "20T10:00"),
    ("[08:02] ann: errors started 20 minutes ago\n[08:05] bob: looking", "20T07:42", "20T05:42", "20T10:00"),
    # --- windows written out
    ("errors in the last 3 hours", None, "20T06:00", "20T10:00"),
    ("Check the last 90 minutes please", None, "20T08:30", "20T10:00"),
    ("Please look between 07:00 and 08:00 UTC on 20 Jan 2024", None, "20T07:00", "20T08:00"),
    ("Please look at 2024-01-20, from 07:00 to 08:00 CET", None, "20T06:00", "20T07:00"),
    ("window: 2024-01-20T06:30Z/2024-01-20T08:30Z", None, "20T06:30", "20T08:30"),
    ("Look between 06:00 and 07:00 UTC. Or look between 08:00 and 09:00 UTC.", None, "20T06:00", "20T09:00"),
    ("Time range: 2024-01-20 06:30 - 08:30 UTC", None, "20T06:30", "20T08:30"),
    ("Availability fell between 23:00 and 01:00 UTC on the night of the 19th. Date: 2024-01-19",
     "19T23:00", "19T21:00", "20T01:00"),
    ("start_time: 2024-01-20T06:30:00Z\nend_time: 2024-01-20T08:30:00Z", None, "20T06:30", "20T08:30"),
    ("start_time=2024-01-20T06:30:00Z end_time=2024-01-20T08:30:00Z", None, "20T06:30", "20T08:30"),
    ("Start: 2024-01-20 06:30\nEnd: 2024-01-20 08:30", "20T06:30", "20T04:30", "20T08:30"),
    ("Window 06:00-09:00 UTC on 2024-01-20. Errors began at 07:10.", "20T07:10", "20T06:00", "20T09:00"),
    ("start_time: 2024-01-20T05:00Z\nIt began at 07:10Z on 2024-01-20, resolved at 08:00Z.",
     "20T07:10", "20T05:00", "20T08:00"),
    ("07:00-08:00 UTC 2024-01-20: 5xx on the gateway", "20T07:00", "20T05:00", "20T08:00"),
    # --- in various hands
    ("hey, it's throwing 502s in production, started maybe 20 mins ago? SLA is 99.95",
     "20T09:40", "20T07:40", "20T10:00"),
    ("Date: Sat, 20 Jan 2024 08:12:44 +0100\n\nIt is down since about 7:30 this morning (CET). Complaints since 7:45.",
     "20T06:30", "20T04:30", "20T10:00"),
    ("Checkout errors from 06:10 onwards, 2024-01-20", "20T06:10", "20T04:10", "20T10:00"),
    ("INC-4711 | Sev2 | start 2024-01-20 06:30 UTC | end 2024-01-20 07:40 UTC",
     "20T06:30", "20T04:30", "20T07:40"),
    ("Errors began 2024-01-20T06:30Z. The rollback began at 07:00Z and ended at 07:10Z.",
     "20T06:30", "20T04:30", "20T10:00"),
    ("there was an outage on January 19 from 2pm to 3:30pm UTC", "19T14:00", "19T12:00", "19T15:30"),
    ("Onset 06:32Z today; mitigated 07:15Z", "20T06:32", "20T04:32", "20T07:15"),
    ("Previous outage began 2024-01-13T02:00Z. Created: 2024-01-20T08:30:00Z", None, "20T06:30", "20T10:00"),
    ("It began failing at 6.30pm on 19 Jan 2024", "19T18:30", "19T16:30", "20T10:00"),
    ("Severity 2. Start time: 2024-01-20 06:30 UTC", "20T06:30", "20T04:30", "20T10:00"),
    ("The incident started on 2024-01-20, at 06:30 UTC, and lasted until 07:15 UTC.",
     "20T06:30", "20T04:30", "20T07:15"),
    ("issue started this morning around 6:30 UTC after a config change at 6:25", "20T06:30", "20T04:30", "20T10:00"),
    ("impact window 2024-01-20 06:30 UTC to 2024-01-20 07:30 UTC", "20T06:30", "20T04:30", "20T07:30"),
    ("It all started when the deploy at 06:00Z finished. Failing since 06:05Z today.",
     "20T06:05", "20T04:05", "20T10:00"),
    ("checkout is failing for the past 2 hours and 30 minutes", "20T07:30", "20T05:30", "20T10:00"),
    ("error rate up over the last 45 min", None, "20T06:00", "20T10:00"),
    ("on Friday at 14:05 UTC the site started to fail", "19T14:05", "19T12:05", "20T10:00"),
    ("incident_start: 2024-01-20T06:30:00Z, end_time: 2024-01-20T08:00:00Z", "20T06:30", "20T04:30", "20T08:00"),
    ("The outage began at 11:58 PM on 19 Jan 2024 and was over by 00:40", "19T23:58", "19T21:58", "20T00:40"),
    ("**jo** [08:14]: yes, since 2024-01-20T06:30:00Z  \n**al** [08:16]: resolved at 2024-01-20T07:00:00Z.",
     "20T06:30", "20T04:30", "20T07:00"),
    # --- how it ended
    ("Errors began at 06:30 on 2024-01-20; mitigated at 08:10, resolved at 08:40.", "20T06:30", "20T04:30", "20T08:40"),
    ("It started at 06:30Z and ended at 07:45Z, all on 2024-01-20", "20T06:30", "20T04:30", "20T07:45"),
    ("failing since 06:30Z until 07:45Z today", "20T06:30", "20T04:30", "20T07:45"),
    ("Errors began at 06:30Z. Still failing at 08:00Z. Still failing at 09:00Z.", "20T06:30", "20T04:30", "20T09:00"),
    ("Errors began at 06:30Z. Ongoing as of 08:00Z.", "20T06:30", "20T04:30", "20T08:00"),
    ("Errors since the 19th, 06:30", "19T06:30", "19T04:30", "20T10:00"),
    ("Paged at 07:10Z. Errors go back to 06:30Z. All quiet since 08:00Z.", "20T06:30", "20T04:30", "20T08:00"),
    ("Seit ungefähr 07:30 Ortszeit Berlin ist es gestört.", "20T06:30", "20T04:30", "20T10:00"),
    ("Le service est en panne depuis 6 heures 30 UTC.", "20T06:30", "20T04:30", "20T10:00"),
    ("it died twenty-five minutes ago", "20T09:35", "20T07:35", "20T10:00"),
    ("failing since 9 this morning", "20T09:00", "20T07:00", "20T10:00"),
    ("Errors from 19.1. 06:30 UTC", "19T06:30", "19T04:30", "20T10:00"),
    ("Errors between 6 and 8 am UTC", "20T06:00", "20T04:00", "20T08:00"),
    ("failing since fourteen oh five yesterday, seen at six", "19T14:05", "19T12:05", "20T10:00"),
    ("[20/Jan/2024:06:30:05 +0000] first 502 seen", "20T06:30", "20T04:30", "20T10:00"),
    ("Errors began at 06:30Z. It healed itself at 08:00Z.", "20T06:30", "20T04:30", "20T08:00"),
    ("Errors since 06:30Z; was OK at 06:10", "20T06:30", "20T04:30", "20T10:00"),
    ("down for 30 minutes, recovered at 07:00Z", "20T06:30", "20T04:30", "20T07:00"),
    ("Began at 06:30Z, it is still ongoing at 07:30Z. Is mail-relay down again?", "20T06:30", "20T04:30", "20T07:30"),
    ("Errors began at 06:30Z, not resolved at 08:00Z yet.", "20T06:30", "20T04:30", "20T08:00"),
    ("Incident start: 2024-01-20 06:30\nResolved: 2024-01-20 08:40", "20T06:30", "20T04:30", "20T08:40"),
    ("2024-01-20\n06:30 - errors begin\n07:10 - rollback started\n08:40: resolved", "20T06:30", "20T04:30", "20T08:40"),
    ("It began at 06:30Z. We expect it to be resolved at 11:00Z.", "20T06:30", "20T04:30", "20T10:00"),
    # --- other things begin, too
    ("06:00: version 3 deployed. Deployment started at 05:50. Errors began at 06:30Z.",
     "20T06:30", "20T04:30", "20T10:00"),
    ("After the 06:00 deploy, errors started at 06:30Z.", "20T06:30", "20T04:30", "20T10:00"),
    ("We started investigating at 08:20; the errors began at 06:30Z.", "20T06:30", "20T04:30", "20T10:00"),
    ("Version 3.14.2 is live since 05:00Z. Errors since 06:30Z.", "20T06:30", "20T04:30", "20T10:00"),
    ("Unlike the last incident, which began at 02:00Z, this one began at 06:30Z.", "20T06:30", "20T04:30", "20T10:00"),
    ("Checkout began failing requests\nat 2024-01-20T06:30:00Z; still failing\nat 2024-01-20T07:00:00Z.",
     "20T06:30", "20T04:30", "20T07:00"),
    ("> Errors began\n> at 06:30Z today", "20T06:30", "20T04:30", "20T10:00"),
    ("- **Incident start:** 2024-01-20 06:30 UTC", "20T06:30", "20T04:30", "20T10:00"),
    ("| Started at | 2024-01-20 06:30 UTC |", "20T06:30", "20T04:30", "20T10:00"),
    # --- nothing says when it began: when it was reported serves for the window
    ("Created: 2024-01-20T08:30:00Z\n06:00: New service version deployed\n07:30: Customer complaints start arriving",
     None, "20T06:30", "20T10:00"),
    ("Created: 2024-01-20T08:30:00Z\n- 08:30: War room activated, initial investigation started",
     None, "20T06:30", "20T10:00"),
    ("2024-01-20\n- 08:15: Incident declared\n- 08:20: rollback started", None, "20T06:15", "20T10:00"),
    ("Incident declared at 08:15 UTC on 2024-01-20. Rollback started at 08:40.", None, "20T06:15", "20T10:00"),
    # --- several times that one window holds, times that are not exact: none is asked for
    ("I think it began at 06:00Z. No, the graphs say it began at 06:40Z.", "20T06:40", "20T04:40", "20T10:00"),
    ("Errors began at 06:00Z. Timeouts began at 06:40Z.", "20T06:00", "20T04:00", "20T10:00"),
    ("It started some time between 06:30 and 06:45 UTC.", "20T06:30", "20T04:30", "20T10:00"),
    ("Began at 06:30Z. Resolved at 07:00Z. Came back. Resolved at 08:00Z.", "20T06:30", "20T04:30", "20T08:00"),
    ("Errors began on 2024-01-19.", None, "18T22:00", "20T10:00"),
    ("Errors began a couple of hours ago.", None, "20T06:00", "20T10:00"),
    # --- where the place tells what a zone's name means
    ("Errors began at 2024-01-20 00:30 CST", "20T06:30", "20T04:30", "20T10:00"),
    ("Errors began at 2024-01-20 14:00 IST", "20T08:30", "20T06:30", "20T10:00"),
    ("Errors began at 2024-01-20 12:00 IST, say the people in Bangalore", "20T06:30", "20T04:30", "20T10:00"),
    ("Opened: 20 Jan 2024, 08:15\nAvailability: 96.2% (last hour)", None, "20T06:15", "20T10:00"),
]  # fmt: skip

# text -> the parameter asked for, and its candidates
OPEN = [
    ("Errors began at 06:30 on 03/04/2024", "incident_start", ("2024-03-04T06:30", "2024-04-03T06:30")),
    ("Errors began at 2024-01-20 06:30 XKT", "incident_start", ()),
    ("Errors began at 2024-01-18 06:00Z. Errors began at 2024-01-20 06:00Z.", "incident_start",
     ("18T06:00", "20T06:00")),
    ("Errors began at 2024-01-20 06:30 local time", "incident_start", ()),
    ("Errors began at 2024-01-20 06:30 our time", "incident_start", ()),
    ("Errors began at 2024-01-20 06:30 Gotham time", "incident_start", ()),
    ("Errors began at 2023-07-20 06:30 PST", "incident_start", ("2023-07-20T13:30", "2023-07-20T14:30")),
    ("Errors began at 2023-10-29 02:30 Europe/Berlin", "incident_start", ("2023-10-29T00:30", "2023-10-29T01:30")),
    ("Errors began at 2023-03-26 02:30 Europe/Berlin", "incident_start", ()),
    ("Look between 04:00 and 05:00 UTC. Or look between 08:00 and 09:00 UTC.", "start_time", ("20T04:00", "20T08:00")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "incident_start", "start_time", "end_time"), SETTLED, ids=lambda value: repr(value)[:60]
)
def test_times_are_read_as_a_person_would(
    text: str, incident_start: str | None, start_time: str, end_time: str
) -> None:
    result = run(PLACE + "\n" + text)
    assert result.parameters, result.questions
    found = result.parameters
    got = (iso(found.incident_start), iso(found.start_time), iso(found.end_time))
    assert got == (incident_start, start_time, end_time), (found.origins, result.notes)


@pytest.mark.parametrize(("text", "parameter", "candidates"), OPEN, ids=lambda value: repr(value)[:60])
def test_what_is_unclear_is_asked(text: str, parameter: str, candidates: tuple[str, ...]) -> None:
    result = run(PLACE + "\n" + text)
    assert parameter in asked(result), result.parameters
    found = asked(result)[parameter]
    assert tuple(iso(datetime.fromisoformat(value)) for value in found) == candidates, result.questions


@pytest.mark.parametrize(
    ("text", "opens", "others"),
    [
        ("Errors began at 2024-01-20 12:00 IST", "20T04:30", ("20T06:30", "20T10:00", "20T11:00")),
        ("Errors began at 2024-01-19 16:00Z. Errors began at 2024-01-20 06:00Z.", "19T14:00", ("19T16:00", "20T06:00")),
        ("It began at 06:30 UTC; customers say it began around 2 UTC.", "20T00:00", ("20T02:00", "20T06:30")),
        ("It began at midnight on 19 Jan 2024", "18T22:00", ("19T00:00", "20T00:00")),
    ],
)
def test_of_several_starts_the_window_opens_before_the_earliest(text: str, opens: str, others: tuple[str, ...]) -> None:
    result = run(PLACE + "\n" + text)
    assert result.parameters and result.parameters.incident_start is None
    assert iso(result.parameters.start_time) == opens
    assert "earliest" in result.parameters.origins["start_time"]
    (question,) = result.unsettled
    assert tuple(iso(datetime.fromisoformat(value)) for value in question.candidates) == others
    assert any("stays unknown" in note for note in result.notes)
    assert set(asked(run(PLACE + text, exact_start=True))) == {"incident_start"}


@pytest.mark.parametrize(
    ("text", "start", "other"),
    [
        ("As yesterday (22:10-23:00), errors since 06:30", "20T06:30", "2024-01-19T06:30:00Z"),
        ("2024-01-18: all fine. 2024-01-19: deploy.\nErrors began at 06:30Z.", "19T06:30", "2024-01-18T06:30:00Z"),
        ("The release went out yesterday. Errors began at 07:10.", "20T07:10", "2024-01-19T07:10:00Z"),
        ("It failed yesterday from 14:00 to 15:00. It fails again, since half past two (UTC).", "20T02:30", ""),
    ],
)
def test_of_several_days_the_latest_before_now_is_taken_and_the_others_are_told(
    text: str, start: str, other: str
) -> None:
    found = run(PLACE + "\n" + text)
    assert found.parameters, found.questions
    assert iso(found.parameters.incident_start) == start, found.notes
    assert any("the latest before now" in note and other in note for note in found.notes) or not other


def test_an_end_that_is_open_is_told_and_the_window_goes_on_to_now() -> None:
    found = run(PLACE + "Began at 06:30Z. Resolved at 07:00Z. Came back. Resolved at 09:30Z.")
    assert found.parameters and iso(found.parameters.end_time) == "20T10:00"
    assert any("2024-01-20T07:00:00Z" in note and "2024-01-20T09:30:00Z" in note for note in found.notes)


def test_a_time_that_is_still_on_is_no_end_that_is_told_so() -> None:
    found = run(PLACE + "Errors began at 06:30, still failing at 09:10.")
    assert found.parameters
    assert iso(found.parameters.end_time) == "20T09:10"
    assert "not at 2024-01-20T10:00:00Z" in " ".join(found.notes)
    assert not run(PLACE + "Errors began at 06:30 and ended at 09:10.").notes


def test_nothing_since_is_no_start() -> None:
    found = run(PLACE + "Errors at 06:30 and 06:50; nothing since 07:10.")
    assert found.parameters
    assert found.parameters.incident_start is None


def test_a_question_says_what_is_unclear() -> None:
    for text, why in (
        ("began at 06:30 on 03/04/2024", "date can be read in two ways"),
        ("began at 2024-01-20 22:00 IST", "IST may mean several offsets"),
        ("began at 2024-01-20 06:30 local time", "the place is not said"),
        ("began at 2024-01-20 06:30, hora de allí", "the place is not said"),
    ):
        (question,) = run(PLACE + "Errors " + text).questions
        assert why in question.text
        assert text in question.text


def test_flags_win_over_the_text() -> None:
    text = PLACE + "It began at 06:30Z; resolved at 07:00Z. Window: 05:00-09:00 UTC"
    times = {"start_time": "2024-01-20T01:00Z", "end_time": "2024-01-20T03:00Z", "incident_start": "2024-01-20T02:00Z"}
    found = run(text, **times).parameters
    assert found
    assert (iso(found.start_time), iso(found.incident_start), iso(found.end_time)) == (
        "20T01:00",
        "20T02:00",
        "20T03:00",
    )
    assert {found.origins[name] for name in times} == {"given"}


def test_a_flag_answers_a_question() -> None:
    text = PLACE + "It began at 06:30 on 19/01/2024 local time."
    assert asked(run(text)) == {"incident_start": ()}
    found = run(text, incident_start="2024-01-20T06:30+02:00").parameters
    assert found and iso(found.incident_start) == "20T04:30" and iso(found.start_time) == "20T02:30"
    assert run(PLACE, start_time="2024-01-20T06:30Z").parameters


def test_now_beyond_the_telemetry_ends_the_window_at_its_last_row() -> None:
    result = run(PLACE + "It began at 2024-01-20T06:30Z", now=datetime(2026, 5, 1, tzinfo=UTC))
    assert result.parameters and result.parameters.end_time == KNOWN.last
    assert "last row" in (origin := result.parameters.origins["end_time"]) and origin.endswith("now is later")


def test_now_within_the_telemetry_is_the_end() -> None:
    result = run(PLACE + "It began at 2024-01-20T06:30Z", now=datetime(2024, 1, 20, 9, tzinfo=UTC))
    assert result.parameters and iso(result.parameters.end_time) == "20T09:00"
    assert result.parameters.origins["end_time"].startswith("now")


def test_a_time_of_day_on_the_only_day_that_the_telemetry_covers() -> None:
    known = KNOWN.model_copy(
        update={"first": datetime(2023, 4, 18, 23, tzinfo=UTC), "last": datetime(2023, 4, 19, 2, tzinfo=UTC)}
    )
    found = run(PLACE + "It began at 01:07Z", known, datetime(2026, 1, 1, tzinfo=UTC)).parameters
    assert found and iso(found.incident_start) == "2023-04-19T01:07"


def test_a_time_of_day_on_one_of_several_days_long_ago_is_asked() -> None:
    result = run(PLACE + "It began at 06:07Z", now=datetime(2026, 1, 1, tzinfo=UTC))
    assert len(asked(result)["incident_start"]) == 3


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("start_time: 2024-01-20T08:00Z end_time: 2024-01-20T07:00Z", {}),
        ("It began at 2024-01-20T08:00Z and was resolved at 2024-01-20T07:00Z", {}),
        ("Look between 2024-01-20T08:00Z and 2024-01-20T07:00Z", {}),
        ("It began at 2024-01-20T06:30Z", {"end_time": "2024-01-20T06:00Z"}),
        ("It began at 2024-01-20T06:30Z", {"end_time": "2024-01-20T06:30Z"}),
        ("It began at 2024-02-20T06:30Z", {}),
        ("", {"incident_start": "0001-01-01T00:30Z"}),
    ],
)
def test_a_window_that_ends_before_it_starts_is_an_error_that_says_what_to_do(text: str, given: dict[str, str]) -> None:
    with pytest.raises(ParameterError) as caught:
        run(PLACE + text, **given)
    assert caught.value.fix


NARROW = KNOWN.model_copy(
    update={"first": datetime(2024, 1, 20, 6, 0, tzinfo=UTC), "last": datetime(2024, 1, 20, 9, 0, tzinfo=UTC)}
)


@pytest.mark.parametrize(
    ("text", "why", "candidates"),
    [
        ("It began at 14:00 PST", "is 2024-01-19 22:00 UTC, and the telemetry covers only 2024", ("19T22:00",)),
        ("It began at 20:00 UTC", "is 2024-01-19 20:00 UTC, and the telemetry covers only", ("19T20:00",)),
        ("Errors from 20:00 to 20:30", "before now (2024-01-20 10:00 UTC) is 2024-01-19 20:00 UTC", ("19T20:00",)),
        ("It began at 2024-01-20 21:00 IST", "IST may mean several offsets",
         ("20T15:30", "20T19:00", "20T20:00")),
    ],
)  # fmt: skip
def test_a_start_that_cannot_be_is_not_guessed_onto_another_day(
    text: str, why: str, candidates: tuple[str, ...]
) -> None:
    (question,) = [one for one in run(PLACE + text, NARROW).questions if one.parameter == "incident_start"]
    assert why in question.text
    assert tuple(iso(datetime.fromisoformat(value)) for value in question.candidates) == candidates


def test_a_start_before_all_telemetry_is_noted() -> None:
    noted = "nothing is from before the incident"
    assert any(noted in note for note in run(PLACE + "It began at 2024-01-20T05:30Z", NARROW).notes)
    assert not any(noted in note for note in run(PLACE + "It began at 2024-01-20T06:30Z", NARROW).notes)


@pytest.mark.parametrize(
    "text", ["It began at 2024-01-20 14:00 PST", "It began today at 14:00 UTC", "Outage from 14:00 to 15:00 today"]
)
def test_of_a_start_later_than_now_the_time_before_now_is_looked_at(text: str) -> None:
    """A clock or a zone is wrong; what the telemetry shows tells since when."""
    result = run(PLACE + text)
    assert result.parameters and iso(result.parameters.start_time) == "20T08:00"
    assert iso(result.parameters.end_time) == "20T10:00" and result.parameters.incident_start is None
    (note,) = [one for one in result.notes if "incident_start is later than now" in one]
    assert "zone" in note


def test_a_start_later_than_now_that_no_zone_explains_is_an_error_that_says_so() -> None:
    late, exact = {"incident_start": "2024-01-20T10:01Z"}, {"exact_start": True}
    for text, given in (("It began at 2024-01-21 01:00 UTC", {}), ("", late), ("It began at 10:01 today", exact)):
        with pytest.raises(ParameterError, match="incident_start is later than now") as caught:
            run(PLACE + text, **given)
        assert "zone" in caught.value.fix


def test_a_window_written_out_makes_an_unclear_start_no_question() -> None:
    result = run(PLACE + "Window: 05:00-09:00 UTC on 2024-01-20. It began at 06:00 XKT.")
    assert result.parameters and result.parameters.incident_start is None
    assert any("incident_start stays unknown" in note for note in result.notes)


def test_a_window_outside_the_telemetry_is_noted() -> None:
    result = run(PLACE + "Look between 2023-01-20T06:00Z and 2023-01-20T07:00Z")
    assert any("holds nothing of the window" in note for note in result.notes)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        (
            "Created: 06:40 UTC\nResolved: 09:20 UTC\nFirst failed payment 06:30 UTC. Back to normal 08:48 UTC.",
            "20T08:48",
        ),
        ("09:20 UTC Resolved. Errors have been normal since 08:47 UTC.\nIt began at 06:30 UTC.", "20T08:47"),
        ("Resolved: 09:20 UTC\nMitigated: 09:00 UTC\nStart: 06:30 UTC", "20T09:20"),
        ("Began 06:30 UTC and lasted 45 minutes.", "20T07:15"),
        ("Began 06:30 UTC and went on for 45 minutes. It was at 6 UTC that we deployed.", "20T07:15"),
    ],
)
def test_the_end_is_when_it_was_well_and_not_when_the_ticket_was_closed(text: str, end: str) -> None:
    found = run(PLACE + "\n" + text).parameters
    assert found and (iso(found.incident_start), iso(found.end_time)) == ("20T06:30", end)


RELAPSES = (
    "failing since 06:30 UTC. It recovered at 07:30, but at 08:10 it was down again and still is.",
    "outage since 06:30 UTC, gone at 07:30, then failed a second time at 08:10, has not recovered yet",
    "06:30 UTC errors start\n07:30 UTC recovered\n08:10 UTC errors again",
    "falla desde las 06:30 UTC. Se recuperó a las 07:30 pero volvió a caer a las 08:10 y sigue caído.",
    "est en panne depuis 06h30 UTC. Rétabli à 07h30, mais de nouveau en panne à 08h10.",
)


@pytest.mark.parametrize("text", RELAPSES)
def test_an_end_that_a_relapse_follows_is_none(text: str) -> None:
    result = run(PLACE + text)
    assert result.parameters and iso(result.parameters.incident_start) == "20T06:30"
    assert iso(result.parameters.end_time) == "20T10:00"
    assert any("07:30" in note for note in result.notes)


@pytest.mark.parametrize(
    "rest",
    [
        "It had failed again and again.",
        "It has not failed again.",
        "Customers can pay again.",
        "If it is down again, call us.",
    ],
)
def test_an_end_holds_where_nothing_says_that_it_failed_again(rest: str) -> None:
    result = run(f"{PLACE}Down since 06:30 UTC, back to normal at 07:30 UTC. {rest}")
    assert result.parameters and iso(result.parameters.end_time) == "20T07:30"


def test_who_is_corrected_is_not_what_the_time_is_of() -> None:
    result = run(f"{PLACE}It did not start at 06:30 UTC as the ticket claims, but at 06:06 UTC. Still failing.")
    assert result.parameters and iso(result.parameters.incident_start) == "20T06:06"


@pytest.mark.parametrize(
    "text",
    [
        "Same as yesterday (05:00-05:20): failing again, since 06:30 UTC",
        "wie gestern (05:00-05:20): Fehler seit 06:30 UTC",
    ],
)
def test_a_day_that_is_compared_with_keeps_to_its_own_time(text: str) -> None:
    result = run(PLACE + text)
    assert result.parameters and iso(result.parameters.incident_start) == "20T06:30"
