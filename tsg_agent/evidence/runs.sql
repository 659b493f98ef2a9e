-- The workflow runs that a subject's requests belong to.
WITH requests AS ({requests})
SELECT DISTINCT correlation_id
FROM requests
WHERE correlation_id IN (SELECT correlation_id FROM workflow_tracking)
    AND (status_code >= 500 OR NOT $failed_only)
