"""Words of questions that say nothing by themselves, or that rules read where they stand.

What is not here, is no name of the telemetry's, and was read by no rule, is told as not understood.
"""

_TEXT = """
    a an the this that these those it its it's there here their them they he she we us our ours i i'm me my
    you your one ones is are was were be been being am isn't aren't wasn't weren't do does did doing done
    don't doesn't didn't has have had having hasn't haven't can could can't cannot should shouldn't shall will
    would won't may might must let let's what what's which who whom whose where where's when why how how's
    whether if of in on at to for from by with as into onto about over per across among within between and or
    but so then than also too only just even still yet again much many more most less least few fewer any some
    all each every both such same up down out off please tell show give list say see look find get know think
    explain describe display print answer ask question hi hello hey thanks thank ok okay yes compare
    comparison compared versus vs against difference other others rest happen happened happening happens go
    going gone went come comes came wrong right really actually exactly work works worked working perform
    performs performed performing performance behave behaves behaved behaving behaviour behavior looks looked
    looking run runs running ran make makes made take takes took taken gets got getting service services
    system application app gateway site platform thing things something anything everything nothing nobody
    request requests call calls response responses traffic load volume hit hits query queries error errors
    erroring fail fails failed failing failure failures fault faults problem problems issue issues incident
    outage trouble broken breaking break breaks broke bad badly worse worst good better best healthy health
    unhealthy fine normal abnormal affected affect affects hurt hurts impact impacts impacted degraded
    degradation degrade unavailable slow slower slowest slowly slowness fast faster fastest latency latencies
    delay delays timing timeout timeouts duration time times long longer longest short shortest rate rates
    ratio share shares percent percentage proportion count counts number numbers total totals amount figure
    figures average avg mean median maximum max minimum min p50 p90 p95 p99 percentile percentiles tail top
    first last highest high higher lowest low lower largest biggest busiest quietest frequent frequently often
    common commonest rank ranked ranking order ordered sort sorted descending ascending sla slo availability
    available uptime threshold target breach breached status code codes http user users customer customers
    client clients people premium cause causes caused causing root reason reasons culprit blame responsible
    guilty suspect suspects related involved matter matters due because conclusion report finding findings
    evidence result results region regions zone zones version versions release releases deploy deployed
    deployment deployments rollout rollouts build flag flags feature features toggle toggles experiment
    experiments endpoint endpoints path paths route routes url urls method methods component components
    dependency dependencies exception exceptions message messages workflow workflows scenario scenarios
    process processes checkout checkouts step steps product products category categories tier tiers
    subscription subscriptions partition partitions shard shards tenant tenants instance instances type types
    datacenter datacenters balancer balancers environment infrastructure cpu memory resources resource cache
    caching cached regression completion complete completed completes completing compensation compensate
    compensated stack trace traces id name names old new older newer newest latest oldest previous current
    start started starts starting begin began begun begins beginning roll rollback rollbacks rolled rolling
    back revert reverted undo downgrade action actions propose proposed proposal fix mitigate mitigation
    switch turn turned switched disable disabled enable enabled redirect drain scale limited limiting limit
    limits throttled throttling refused refuse rejected reject 4xx 5xx 2xx 3xx whole entire window period span
    not no
"""
PLAIN = frozenset(_TEXT.split())
