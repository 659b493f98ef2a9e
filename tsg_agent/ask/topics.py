"""What a question is about, by its words: the whole guide, or single checks."""

import re
from dataclasses import dataclass

from tsg_agent.models import Measure


@dataclass(frozen=True)
class Subject:
    """One check, the words that ask for it, and the columns by which requests can be ranked for it."""

    plugin: int
    words: re.Pattern[str]
    columns: tuple[str, ...] = ()


def _words(text: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{text})\b", re.IGNORECASE)


SUBJECTS = (
    Subject(1, _words(r"versions?|releases?|deploy\w*|rolled out|rollouts?|regression"), ("service_version",)),
    Subject(2, _words(r"flags?|features?|experiments?|toggles?")),
    Subject(
        3, _words(r"(?:which|what|all|other|between|across|by|per|the) regions?|regions|datacenters?"), ("region",)
    ),
    Subject(4, _words(r"partitions?|shards?|tenants?"), ("partition_id", "shard_id")),
    Subject(
        5,
        _words(r"zones?|instances?|instance types?|infrastructure|load balancers?|cpu|memory|resources?"),
        ("availability_zone", "instance_type"),
    ),
    Subject(6, _words(r"endpoints?|paths?|routes?|urls?|methods?|cach\w+"), ("http_method", "endpoint_path")),
    Subject(7, _words(r"products?|customers?|tiers?|subscriptions?|categor\w+|premium")),
    Subject(8, _words(r"workflows?|scenarios?|checkouts?|processes|completion|runs?|steps?|compensat\w+")),
    Subject(
        9,
        _words(r"errors?|exceptions?|messages?|components?|dependenc\w+|stack ?traces?"),
        ("service_component", "dependency_name", "exception_type"),
    ),
)
GUIDE = _words(
    r"why|causes?|caused|root|happened|happening|wrong|incident|investigate|what (?:should|can|do) (?:we|i)"
    r"|broken|outage|sla|slo|availability|conclusion|report|going on"
)
RANKING = _words(r"most|worst|top|highest|slowest|least|how many|how much|rank\w*|busiest|share|rates?|count")
_MEASURES = (
    (Measure.RATE_LIMITED, _words(r"429s?|rate[- ]?limit\w*|throttl\w+|too many requests")),
    (Measure.CLIENT_ERRORS, _words(r"4xx|client errors?|refus\w+|not found|unauthori[sz]ed|forbidden")),
    (Measure.SLOW, _words(r"slow\w*|latenc\w+|timeouts?|timed out|p9\d")),
)


@dataclass(frozen=True)
class Topic:
    """What is asked."""

    plugins: tuple[int, ...] = ()
    guide: bool = False
    ranking: bool = False
    measure: Measure = Measure.SERVER_ERRORS
    columns: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Whether the rules know what to do about it."""
        return bool(self.plugins) or self.guide


def topic_of(question: str) -> Topic:
    """The checks that a question asks for. A question for a reason asks for the whole guide."""
    found = [(match.start(), subject) for subject in SUBJECTS if (match := subject.words.search(question))]
    named = [measure for measure, words in _MEASURES if words.search(question)]
    if not found and named:
        found = [(0, subject) for subject in SUBJECTS if subject.plugin == 6]
    subjects = [subject for _, subject in found]
    wanted = bool(GUIDE.search(question))
    first = min(found, key=lambda pair: pair[0])[1] if found else None
    return Topic(
        plugins=tuple(subject.plugin for subject in subjects),
        guide=wanted and (not subjects or bool(re.search(r"\bwhy\b|\bcause", question, re.IGNORECASE))),
        ranking=bool(RANKING.search(question)),
        measure=named[0] if named else Measure.SERVER_ERRORS,
        columns=first.columns if first else (),
    )
