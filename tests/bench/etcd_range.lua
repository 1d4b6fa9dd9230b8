-- etcd's side of read.lua: linearizable ranges over the keys that etcd_put.lua wrote. Arguments: prefix, number of keys.
local bodies = {}
local next = 0

function init(args)
  wrk.headers["Content-Type"] = "application/json"
  for i = 1, tonumber(args[2]) do
    bodies[i] = wrk.format("POST", "/v3/kv/range", nil, '{"key":"' .. args[1] .. string.format("%012d", i) .. '"}')
  end
end

function request()
  next = next % #bodies + 1
  return bodies[next]
end
