-- The regions, environments and services that a table holds, the busiest first, and the time it covers. One scan.
-- `of` has a 0 bit for the column that a row is about; 7 is the table as a whole. No calendar has a later year than 9999.
SELECT
    GROUPING(region, environment, {service}) AS of,
    coalesce(region, environment, {service}) AS value,
    count(*) AS rows,
    min(timestamp) FILTER (WHERE timestamp BETWEEN '0001-01-01'::TIMESTAMP AND '9999-12-31'::TIMESTAMP) AS first,
    max(timestamp) FILTER (WHERE timestamp BETWEEN '0001-01-01'::TIMESTAMP AND '9999-12-31'::TIMESTAMP) AS last
FROM {table}
GROUP BY GROUPING SETS ((), (region), (environment), ({service}))
QUALIFY row_number() OVER (PARTITION BY of ORDER BY rows DESC, value) <= $limit
ORDER BY of, rows DESC, value
