CAST(sum(rows) AS BIGINT) AS requests,
CAST(sum(rows) FILTER (answer = 5) AS BIGINT) AS server_errors,
CAST(sum(rows) FILTER (answer >= 2) AS BIGINT) AS not_successful,
CAST(sum(rows) FILTER (answer = 3) AS BIGINT) AS rate_limited,
CAST(sum(rows) FILTER (answer BETWEEN 3 AND 4) AS BIGINT) AS client_errors,
CAST(sum(rows) FILTER (slow = 1) AS BIGINT) AS slow,
CAST(sum(rows) FILTER (retry = 1) AS BIGINT) AS retries,
CAST(sum(rows) FILTER (answer = 2) AS BIGINT) AS redirects,
sum(latency_sum) AS latency_sum
