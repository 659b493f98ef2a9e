-- How each instance answers.
SELECT
    instance_id,
    count(DISTINCT request_id) AS total_requests,
    count(DISTINCT request_id) FILTER (status_code >= 500) * 100.0 / count(DISTINCT request_id) AS error_rate
FROM service_requests
WHERE region = $region
GROUP BY instance_id
ORDER BY error_rate DESC, instance_id
