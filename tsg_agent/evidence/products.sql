-- The product of each request that is about one.
WITH requests AS ({requests}),
sold AS (
    SELECT DISTINCT request_id, {columns}
    FROM product_metadata
    WHERE request_id IN (SELECT request_id FROM requests)
)
SELECT sold.*
FROM requests
JOIN sold ON requests.request_id = sold.request_id
