mkdir empty
lorac report
lorac report missing
lorac report empty
mkdir broken && echo '{"lorac": ' >broken/run.json
lorac report broken
