-- Requests and failures by each product column, by bucket: only requests that have a product.
WITH requests AS ({requests}),
sold AS (
    SELECT DISTINCT request_id, product_id, product_category, customer_tier, subscription_type
    FROM product_metadata
    WHERE request_id IN (SELECT request_id FROM requests)
)
SELECT
    GROUPING(product_id, product_category, customer_tier, subscription_type) AS dimensions,
    coalesce(product_id, product_category, customer_tier, subscription_type) AS first_value,
    bucket,
    {measures}
FROM requests
JOIN sold ON requests.request_id = sold.request_id
GROUP BY GROUPING SETS (
    (bucket, product_id), (bucket, product_category), (bucket, customer_tier), (bucket, subscription_type)
)
