"""Step 1 without a model: an incident's parameters from its free text, by rules."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tsg_agent.extract.accounting import names_left
from tsg_agent.extract.choices import Choice
from tsg_agent.extract.inputs import Extraction, Given
from tsg_agent.extract.payloads import unfolded
from tsg_agent.extract.places import ENVIRONMENT, REGION, SERVICE, Settled, settle
from tsg_agent.extract.sla_target import find_threshold
from tsg_agent.extract.spoken import in_figures
from tsg_agent.extract.text import MAXIMUM_CHARACTERS, Prose
from tsg_agent.extract.window import find_window
from tsg_agent.models import Known, Parameters


def extract(
    text: str,
    known: Known,
    given: Given,
    *,
    now: datetime,
    window_hours: float,
    default_threshold: float,
    ranges_are_windows: bool = False,
) -> Extraction:
    """The guide's Step 1: parameters where everything is settled, else questions with candidates.

    `now` is aware; `window_hours` is how long before the incident's start the window opens; thresholds are percent.
    `ranges_are_windows` is for questions: "what failed between 14:00 and 15:00?" says where to look, and no start.
    Of a long text only the first `MAXIMUM_CHARACTERS` are read. Raises `ParameterError` for values that cannot hold:
    an unknown name in a flag, a window that ends before it starts, a threshold that is no percentage.
    """
    prose = Prose(in_figures(unfolded(text[:MAXIMUM_CHARACTERS])))
    region = settle(REGION, known.regions, given.region, prose)
    environment = settle(ENVIRONMENT, known.environments, given.environment, prose)
    service = settle(SERVICE, known.services, given.service_name, prose, [*region.hits, *environment.hits])
    threshold = find_threshold(prose, given.threshold, default_threshold)
    prose.mask((hit.start, hit.end) for found in (region, service, environment) for hit in found.hits)
    own = [hit.start for hit in service.hits if service.value in hit.values]
    prose.set_apart(own, [hit.start for hit in service.hits if service.value not in hit.values])
    before, now = timedelta(hours=window_hours), now.astimezone(UTC)
    window = find_window(
        prose, known, given, now=now, place=region.value or "", before=before, ranges_are_windows=ranges_are_windows
    )
    places = {"region": region, "service_name": service, "environment": environment}
    found: dict[str, Settled[Any] | Choice] = {**places, **window.times, "threshold": threshold}
    questions = [one.question for one in found.values() if one.question]
    notes = [*region.notes, *service.notes, *environment.notes, *window.notes]
    notes += [*names_left({REGION: region, SERVICE: service, ENVIRONMENT: environment}), *threshold.notes]
    if len(text) > MAXIMUM_CHARACTERS:
        notes.append(f"The text has {len(text):,} characters; only the first {MAXIMUM_CHARACTERS:,} were read.")
    if questions:
        return Extraction(questions=questions, notes=notes, unsettled=window.unsettled)
    values: dict[str, Any] = {name: one.value for name, one in places.items()}
    values |= {name: one.instant for name, one in window.times.items()}
    values |= {"threshold": threshold.value, "other_regions": region.others, "exact_start": given.exact_start}
    values["origins"] = {name: one.origin for name, one in found.items()}
    return Extraction(parameters=Parameters.model_validate(values), notes=notes, unsettled=window.unsettled)
