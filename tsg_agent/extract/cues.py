"""The words that tell what a time is for, as patterns. All are linear: every gap they allow is bounded."""

import re

from tsg_agent.extract.spotting import SPAN

FAILURE = (
    r"(?:fail\w*|errors?|erroring|outages?|incidents?|issues?|problems?|degrad\w*|impact\w*|disrupt\w*|unavailab\w*"
    r"|availability|downtime|down|[45]xx\w*|[45][0-9]{2}s?|time-?outs?|timing|latenc\w*|slow\w*|spik\w*|drop\w*"
    r"|increas\w*|elevated|symptoms?|trouble|breach\w*|unreachable|reject\w*|crash\w*|affected|refus\w*|broken|breaking"
    r"|alert|alerts|firing|throw\w*|return\w*|burn\w*|it|they|this|everything|happening|onset|bad|red|flapping|sev-?[0-9]"
    r"|not work\w*|\w+n't (?:been )?(?:work|load|respond|answer|serv|process)\w*|cannot|can't|unable)"
)
OTHER = re.compile(
    r"\b(?:investigat\w*|deploy\w*|rollouts?|roll(?:ed|ing)?[ -]?(?:out|back)|rollbacks?|releas\w*|canary|maintenance"
    r"|migrat\w*|backups?|war ?room|bridge|calls?|calling|meeting|mitigat\w*|recover\w*|restor\w*|scal\w*"
    r"|complain\w*|tickets?|triag\w*|monitoring|shift|jobs?|pods?|containers?|process|versions?|flags?|enabled"
    r"|running|live|uptime|experiment|tests?|testing|escalat\w*|debugg\w*|analysis|analysing|analyzing|post-?mortem"
    r"|review\w*|rebuild|restart\w*|failover|drain\w*|communicat\w*|on-?call|campaign|sale|fix|fixes|work|looking"
    r"|stable|healthy|normal|fine|green|employed|customer since|upgrade\w*|push\w*|sync\w*|healthier)\b",
    re.IGNORECASE,
)
PAST = re.compile(
    r"\b(?:previous|prior|similar|historical\w*|unlike|last (?:week|month|year|time|quarter|incident|outage)(?:'s)?"
    r"|earlier (?:incident|outage)|months? ago|years? ago|back then)\b",
    re.IGNORECASE,
)
PLANNED = re.compile(
    r"\b(?:will|expect\w*|eta|should|hop(?:e|ing)|plan\w*|schedul\w*|estimat\w*|forecast\w*|aim\w*|going to|might"
    r"|if)\b",
    re.IGNORECASE,
)
FAILING = re.compile(rf"\b{FAILURE}\b", re.IGNORECASE)
ENDS_FAILING = re.compile(
    rf"\b{FAILURE}(?:[ ](?:has|have|had|which|that|was|were|is|are|first|likely|also))*\W*$", re.I
)
TAIL = (
    r"(?:[\s:,(=~@*_-]|\b(?:at|around|about|by|on|from|of|since|as|early|approx(?:imately|\.)?|roughly|circa|ca\.|near|was"
    r"|were|is|time|the morning|in|sometime|some time)\b)*$"
)
DIRECT = re.compile(rf"^{TAIL}", re.IGNORECASE)
PREPOSED = re.compile(
    r"\b(?:at|around|about|on|from|since|approx(?:imately|\.)?|roughly|circa|as early as)\b[\s~@:]*$", re.I
)
JOINS = re.compile(
    r"\b(?:and|but|then|when|while|until|before|after|because|so|which|who|where|we|they|i|following|by|not|if)\b", re.I
)
CLAUSE = re.compile(r"[,;:()|\u2013—]|\b(?:and|but|while|when|after|because|so|then|where|before|until)\b", re.I)
START = re.compile(
    r"\b(began|begun|begins?|beginning|start(?:ed|ing|s)?|commenced|since|onset|kicked in|set in"
    r"|(?P<point>appear(?:ed|s)|surfaced|emerged|arose|occurred|happened))\b",
    re.IGNORECASE,
)
FIRST = re.compile(
    r"\bfirst (?:\w+ ){0,2}?(?:errors?|failures?|failing|failed|[45]xx|[45][0-9]{2}s?|time-?outs?|symptoms?|occurrence"
    r"|occurred|impact|signs?)(?: (?:requests?|responses?|seen|observed|noticed|appeared|were|was|logged|came))*"
    r"|\b(?:first|earliest)[ _-]?(?:seen|observed|noticed)\b",
    re.IGNORECASE,
)
END = re.compile(
    r"\b(?P<done>(?:was|is|were) over|resolved|ended|ends|recovered|restored|fixed|cleared"
    r"|stopped(?! (?:work|respond|serv|answer|load|accept|process|function)ing)|subsided|back to normal|all[ -]clear)\b"
    r"|\b(?P<half>mitigated)\b|\b(?P<until>until|till|through)\b"
    r"|\b(?P<still>still|ongoing|on-going|continuing|continues|persists|persisting|as of|last seen)\b",
    re.IGNORECASE,
)
NOT = re.compile(r"\b(?:not|n't|never|yet|un|isn't|wasn't|hasn't)\W*(?:\w+\W+)?$", re.IGNORECASE)
STAMP = re.compile(r"[0-9]{1,4}[:/.-][0-9](?:[0-9:./TZ+-]|,(?=[0-9]))*")
FILLER = re.compile(
    r"(?:\W|\b(?:was|were|is|are|been|has|have|had|then|finally|fully|got|again|later|which|that|only|also|at|on|around"
    r"|about|utc|gmt|z|t|mitigated|resolved|detected|declared|reported|am|pm|of|ca|circa|approximately|first|not|yet"
    r"|no|longer|since"
    r"|yes|yeah|yep|hi|hello|ok|so|well|think|i|apparently|probably|maybe|looks|like|seems|lasted|lasts|continued|went|going|st|nd|rd|th|today|yesterday|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\b)*",
    re.IGNORECASE,
)
CREATED = re.compile(
    r"\b(?:(?P<a>created)|(?P<b>declared)|(?P<c>opened|raised|reported|logged|submitted|filed)"
    r"|(?P<d>detected|triggered|paged|fired|issued))\b",
    re.IGNORECASE,
)
LABEL = re.compile(
    r"(?:^|[\n|,;{(\[>]|[*`]{1,3}[ ]?|-[ ]|[ ]{2}|[.!?:][ ])[ \t]{0,8}[\"'*_`]{0,3}"
    r"(?P<label>[A-Za-z][A-Za-z_ -]{1,40}?)(?:[ ]?\((?:UTC|utc)\))?"
    r"[\"'*_`]{0,3}[ \t]{0,4}(?:[:=|]|=>|->)[ \t\"'*_`|~]{0,8}$"
)
INLINE = re.compile(
    r"[\s,;{(][\"']?(?:(?P<label>[A-Za-z]{1,20}_[A-Za-z_]{2,30})[\"']?[:=]|(?P<word>[A-Za-z]{3,30})[\"']?=)[\"'\s]{0,3}$"
)
PIPED = re.compile(r"\|[ ]*(?P<label>[A-Za-z][A-Za-z_ ]{2,30}?)[ ]+$")
ONWARDS = re.compile(r"[ ,]*(?:onwards?|on)\b", re.IGNORECASE)
TO_NOW = re.compile(
    r"[ ]{0,3}(?:-{1,2}|\u2013|—|to|(?:up )?(?:until|till)|->|→)[ ]{0,3}(?:now|present|the present|ongoing|current)\b",
    re.IGNORECASE,
)
FROM = re.compile(r"\bfrom[\s~]*$", re.IGNORECASE)
HEAD = re.compile(r"[\W_]*(?:(?:at|around|about|on|by|from|approx\.?)\b[\s~]*)?", re.IGNORECASE)
CHAT = re.compile(r"\W{0,3}(?:\w{2,5}\W{1,3})?(?:<[^>\n]{1,40}>|@?[\w.'-]{1,30}(?:[ ][A-Z][\w.'-]{0,30})?:)\s")
NOUN_AFTER = re.compile(
    r"[ ](?:deploy\w*|release|rollout|push|build|flag|config|change|version|alert|page|meeting|standup"
    r"|call|report|job)\b",
    re.I,
)
BETWEEN_TIMES = re.compile(
    r",?[ ]{0,3}(?:-{1,2}|\u2013|—|(?:up )?(?:to|until|till)|through|->|→|/|\.{2,3}|and|&)[ ]{0,3}"
    r"(?:about |around |roughly |approximately |~)?",
    re.IGNORECASE,
)
FOR = re.compile(
    r"\b(?:been|is|are|now|fail\w*|down|error\w*|unavailable|unreachable|degraded|broken|outages?|[45]xx|time-?outs?"
    r"|downtime|[45][0-9]{2}s|slow|problems?|issues?)\b[^.\n]{0,60}?\bfor (?:about |around |roughly |at least |over )?"
    rf"(?:(?:the )?(?:last |past )?(?:about |around )?(?P<span>{SPAN})|the (?:last|past) (?P<one>hour|day|week)\b)",
    re.IGNORECASE,
)
OVER = re.compile(r"\b(?:gone|over|stopped|recovered|resolved|fixed|then|back|fine|again)\b", re.IGNORECASE)
WAS = re.compile(r"\b(?:was|were|had)\b[^.\n]{0,20}$", re.IGNORECASE)
LAST = re.compile(rf"\b(?:last|past|previous) (?P<span>{SPAN})|\b(?:last|past) (?P<one>hour|day)\b", re.IGNORECASE)
SERVED = re.compile(
    r"\b(?:service|gateway|api|site|platform|system|requests?|users?|customers?|traffic|app|application)\b", re.I
)
FINE = re.compile(r"\b(?:no|normal|fine|healthy|stable|ok|okay|good|green|quiet)\b", re.IGNORECASE)
ELSEWHERE = re.compile(
    r"\b(?:deploy\w*|rollouts?|roll(?:ed|ing)?[ -]?(?:out|back)|rollbacks?|releas\w*|canary|maintenance|migrat\w*"
    r"|backups?|meeting|shift|on-?call|campaign|sale|experiment|flag|scaling|restart\w*|call|review|freeze|jobs?)\b",
    re.IGNORECASE,
)
COUNTED = re.compile(
    rf"{ELSEWHERE.pattern}|\b(?:complain\w*|tickets?|commits?|changes?|orders|revenue|customers)\b|[0-9]\+ in the $",
    re.I,
)
WINDOW = re.compile(r"\b(?:look|check|investigate|analy[sz]e|focus|window|range|period|time ?frame|interval)\b", re.I)
OPENS = re.compile(r"\b(?P<cue>between|from)\b[\s~]*(?:about |around |roughly )?$", re.IGNORECASE)

