status_code >= 500 AND span_id IN (
    SELECT child.parent_span_id
    FROM requests AS child
    WHERE child.status_code >= 500 AND child.parent_span_id IS NOT NULL
)
