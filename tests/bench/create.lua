-- Durable creates: one POST /v1/baymodels per request, every name new.
-- Arguments: token, prefix. Prints the latency distribution for the table of `make bench`.
local count = 0
local head, tail

function init(args)
  wrk.headers["X-Auth-Token"] = args[1]
  wrk.headers["Content-Type"] = "application/json"
  head = '{"name":"' .. args[2] .. '-'
  tail = '","flavor_id":"m1.small","master_flavor_id":null,"image_id":"fedora-21-atomic","keypair_id":"testkey",' ..
    '"external_network_id":"ext-1","fixed_network":null,"network_driver":null,"volume_driver":null,"dns_nameserver":"8.8.8.8",' ..
    '"docker_volume_size":1,"coe":"swarm","http_proxy":null,"https_proxy":null,"no_proxy":null,"labels":{"tier":"bench","zone":"az-1"},' ..
    '"tls_disabled":false,"public":false,"registry_enabled":false}'
end

function request()
  count = count + 1
  return wrk.format("POST", "/v1/baymodels", nil, head .. count .. tail)
end
