-- Requests of each product column's values, by cell: only requests that have a product.
WITH requests AS ({requests}),
sold AS (
    SELECT DISTINCT request_id, product_id, product_category, customer_tier, subscription_type
    FROM product_metadata
    WHERE request_id IN (SELECT request_id FROM requests)
)
SELECT
    GROUPING(product_id, product_category, customer_tier, subscription_type) AS dimensions,
    coalesce(product_id, product_category, customer_tier, subscription_type) AS first_value,
    cell,
    count(*) AS requests,
    sum(latency_ms) AS latency_sum
FROM requests
JOIN sold ON requests.request_id = sold.request_id
GROUP BY GROUPING SETS (
    (cell, product_id), (cell, product_category), (cell, customer_tier), (cell, subscription_type)
)
