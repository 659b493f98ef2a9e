-- Requests of each region, by cell.
WITH requests AS ({requests})
SELECT region AS first_value, cell, count(*) AS requests, sum(latency_ms) AS latency_sum
FROM requests
GROUP BY region, cell
