-- The value of a key as text: in an object or a map, or in a list of keys and values, as OpenTelemetry, Jaeger, HAR and
-- AWS write them. A key with dots may be a path.
CREATE MACRO keyed_value(entry) AS coalesce(
    list_filter(json_extract_string(entry, '$.value.*'), lambda held: held IS NOT NULL)[1],
    entry ->> '$.value', entry ->> '$.Value', entry ->> '$.v'
);
CREATE MACRO lookup(held, key) AS CASE json_type(TRY_CAST(held AS JSON))
    WHEN 'OBJECT' THEN coalesce(
        json_extract_string(TRY_CAST(held AS JSON), concat('$."', replace(key, '"', ''), '"')),
        CASE WHEN regexp_full_match(key, '[A-Za-z_]\w*(\.[A-Za-z_]\w*)+')
            THEN json_extract_string(TRY_CAST(held AS JSON), concat('$.', key)) END
    )
    WHEN 'ARRAY' THEN keyed_value(list_filter(
        from_json(TRY_CAST(held AS JSON), '["JSON"]'),
        lambda entry: coalesce(entry ->> '$.key', entry ->> '$.Key', entry ->> '$.name', entry ->> '$.Name') = key
    )[1])
END;
