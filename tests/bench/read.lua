-- Linearizable reads: GET /v1/baymodels/{id} over the ids in a file.
-- Arguments: token, file with one id a line.
local paths = {}
local next = 0

function init(args)
  wrk.headers["X-Auth-Token"] = args[1]
  for id in io.lines(args[2]) do
    paths[#paths + 1] = wrk.format("GET", "/v1/baymodels/" .. id)
  end
end

function request()
  next = next % #paths + 1
  return paths[next]
end
