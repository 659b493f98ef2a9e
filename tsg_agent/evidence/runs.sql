-- The correlation_ids of a subject's requests, and whether one of these was answered 5xx.
WITH requests AS ({requests})
SELECT correlation_id, coalesce(bool_or(status_code >= 500), false) AS failed
FROM requests
WHERE {whose} AND (status_code >= 500 OR NOT $failed_only)
GROUP BY correlation_id
{limit}
