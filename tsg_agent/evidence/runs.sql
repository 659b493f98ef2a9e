-- The workflow runs that a subject's requests belong to, and whether one of these was answered 5xx.
WITH requests AS ({requests})
SELECT correlation_id, coalesce(bool_or(status_code >= 500), false) AS failed
FROM requests
WHERE correlation_id IN (SELECT correlation_id FROM workflow_tracking)
    AND (status_code >= 500 OR NOT $failed_only)
GROUP BY correlation_id