START_LABELS = frozenset(
    f"{what}{form}".strip()
    for what in ("", "incident ", "impact ", "outage ", "problem ", "issue ", "error ", "degradation ", "alert ")
    for form in ("start time", "started", "started at", "starts at", "start", "began", "began at", "begin", "onset")
) | {"start of incident", "start of impact", "start of outage", "onset time", "time of onset", "since", "failing since"}
START_LABELS |= {
    "down since",
    "errors since",
    "broken since",
    "start of errors",
    "start of failures",
    "start of problem",
}
START_LABELS |= {"start of degradation"}
END_LABELS = frozenset(
    f"{what}{form}".strip()
    for what in ("", "incident ", "impact ", "outage ", "problem ", "issue ", "service ", "alert ")
    for form in ("end", "end time", "ended", "ended at", "ends at", "resolved", "resolved at", "resolution time")
) | {"mitigated", "mitigated at", "recovered", "recovered at", "restored at", "time resolved", "end of impact"}
END_LABELS |= {"end of incident", "end of outage", "resolution", "resolved time"}
GENERIC_STARTS = frozenset({"start", "start time", "from"})
GENERIC_ENDS = frozenset({"end", "end time", "to", "until"})
WINDOW_STARTS = frozenset({"start_time", "window start", "start of window", "analysis start", "range start"})
WINDOW_ENDS = frozenset({"end_time", "window end", "end of window", "analysis end", "range end"})
WINDOWS = frozenset(
    {"window", "time window", "time range", "timerange", "period", "time period", "timeframe", "time frame", "range"}
) | {"interval", "analysis window", "investigation window", "query window"}
CREATED_LABELS = (
    frozenset({"created", "created at", "created on", "create time", "creation time"}),
    frozenset({"declared", "declared at", "incident declared", "incident declared at"}),
    frozenset({"opened", "opened at", "raised", "reported", "reported at", "logged", "submitted", "filed"}),
    frozenset({"detected", "detected at", "triggered", "triggered at", "fired", "fired at", "issued", "paged at"}),
    frozenset({"date", "sent", "sent at", "datetime", "date time"}),
    frozenset({"time", "timestamp", "when", "reported on"}),
)
"""Labels of the time a report was made, the plainest first."""
