-- Requests of each value of each feature flag, by cell; a request counts once per value.
WITH requests AS ({requests}),
flagged AS (
    SELECT DISTINCT request_id, flag_name, flag_value
    FROM feature_flags
    WHERE request_id IN (SELECT request_id FROM requests)
)
SELECT flag_name AS first_value, flag_value AS second_value, cell, count(*) AS requests, sum(latency_ms) AS latency_sum
FROM requests
JOIN flagged ON requests.request_id = flagged.request_id
GROUP BY flag_name, flag_value, cell
