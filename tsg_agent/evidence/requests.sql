-- The requests to measure, with the bucket each falls into. Copies of a row count once.
SELECT DISTINCT ON (request_id, timestamp, status_code, service_component)
    *,
    CAST((epoch_us(timestamp) - epoch_us($origin::TIMESTAMP)) // ($verdict_bucket_minutes * 60000000) AS INTEGER) AS bucket
FROM service_requests
WHERE {where}
