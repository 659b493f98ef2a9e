-- What every query below reads: the window's real requests of one service, everywhere and in the incident's region.
everywhere AS (
    SELECT * FROM api_gateway_logs
    WHERE timestamp BETWEEN $start_time AND $end_time AND environment = $environment AND service_name = $service_name
        AND is_test_traffic = false
),
here AS (SELECT * FROM everywhere WHERE region = $region)
