"""Words of plain English that the prose check must not take for names."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ACRONYMS = _words("utc sla slo sli api http https cpu ram p50 p90 p95 p99 5xx 4xx 3xx 2xx i tls dns id ids ok")

STARTERS = _words("""
    a about above after again all also although among an and another any around as at availability because before below
    beside besides between both but by calls cause causes check checks clients compared consequently customers data
    despite do during each either endpoint endpoints error errors escalate even every evidence failed failing failures
    few first fix flag for from further given hence here however if in incident increased it its just later latency
    least look many meanwhile more moreover most much neither next no none nor not nothing notably now of on once one
    only or other others otherwise out over overall partition region regions requests roll rolled runs second set
    several shard since so some still such suspect suspects telemetry that the their then there therefore these they
    third this those though through thus to together traffic under until up users version versions we what when where
    whereas whether which while who with within without workflow workflows zone zones step steps proposed answer
    finding findings measured service availability's two repair mitigate drain redirect disable revert scale component
    partitions shards mean median average total peak nearly roughly affected high low slow retries retry completed
    instances tenants messages values dismissed nobody everything looking taken seen cpu memory rate rates share
    compensation parts repairing mitigating rolling draining redirecting escalating start stop bypass open it's that's
    load tenant subscription customer instance api method criticality category
    components dependency product products tier tiers flags database
    according accordingly actually additionally adding afterwards alongside almost alone already always apart
    approximately based basically behind best better beyond briefly broadly call checked checking clearly close closely
    combined common compare comparing comparison comparisons conclusion conclusions considering contrary
    correspondingly counted counting counts current currently day days default difference differences directly done
    earlier earliest early effectively eighth eleventh enough entirely equally especially essentially eventually
    exactly examined except excluding exclusively exceptions expected fewer fifth figures final finally five fourth
    four frequent fully general generally grouped half hence highest hour hours hourly immediately important
    importantly including indeed individually initially instead interestingly judging judged largely last lastly late
    lately later latest leaving left less likewise limited listed little long longer longest looked lower lowest mainly
    major many maximum merely method methods middle minimum minor minute minutes mitigated moments mostly much name
    named names namely near nearby neighbouring never nevertheless newest newer next nine ninth none nonetheless
    normally notable note noted noteworthy number numbers nobody occasionally often older oldest one ongoing openly
    operationally opposite order ordered originally otherwise outside part particularly partly past people per
    percentage percentages perhaps period periods possible possibly potentially practically precisely previous
    previously primarily primary prior probably problem problems proposals proposal query quite ranked ranking rather
    read really reason reasons recent recently recommended reduced regarding relative relatively remaining remarkably
    report reported reports request respectively rest result results right rising roughly row rows run same sample
    scenario scenarios scope second secondly see seemingly seven seventh shown similar similarly simply simultaneously
    single six sixth slightly slower slowest smaller smallest somewhat soon spread starting status steadily straight
    strikingly strongly subsequently sum summary summing supported surprisingly table tables ten tenth test tests
    thereafter thereby third thirdly time timeline times today top totals tools tool truly two type types typical
    typically ultimately unchanged unclear under undone unexpectedly unfortunately uniquely unknown unless unlike
    unlikely unsurprisingly upon usually various very view virtually visible way ways weak week whatever whenever
    wherever whole whoever whose why wide widely window windows word words worse worst yes yesterday yet
    confirmed suspected urgent excluded covered kept given likely unusual available
""")

COMMON = STARTERS | _words("""
    on off true false yes no none null get post put patch delete new old low high normal medium critical healthy warning
    degraded stable on-call web mobile other default standard premium basic free enabled disabled control main live open
    closed active down up test prod i production error errors failure unknown internal external user users client
    server completed failed running pending started queued partial order orders search home app
""")

METHODS = _words("GET POST PUT PATCH DELETE HEAD OPTIONS")

NUMBER_WORDS = {
    "zero": 0, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17,
    "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70,
    "eighty": 80, "ninety": 90,
}  # fmt: skip

VAGUE_NUMBERS = _words("""
    half halves halved twice thrice double doubled doubling triple tripled quadrupled tenfold twofold threefold dozen
    dozens hundred hundreds thousand thousands million millions billion billions quarter quarters thirds majority
    everyone nobody
""")
