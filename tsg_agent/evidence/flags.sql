-- Requests and failures of each value of each feature flag, by bucket; a request counts once per value.
WITH requests AS ({requests}),
flagged AS (
    SELECT DISTINCT request_id, flag_name, flag_value
    FROM feature_flags
    WHERE request_id IN (SELECT request_id FROM requests)
)
SELECT flag_name AS first_value, flag_value AS second_value, bucket, {measures}
FROM requests
JOIN flagged ON requests.request_id = flagged.request_id
GROUP BY flag_name, flag_value, bucket
