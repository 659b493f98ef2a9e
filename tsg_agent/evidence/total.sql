-- All requests that are measured, by cell.
WITH requests AS ({requests})
SELECT cell, count(*) AS requests, sum(latency_ms) AS latency_sum
FROM requests
GROUP BY cell
