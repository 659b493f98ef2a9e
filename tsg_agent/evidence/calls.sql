-- The service map: which component calls which.
SELECT DISTINCT caller, callee
FROM calls
