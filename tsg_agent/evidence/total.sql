-- Requests and failures of all that is measured, by bucket.
WITH requests AS ({requests}),
cells AS (
    SELECT cell, count(*) AS rows, sum(latency_ms) AS latency_sum
    FROM requests
    GROUP BY cell
),
{cells}
SELECT bucket, {measures}
FROM counted
GROUP BY bucket
