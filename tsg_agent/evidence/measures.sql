count(*) AS requests,
count(*) FILTER (status_code >= 500) AS server_errors,
count(*) FILTER (status_code NOT BETWEEN 200 AND 299) AS not_successful,
count(*) FILTER (status_code = 429) AS rate_limited,
count(*) FILTER (status_code BETWEEN 400 AND 499) AS client_errors,
count(*) FILTER (latency_ms > $version_slow_ms) AS slow,
count(*) FILTER (is_retry) AS retries,
count(*) FILTER (status_code BETWEEN 300 AND 399) AS redirects,
sum(latency_ms) AS latency_sum
