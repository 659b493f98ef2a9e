-- Requests of each other region, by cell: those of the incident's are measured by dimensions.sql.
WITH requests AS ({requests})
SELECT region AS first_value, cell, count(*) AS requests, sum(latency_ms) AS latency_sum
FROM requests
GROUP BY region, cell
