-- Requests of each value of each dimension, by cell: one scan.
-- The pairs at the end add up to what each component, each dependency and all requests have.
-- `dimensions` has a 0 bit for each dimension that a row is about, in the order of the GROUPING list.
WITH requests AS ({requests})
SELECT
    GROUPING(
        service_version, datacenter, availability_zone, instance_type, load_balancer_id, partition_id, shard_id,
        tenant_category, endpoint_path, http_method, api_version, client_type, error_category, exception_type,
        service_component, dependency_name
    ) AS dimensions,
    coalesce(
        service_version, datacenter, availability_zone, instance_type, load_balancer_id, partition_id, shard_id,
        tenant_category, endpoint_path, http_method, api_version, client_type, error_category, exception_type,
        service_component
    ) AS first_value,
    dependency_name AS second_value,
    cell,
    count(*) AS requests,
    sum(latency_ms) AS latency_sum
FROM requests
GROUP BY GROUPING SETS (
    (cell, service_version),
    (cell, datacenter),
    (cell, availability_zone),
    (cell, instance_type),
    (cell, load_balancer_id),
    (cell, partition_id),
    (cell, shard_id),
    (cell, tenant_category),
    (cell, endpoint_path),
    (cell, http_method),
    (cell, api_version),
    (cell, client_type),
    (cell, error_category),
    (cell, exception_type),
    (cell, service_component, dependency_name)
)
