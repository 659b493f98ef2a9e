-- The values of each flag, those of the most rows first.
WITH counted AS (
    SELECT flag_name, flag_value, count(*) AS held
    FROM feature_flags
    GROUP BY flag_name, flag_value
)
SELECT flag_name, flag_value
FROM counted
ORDER BY held DESC
LIMIT $limit
