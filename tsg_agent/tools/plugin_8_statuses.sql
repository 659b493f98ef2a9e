-- How many steps of the business workflows there are in the window, by status.
SELECT workflow_status, count(*) AS steps
FROM (
{steps}
) AS those_of_the_window
GROUP BY workflow_status
LIMIT $most
