-- Requests and failures of each value of each dimension, by bucket: one scan.
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
        service_component, dependency_name
    ) AS first_value,
    dependency_name AS second_value,
    bucket,
    {measures}
FROM requests
GROUP BY GROUPING SETS (
    (bucket),
    (bucket, service_version),
    (bucket, datacenter),
    (bucket, availability_zone),
    (bucket, instance_type),
    (bucket, load_balancer_id),
    (bucket, partition_id),
    (bucket, shard_id),
    (bucket, tenant_category),
    (bucket, endpoint_path),
    (bucket, http_method),
    (bucket, api_version),
    (bucket, client_type),
    (bucket, error_category),
    (bucket, exception_type),
    (bucket, service_component),
    (bucket, dependency_name),
    (bucket, service_component, dependency_name)
)
