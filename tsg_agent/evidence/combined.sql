-- The requests of the incident's region by all that verdicts read of them: how many there are of each combination.
-- Words hold several values, a number each: see combined.py. A failed request says its user, and a run's which run's.
WITH requests AS ({requests}),
coded AS (
    SELECT request_id, timestamp, bucket, kind, status, latency_ms, weight, {coded}
    FROM requests
),
usual AS (
    SELECT CASE WHEN count(latency_ms) >= {fewest} THEN {times} * quantile_cont(latency_ms, 0.99) END AS slower_ms
    FROM coded
    WHERE timestamp < $usual_until
),
{joined}
tied AS (
    SELECT
        (CAST(bucket AS BIGINT) * {moments} + kind * 4
            + CASE WHEN latency_ms > slower_ms THEN 2 ELSE 0 END
            + CASE WHEN passed_on THEN 1 ELSE 0 END) * {statuses} + status AS moment,
        CASE WHEN kind NOT IN ({plain}) OR latency_ms > slower_ms THEN user_id END AS user_id,
        latency_ms,
        weight,
        {tied}
    FROM coded
    CROSS JOIN usual
    {joins}
)
SELECT {grouped}, sum(weight) AS weight, sum(weight * latency_ms) / sum(weight) AS latency_ms
FROM tied
GROUP BY {grouped}
