-- Requests of each other region, by minute and kind: those of the incident's are in rows.sql.
WITH requests AS ({requests})
SELECT region, bucket AS minute, kind, sum(weight) AS requests
FROM requests
GROUP BY region, bucket, kind
