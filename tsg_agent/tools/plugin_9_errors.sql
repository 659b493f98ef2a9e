-- The service's errors by category, exception, component and dependency.
-- The commonest message is that of the category and exception; NULL never counts, ties go by text.
WITH totals AS (
    -- One row even where nothing failed: no errors and no requests are not the same.
    SELECT CAST(count(DISTINCT request_id) AS BIGINT) AS total_requests
    FROM service_requests
    WHERE region = $region
),
errors AS (
    SELECT *
    FROM service_requests
    WHERE region = $region AND status_code >= 500
),
details AS (
    SELECT
        error_category,
        exception_type,
        exception_message,
        stack_trace_hash,
        error_code,
        service_component,
        dependency_name,
        count(DISTINCT request_id) AS occurrences,
        min(timestamp) AS first_seen,
        max(timestamp) AS last_seen,
        count(is_retry) AS retry_known,
        count(*) FILTER (is_retry) AS retries,
        count(is_cascading_failure) AS cascading_known,
        count(*) FILTER (is_cascading_failure) AS cascading
    FROM errors
    GROUP BY
        error_category,
        exception_type,
        exception_message,
        stack_trace_hash,
        error_code,
        service_component,
        dependency_name
),
patterns AS (
    SELECT
        error_category,
        exception_type,
        service_component,
        dependency_name,
        count(DISTINCT stack_trace_hash) AS unique_stacktraces,
        CAST(sum(occurrences) AS BIGINT) AS total_occurrences,
        min(first_seen) AS first_seen,
        max(last_seen) AS last_seen,
        CAST(CASE WHEN sum(retry_known) > 0 THEN sum(retries) END AS BIGINT) AS total_retries,
        CAST(CASE WHEN sum(cascading_known) > 0 THEN sum(cascading) END AS BIGINT) AS total_cascading
    FROM details
    GROUP BY error_category, exception_type, service_component, dependency_name
),
users AS (
    SELECT
        error_category,
        exception_type,
        service_component,
        dependency_name,
        -- Where no error names its user, nobody knows how many met it.
        nullif(count(DISTINCT user_id), 0) AS total_affected_users
    FROM errors
    GROUP BY error_category, exception_type, service_component, dependency_name
),
messages AS (
    SELECT
        error_category,
        exception_type,
        exception_message,
        row_number() OVER (
            PARTITION BY error_category, exception_type ORDER BY sum(occurrences) DESC, exception_message
        ) AS place
    FROM details
    WHERE exception_message IS NOT NULL
    GROUP BY error_category, exception_type, exception_message
)
SELECT
    total_requests,
    patterns.error_category,
    patterns.exception_type,
    patterns.service_component,
    patterns.dependency_name,
    unique_stacktraces,
    total_occurrences,
    total_retries,
    total_cascading,
    users.total_affected_users,
    exception_message AS most_common_message,
    total_occurrences / nullif((epoch_us(last_seen) - epoch_us(first_seen)) / 1000000.0 / 3600.0, 0) AS error_velocity,
    (epoch_us(last_seen) - epoch_us(first_seen)) / 1000000.0 / 60.0 AS minutes_seen,
    (epoch_us($end_time::TIMESTAMP) - epoch_us(first_seen)) / 1000000.0 / 3600.0 AS hours_since_start
FROM totals
LEFT JOIN patterns ON true
LEFT JOIN users
    ON patterns.error_category IS NOT DISTINCT FROM users.error_category
    AND patterns.exception_type IS NOT DISTINCT FROM users.exception_type
    AND patterns.service_component IS NOT DISTINCT FROM users.service_component
    AND patterns.dependency_name IS NOT DISTINCT FROM users.dependency_name
LEFT JOIN messages
    ON patterns.error_category IS NOT DISTINCT FROM messages.error_category
    AND patterns.exception_type IS NOT DISTINCT FROM messages.exception_type
    AND place = 1
ORDER BY
    total_occurrences DESC,
    patterns.error_category,
    patterns.exception_type,
    patterns.service_component,
    patterns.dependency_name
LIMIT $maximum_groups
