-- Requests and failures of each region, by bucket.
WITH requests AS ({requests})
SELECT region AS first_value, bucket, {measures}
FROM requests
GROUP BY region, bucket
