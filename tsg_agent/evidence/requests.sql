-- The requests to measure, with when each was and how it was answered. Copies of a row count once.
-- `bucket`: since the window's begin. `kind`: see requests.py, KINDS. `status`: 0 if it was answered, or nobody knows.
SELECT
    *,
    CAST(
        (epoch_us(timestamp) - epoch_us($origin::TIMESTAMP)) // ($bucket_seconds * 1000000)
    AS INTEGER) AS bucket,
    CAST(
        CASE
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
    AS TINYINT) AS kind,
    CAST(CASE WHEN status_code BETWEEN 300 AND 999 THEN status_code ELSE 0 END AS SMALLINT) AS status
FROM service_requests
WHERE {where}
{once}
