"""What a question is about, by its words: the whole guide, single checks, figures; in which order, and how many."""

import re
from dataclasses import dataclass

from tsg_agent.ask.dimensions import By, by_noun
from tsg_agent.ask.figures import LATENCIES, Metric
from tsg_agent.models import Measure


@dataclass(frozen=True)
class Subject:
    """One check, and the words that ask for it."""

    plugin: int
    words: re.Pattern[str]


def _words(text: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{text})\b", re.IGNORECASE)


SUBJECTS = (
    Subject(1, _words(r"versions?|releases?|deploy\w*|rolled out|rollouts?|regression")),
    Subject(2, _words(r"flags?|features?|experiments?|toggles?")),
    Subject(3, _words(r"(?:which|what|all|other|between|across|by|per|the) regions?|regions|datacenters?")),
    Subject(4, _words(r"partitions?|shards?|tenants?")),
    Subject(5, _words(r"zones?|instances?|instance types?|infrastructure|load balancers?|cpu|memory|resources?")),
    Subject(6, _words(r"endpoints?|paths?|routes?|urls?|methods?|cach\w+")),
    Subject(7, _words(r"products?|customers?|tiers?|subscriptions?|categor\w+|premium")),
    Subject(8, _words(r"workflows?|scenarios?|checkouts?|processes|completion|runs?|steps?|compensat\w+")),
    Subject(9, _words(r"errors?|exceptions?|messages?|components?|dependenc\w+|stack ?traces?")),
)
GUIDE = _words(
    r"why|causes?|caused|root|happened|happening|wrong|incident|investigate|what (?:should|can|do) (?:we|i)"
    r"|broken|outage|sla|slo|conclusion|report|going on|culprits?|to blame|responsible|at fault"
)
RANKING = _words(
    r"most|worst|top|highest|slowest|fastest|least|lowest|fewest|best|how many|how much|rank\w*|busiest|share"
    r"|rates?|count|compare\w*|largest|biggest|each|by|per"
)
_MEASURES = (
    (Measure.RATE_LIMITED, _words(r"rate[- ]?limit\w*|throttl\w+|too many requests")),
    (Measure.CLIENT_ERRORS, _words(r"4xx|client errors?|refus\w+|not found|unauthori[sz]ed|forbidden")),
    (Measure.SLOW, _words(r"slow requests?|(?:were|was|are|is|too) slow|timeouts?|timed out")),
)
CODE = re.compile(r"(?<![\w.,:/-])(?P<code>[1-5][0-9]{2})s?(?![\w%:-]|\.\d)")
_LATENCY = _words(
    r"latenc\w+|slow\w*|fast\w*|p ?(?:50|90|95|99)|percentiles?|response times?|how long|durations?|quick\w*"
)
_AVAILABILITY = _words(r"availability|available|uptime|success rates?")
_USERS = _words(
    r"(?:how many|number of|count of|share of|percentage of|most|affected) (?:\w+ )?"
    r"(?:users?|customers?(?! tiers?)|people)"
    r"|(?:users?|people) (?:are|were|was|is|have|had|got|see|saw) \w+|which users?|users? affected"
)
_REQUESTS = _words(r"busiest|most (?:traffic|requests|load)|traffic|request rate|request volume|how much load|quietest")
_FAILURES = _words(r"fail\w*|errors?|erroring|error rates?|5xx|server errors?|share|rates?|worst|worse|best|429s?")
_HOW_MANY = _words(r"how many|number of|count of|total(?: number)? of")
_RATE = _words(r"rates?|ratio|shares?|percent\w*|proportion|worst|worse|best|healthiest")
_LOW = _words(r"least|lowest|fewest|fastest|best|healthiest|quietest|smallest|ascending|quickest")
_HIGH = _words(r"best|highest|most|healthiest")
"""Of availability these ask for the other end."""
_NUMBERS = {
    w: n for n, w in enumerate(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"], 1)
}
_ENDS = "top|worst|slowest|best|busiest|fastest|highest|lowest"
_NUMBER = rf"[0-9]{{1,3}}|{'|'.join(_NUMBERS)}"
_MANY = re.compile(
    rf"\b(?:{_ENDS}|first)[ -](?P<after>{_NUMBER})\b(?!:)|\b(?P<before>{_NUMBER})[ ](?:{_ENDS}|most)\b",
    re.IGNORECASE,
)
CAUSE = _words(
    r"causes?|caused|causing|culprits?|blame|responsible|at fault|fault of|guilty|because of|due to|involved|suspects?"
    r"|related to|the reason|break|broke|trigger\w*"
)
STATE = _words(
    r"ok|okay|healthy|unhealthy|fine|broken|down|affected|degraded|failing|impacted|hurt|wrong with|working|normal"
    r"|how (?:bad|did|does|do|is|was|are|were)|what changed|matter|effect of|impact of|look at|problem with"
)
ROLL_BACK = _words(r"roll(?:ing|ed)?[ -]?backs?|revert\w*|downgrade|undo")
ACT = _words(
    r"(?:switch|turn|turned|switched)(?:ed|ing)? (?:\w+ )?(?:on|off)|disabl\w+|enabl\w+|redirect|drain|fail ?over|scale"
    r"|what (?:should|can|do) (?:we|i)|what to do|mitigat\w+|actions?|next steps?"
)
STARTED = re.compile(
    r"\bwhen (?:exactly )?(?:did|has|was|is) .{0,40}\b(?:start\w*|beg[aiu]n\w*|first|fail\w*|break|broke)"
    r"|\bsince when\b"
    r"|\bwhat time did\b|\bhow long (?:has|is|was)\b|\b(?:start|onset|beginning) of the (?:incident|outage)\b",
    re.IGNORECASE,
)
COMPARES = _words(r"worse|better|slower|faster|than|compared?|vs|versus|against|others?|rest|the one before|before it")
AFTER_WINDOW = re.compile(r"\bthe same\b|\bsame\b|\bwhat about\b|\bhow about\b", re.IGNORECASE)
UNDERSTOOD = (
    *(subject.words for subject in SUBJECTS),
    GUIDE, RANKING, *(words for _, words in _MEASURES), CODE, _LATENCY, _AVAILABILITY, _USERS, _REQUESTS, _FAILURES,
    _HOW_MANY, _RATE, _LOW, _MANY, CAUSE, STATE, ROLL_BACK, ACT, STARTED, AFTER_WINDOW, COMPARES,
)  # fmt: skip
"""What these match has been read."""


@dataclass(frozen=True)
class Topic:
    """What is asked."""

    plugins: tuple[int, ...] = ()
    guide: bool = False
    ranking: bool = False
    measure: Measure = Measure.SERVER_ERRORS
    code: int | None = None
    metric: Metric | None = None
    """What of the requests is asked for; None where no word says it."""
    latency: str = ""
    """The figure of latency that is asked for by name."""
    by: By | None = None
    rate: bool = False
    """Whether shares are compared, not counts."""
    lowest: bool = False
    """Whether the least failing, slow or busy are to come first."""
    limit: int | None = None
    why: bool = False
    compares: bool = False
    """Whether what is named is to stand beside the others of its kind."""
    cause: bool = False
    state: bool = False
    roll_back: bool = False
    act: bool = False
    started: bool = False

    @property
    def known(self) -> bool:
        """Whether the rules know what to do about it."""
        return bool(self.plugins) or self.guide or self.metric is not None or self.judged

    @property
    def asks(self) -> bool:
        """Whether it asks for something of its own, and does not only go on with the question before."""
        return bool(self.plugins) or self.metric is not None or self.judged or self.why or self.guide or self.state

    @property
    def judged(self) -> bool:
        """Whether it asks for what the investigation says of something."""
        return self.cause or self.roll_back or self.started or self.act


def topic_of(question: str) -> Topic:
    """What a question asks for. A question for a reason asks for the whole guide."""
    found = [subject for subject in SUBJECTS if subject.words.search(question)]
    measures = [measure for measure, words in _MEASURES if words.search(question)]
    code = next((int(match["code"]) for match in CODE.finditer(question)), None)
    if code == 429:
        measures.insert(0, Measure.RATE_LIMITED)
    by = by_noun(question)
    metric = _metric(question, code, measures)
    if not found and measures:
        found = [subject for subject in SUBJECTS if subject.plugin == 6]
    wanted = bool(GUIDE.search(question))
    many = _MANY.search(question)
    number = (many["after"] or many["before"]).lower() if many else ""
    measure = measures[0] if measures else Measure.SLOW if metric is Metric.LATENCY else Measure.SERVER_ERRORS
    return Topic(
        plugins=tuple(subject.plugin for subject in found),
        guide=wanted and (not found or bool(re.search(r"\bwhy\b|\bcause", question, re.IGNORECASE))),
        ranking=bool(RANKING.search(question) or metric is Metric.LATENCY),
        measure=measure,
        code=code,
        metric=metric,
        latency=_latency(question),
        by=by[0] if by else None,
        rate=bool(_RATE.search(question)),
        lowest=bool((_HIGH if metric is Metric.AVAILABILITY else _LOW).search(question)),
        limit=int(number) if number.isdigit() else _NUMBERS.get(number),
        why=bool(re.search(r"\bwhy\b", question, re.IGNORECASE)),
        compares=bool(COMPARES.search(question)),
        cause=bool(CAUSE.search(question)),
        state=bool(STATE.search(question)),
        roll_back=bool(ROLL_BACK.search(question)),
        act=bool(ACT.search(question)),
        started=bool(STARTED.search(question)),
    )


def _metric(question: str, code: int | None, measures: list[Measure]) -> Metric | None:
    """The first of these that a word asks for; users and availability before the failures that they are told by."""
    if _USERS.search(question):
        return Metric.USERS
    if code is not None or measures:
        return Metric.FAILURES
    named = (
        (Metric.LATENCY, _LATENCY),
        (Metric.AVAILABILITY, _AVAILABILITY),
        (Metric.REQUESTS, _REQUESTS),
        (Metric.FAILURES, _FAILURES),
    )
    found = next((metric for metric, words in named if words.search(question)), None)
    counting = _HOW_MANY.search(question) and re.search(r"\brequests?\b|\bcalls?\b", question, re.IGNORECASE)
    return found or (Metric.REQUESTS if counting else None)


def _latency(question: str) -> str:
    text = question.lower().replace("median", "p50").replace("mean", "average").replace("avg", "average")
    text = text.replace("p 9", "p9").replace("max ", "maximum ").replace("tail", "p99")
    return next((name for name in LATENCIES if name in text), "")
