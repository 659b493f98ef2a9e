-- The requests of workflows' runs, and which run each is part of.
WITH requests AS ({requests})
SELECT request_id, correlation_id
FROM requests
WHERE correlation_id IN (SELECT correlation_id FROM workflow_tracking)
