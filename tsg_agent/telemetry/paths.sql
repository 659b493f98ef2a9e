-- A path without its query, and with {id} for each segment that names one thing among many.
CREATE MACRO names_one_thing(segment) AS
    regexp_full_match(segment, '[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}')
    -- a hash, or part of one
    OR (length(segment) >= 7 AND regexp_full_match(segment, '(0x)?[0-9a-fA-F]+') AND regexp_matches(segment, '\d')
        AND (length(segment) >= 12 OR regexp_matches(segment, '[a-fA-F]')))
    -- ULIDs, base32
    OR regexp_full_match(segment, '[0-9A-Z]{20,}')
    -- base64 and the like: case and digits change nearly as often as letters do, in words they do not
    OR (length(segment) >= 16 AND regexp_full_match(segment, '[A-Za-z0-9_.~%=+-]+') AND 100 * length(regexp_replace(
        regexp_replace(regexp_replace(segment, '[a-z]+', 'a', 'g'), '[A-Z]+', 'A', 'g'), '[0-9]+', '0', 'g'
    )) >= CASE WHEN length(segment) >= 24 AND regexp_matches(segment, '\d') THEN 44 ELSE 52 END * length(segment));
CREATE MACRO is_numbered(segment) AS regexp_matches(segment, '^\d+$|\d{3}');
CREATE MACRO bare_path(path) AS split_part(split_part(path, '?', 1), '#', 1);
CREATE MACRO path_without_hashes(path) AS array_to_string(list_transform(
    string_split(bare_path(path), '/'),
    lambda segment: CASE WHEN length(segment) < 7 THEN segment WHEN names_one_thing(segment) THEN '{id}' ELSE segment END
), '/');
CREATE MACRO path_template(path) AS array_to_string(list_transform(
    string_split(bare_path(path), '/'),
    -- in the order of what they cost: the later ones are only asked of the few
    lambda segment: CASE WHEN is_numbered(segment) THEN '{id}' WHEN length(segment) < 7 THEN segment
        WHEN names_one_thing(segment) THEN '{id}' ELSE segment END
), '/');
