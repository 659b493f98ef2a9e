-- Every row of the requests by what becomes of it, by minute: each row is in one part.
-- Where a parameter is NULL, any value of its column is asked for.
WITH parted AS (
    SELECT
        CASE
            WHEN timestamp IS NULL THEN 'undated'
            WHEN timestamp < $start_time::TIMESTAMP OR timestamp > $end_time::TIMESTAMP THEN 'outside'
            WHEN is_test_traffic THEN 'test_traffic'
            WHEN environment IS NULL THEN 'no_environment'
            WHEN environment <> $environment::VARCHAR THEN 'other_environment'
            WHEN service_name IS NULL THEN 'no_service'
            WHEN service_name <> $service_name::VARCHAR THEN 'other_service'
            WHEN region IS NULL THEN 'no_region'
            WHEN region <> $region::VARCHAR THEN 'other_region'
            WHEN weight < 0 THEN 'bad_weight'
            WHEN weight = 0 THEN 'no_weight'
            WHEN status_code IS NULL THEN 'no_status'
            ELSE 'counted'
        END AS part,
        CASE WHEN timestamp BETWEEN coalesce($start_time::TIMESTAMP, '1990-01-01'::TIMESTAMP)
            AND coalesce($end_time::TIMESTAMP, '2100-01-01'::TIMESTAMP)
            THEN date_trunc('minute', timestamp) END AS minute,
        coalesce(timestamp >= $incident_start::TIMESTAMP, false) AS since,
        timestamp < $start_time::TIMESTAMP AS earlier,
        status_code >= 500 AS failed
    FROM api_gateway_logs
)
SELECT part, minute, since, count(*) AS rows, count(*) FILTER (failed) AS failures,
    count(*) FILTER (earlier) AS earlier
FROM parted
GROUP BY part, minute, since
