-- The regions, environments and services that a table holds, those of the most requests first, and the time it covers.
-- `of` has a 0 bit for the column that a row is about; 7 is the table as a whole. No calendar has a later year than 9999.
WITH together AS (
    SELECT region, environment, {service} AS service, count(*) AS held, {requests} AS requests
    FROM {table}
    GROUP BY region, environment, {service}
),
span AS (
    -- Of itself, so that a source which knows the least and greatest time of its parts need not read them.
    SELECT min(timestamp) AS first, max(timestamp) AS last
    FROM {table}
    WHERE timestamp BETWEEN '0001-01-01'::TIMESTAMP AND '9999-12-31'::TIMESTAMP
),
named AS (
    SELECT
        GROUPING(region, environment, service) AS of,
        coalesce(region, environment, service) AS value,
        CAST(coalesce(sum(held), 0) AS BIGINT) AS rows,
        sum(requests) AS requests
    FROM together
    GROUP BY GROUPING SETS ((), (region), (environment), (service))
)
SELECT of, value, rows, first, last
FROM named
CROSS JOIN span
QUALIFY row_number() OVER (PARTITION BY of ORDER BY requests DESC, value) <= $limit
ORDER BY of, requests DESC, value
