-- Of each request that is a span: the request that called it, and the service by which it failed, or would.
-- spans: trace, span, parent, kept (a request), service, status, ms, called (whom one that calls names, '' for nobody).
CREATE TABLE {name} AS
WITH RECURSIVE spans AS (
    -- A call's two sides may share one id: the request's own side counts.
    SELECT *, coalesce(status >= 500 OR status = 429, false) AS failed
    FROM {spans}
    QUALIFY row_number() OVER (PARTITION BY trace, span ORDER BY kept DESC) = 1
),
up AS (
    -- From what was called to the nearest request above it. A call fails by either side's word, not by its caller's own.
    SELECT trace, span AS callee, kept AS answered, parent AS at, nullif(called, '') AS called, failed, 1 AS steps
    FROM spans
    WHERE parent IS NOT NULL AND (kept OR called <> '')
    UNION ALL
    SELECT up.trace, up.callee, up.answered, between_.parent, coalesce(up.called, nullif(between_.called, '')),
        up.failed OR (up.answered AND between_.called IS NOT NULL AND between_.failed), up.steps + 1
    FROM up
    JOIN spans AS between_ ON between_.trace = up.trace AND between_.span = up.at AND NOT between_.kept
    WHERE up.steps < 32
),
link AS (
    SELECT up.trace, up.callee, up.answered, up.at AS caller, up.called, callee.service,
        up.failed OR (callee.status >= 400 AND caller.status // 100 = callee.status // 100) AS failed, callee.ms
    FROM up
    JOIN spans AS caller ON caller.trace = up.trace AND caller.span = up.at AND caller.kept
    JOIN spans AS callee ON callee.trace = up.trace AND callee.span = up.callee
    WHERE up.answered OR NOT EXISTS (
        FROM up AS other WHERE other.answered AND other.trace = up.trace AND other.at = up.callee
    )
),
address AS (
    -- Whose an address is, by the calls that arrived.
    SELECT called, mode(service) AS service FROM link WHERE answered AND called IS NOT NULL GROUP BY called
),
edge AS (
    SELECT link.*, CASE WHEN answered THEN link.service ELSE coalesce(address.service, link.called) END AS name
    FROM link
    LEFT JOIN address ON address.called = link.called
),
down AS (
    -- From each request to all that was called for it. `broken`: every call on the way failed, and none behind it.
    SELECT trace, caller AS row_, name, ms, 1 AS steps,
        failed AND NOT EXISTS (
            FROM edge AS behind WHERE behind.trace = edge.trace AND behind.caller = edge.callee AND behind.failed
        ) AS broken
    FROM edge
    UNION ALL
    SELECT edge.trace, edge.caller, down.name, down.ms, down.steps + 1, down.broken AND edge.failed
    FROM down
    JOIN edge ON edge.trace = down.trace AND edge.callee = down.row_
    WHERE down.steps < 32
),
usual AS (
    SELECT service, median(ms) AS ms FROM spans WHERE kept GROUP BY service
),
pair AS (
    SELECT down.trace, row_, name, bool_or(broken) AS broken, any_value(caller.status >= 400) AS failed,
        any_value(caller.ms > 3 * usual.ms AND down.ms < caller.ms / 2) AS slow_itself
    FROM down
    JOIN spans AS caller ON caller.trace = down.trace AND caller.span = row_
    LEFT JOIN usual ON usual.service = caller.service
    WHERE name IS DISTINCT FROM caller.service
    GROUP BY down.trace, row_, name
),
blamed AS (
    -- What may fail while its callers are well made none of them fail.
    SELECT name, count(*) FILTER (broken AND failed) AS times
    FROM pair
    GROUP BY name
    HAVING 2 * times >= count(*) FILTER (broken)
),
blamed_by AS (
    -- A request that failed by itself, or was slow by itself, names no service.
    SELECT trace, row_, arg_max(name, (times, name)) AS ended
    FROM pair
    JOIN blamed USING (name)
    WHERE CASE WHEN failed THEN broken ELSE slow_itself IS NOT TRUE END
    GROUP BY trace, row_
)
SELECT spans.trace, spans.span, link.caller, blamed_by.ended
FROM spans
LEFT JOIN link ON link.trace = spans.trace AND link.callee = spans.span
LEFT JOIN blamed_by ON blamed_by.trace = spans.trace AND blamed_by.row_ = spans.span
WHERE spans.kept AND (link.caller IS NOT NULL OR ended IS NOT NULL)
