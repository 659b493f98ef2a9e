-- The value of a key as text: in an object or a map, or in a list of keys and values, as OpenTelemetry, Jaeger, HAR and
-- AWS write them; a text of one with single quotes (ClickHouse, Python) too. A key with dots may be a path. What is
-- looked in stands here once: looks into looks stay short.
CREATE MACRO keyed_value(entry) AS coalesce(
    list_filter(json_extract_string(entry, '$.value.*'), lambda held: held IS NOT NULL)[1],
    entry ->> '$.value', entry ->> '$.Value', entry ->> '$.v'
);
CREATE MACRO lookup(held, key) AS list_transform(
    [coalesce(TRY_CAST(held AS JSON), TRY_CAST(translate(CAST(held AS VARCHAR), '''"', '"''') AS JSON))],
    lambda object: CASE json_type(object)
        WHEN 'OBJECT' THEN coalesce(
            json_extract_string(object, concat('$."', replace(key, '"', ''), '"')),
            CASE WHEN regexp_full_match(key, '[A-Za-z_]\w*(\.[A-Za-z_]\w*)+')
                THEN json_extract_string(object, concat('$.', key)) END
        )
        WHEN 'ARRAY' THEN list_transform(
            list_filter(
                from_json(object, '["JSON"]'),
                lambda entry: coalesce(entry ->> '$.key', entry ->> '$.Key', entry ->> '$.name', entry ->> '$.Name') = key
            )[:1],
            lambda entry: keyed_value(entry)
        )[1]
    END
)[1];
