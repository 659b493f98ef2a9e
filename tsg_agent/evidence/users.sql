-- Users by the time of a request and of their next one: in any span each has one request whose next lies beyond it.
WITH requests AS ({requests}),
seen AS (
    SELECT DISTINCT user_id, bucket
    FROM requests
    WHERE kind >= {known} AND user_id IS NOT NULL
),
followed AS (
    SELECT bucket, lead(bucket) OVER (PARTITION BY user_id ORDER BY bucket) AS following
    FROM seen
)
SELECT bucket, following, count(*) AS users
FROM followed
GROUP BY bucket, following
