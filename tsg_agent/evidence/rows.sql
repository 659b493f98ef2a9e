-- The requests of the incident's region, one row each: when, how they were answered, and their value of each dimension.
WITH requests AS ({requests})
SELECT bucket AS second, kind, status, latency_ms, {columns}
FROM requests
