-- Requests and failures of each region, by bucket.
WITH requests AS ({requests}),
cells AS (
    SELECT region AS first_value, cell, count(*) AS rows, sum(latency_ms) AS latency_sum
    FROM requests
    GROUP BY region, cell
),
{cells}
SELECT first_value, bucket, {measures}
FROM counted
GROUP BY first_value, bucket
