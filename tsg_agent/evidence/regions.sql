-- Requests of each other region, by cell: those of the incident's are in rows.sql.
WITH requests AS ({requests})
SELECT region, cell, sum(weight) AS requests
FROM requests
GROUP BY region, cell
