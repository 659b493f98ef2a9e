-- Step 10: the ten gravest patterns of errors, with their pace over the time between the first and the last.
, details AS (
    SELECT error_code, error_category, exception_type, exception_message, stack_trace_hash, service_component,
        dependency_name, count(DISTINCT request_id) AS errors, count(DISTINCT user_id) AS users,
        min(timestamp) AS first_seen, max(timestamp) AS last_seen,
        count(*) FILTER (is_retry) AS retries, count(*) FILTER (is_cascading_failure) AS cascading
    FROM here WHERE status_code >= 500 GROUP BY ALL
), messages AS (
    SELECT error_category, exception_type, arg_max(exception_message, errors) AS message FROM details GROUP BY ALL
), patterns AS (
    SELECT error_category, exception_type, service_component, dependency_name,
        sum(errors) AS total_occurrences, sum(users) AS total_affected_users, sum(retries) AS retries,
        sum(cascading) AS cascading, min(first_seen) AS first_seen,
        3600.0 * sum(errors) / nullif(epoch(max(last_seen) - min(first_seen)), 0) AS error_velocity
    FROM details GROUP BY ALL
), named AS (
    SELECT p.*, m.message AS most_common_message,
        epoch(CAST($end_time AS TIMESTAMP) - first_seen) / 3600.0 AS hours_since_start,
        0.3 * total_occurrences + 0.4 * total_affected_users + 0.2 * cascading + 0.1 * error_velocity AS impact_score,
        CASE
            WHEN error_velocity > 100 THEN 'SPIKE'
            WHEN cascading > 0.1 * total_occurrences THEN 'CASCADING'
            WHEN p.dependency_name IS NOT NULL THEN 'DEPENDENCY'
            WHEN retries > 0.5 * total_occurrences THEN 'TRANSIENT'
            ELSE 'PERSISTENT'
        END AS error_pattern
    FROM patterns p JOIN messages m ON p.error_category IS NOT DISTINCT FROM m.error_category
        AND p.exception_type IS NOT DISTINCT FROM m.exception_type
)
SELECT error_category, exception_type, service_component, dependency_name, total_occurrences, total_affected_users,
    error_velocity, error_pattern,
    CASE
        WHEN error_pattern = 'CASCADING' THEN 'CRITICAL'
        WHEN error_pattern = 'SPIKE' AND hours_since_start < 1 THEN 'URGENT'
        WHEN total_affected_users > 1000 THEN 'HIGH'
        WHEN error_pattern = 'DEPENDENCY' THEN 'MEDIUM'
        ELSE 'LOW'
    END AS priority,
    most_common_message, hours_since_start, impact_score,
    row_number() OVER (ORDER BY impact_score DESC) AS rank
FROM named QUALIFY rank <= 10 ORDER BY rank
