module validationrun/tests/cluster/pause

go 1.24.0
