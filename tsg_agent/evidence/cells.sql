counted AS (
    SELECT
        * EXCLUDE (cell),
        cell // 28 AS bucket,
        cell % 28 // 4 AS answer,
        cell % 4 // 2 AS slow,
        cell % 2 AS retry
    FROM cells
)
