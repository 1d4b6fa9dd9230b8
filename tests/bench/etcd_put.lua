-- etcd's side of create.lua: the same JSON as value, base64 as its gateway wants it. Digits are valid base64, so the counter itself is
-- the encoded key. Arguments: prefix of four digits, value in base64.
local count = 0
local prefix, tail

function init(args)
  wrk.headers["Content-Type"] = "application/json"
  prefix = args[1]
  tail = '","value":"' .. args[2] .. '"}'
end

function request()
  count = count + 1
  return wrk.format("POST", "/v3/kv/put", nil, '{"key":"' .. prefix .. string.format("%012d", count) .. tail)
end
