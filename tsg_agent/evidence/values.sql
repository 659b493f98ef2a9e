-- The values of each dimension, those of the most rows first. `of`: a 0 bit for the column that a row is about.
WITH counted AS (
    SELECT {columns}, GROUPING({columns}) AS of, count(*) AS held
    FROM {table}
    GROUP BY GROUPING SETS ({sets})
)
SELECT {columns}, of, held
FROM counted
QUALIFY row_number() OVER (PARTITION BY of ORDER BY held DESC) <= $limit
