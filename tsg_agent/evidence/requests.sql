-- The requests to measure, with the cell each falls into. Copies of a row count once.
-- A cell is when a request was and how it was answered, in one number; requests.py takes it apart.
SELECT
    *,
    CAST(
        (epoch_us(timestamp) - epoch_us($origin::TIMESTAMP)) // ($bucket_seconds * 1000000) * 28
        + CASE
            WHEN status_code IS NULL THEN 0
            WHEN status_code BETWEEN 200 AND 299 THEN 1
            WHEN status_code BETWEEN 300 AND 399 THEN 2
            WHEN status_code = 429 THEN 3
            WHEN status_code BETWEEN 400 AND 499 THEN 4
            WHEN status_code >= 500 THEN 5
            ELSE 6
        END * 4
        + CASE WHEN latency_ms > $version_slow_ms THEN 2 ELSE 0 END
        + CASE WHEN is_retry THEN 1 ELSE 0 END
    AS BIGINT) AS cell
FROM service_requests
WHERE {where}
{once}
