-- Appended to each script: prints what `make bench` reads.
function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("RESULT requests=%d duration_us=%d bad=%d broken=%d\n", summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
  io.write("PERCENTILES")
  for step = 0, 999 do
    io.write(" " .. latency:percentile(step / 10 + 0.05))
  end
  io.write("\n")
end
