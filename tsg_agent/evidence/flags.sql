-- The flags of the requests; a request counts once per value.
WITH requests AS ({requests}),
flagged AS (
    SELECT DISTINCT request_id, flag_name, flag_value
    FROM feature_flags
    WHERE request_id IN (SELECT request_id FROM requests)
)
SELECT requests.request_id, flag_name, flag_value
FROM requests
JOIN flagged ON requests.request_id = flagged.request_id
