-- A wrk script. LINES names a file: a path in each line for GET, a body in each line for POST.
-- A `%d` in a body becomes a number that no other request of the run has.
local method = os.getenv("METHOD")
local path = os.getenv("REQUEST_PATH")
local number = tonumber(os.getenv("FIRST_NUMBER"))
local prepared = {}
local turn = 0

local function split_at_number(body)
  local parts = {}
  local from = 1
  while true do
    local start, stop = body:find("%d", from, true)
    if not start then break end
    parts[#parts + 1] = body:sub(from, start - 1)
    from = stop + 1
  end
  parts[#parts + 1] = body:sub(from)
  return parts
end

function init()
  wrk.headers["Authorization"] = "Bearer " .. os.getenv("TOKEN")
  for name, value in os.getenv("HEADERS"):gmatch("([^:\n]+): ([^\n]+)") do wrk.headers[name] = value end
  if method == "POST" then wrk.headers["Content-Type"] = "application/json" end
  for line in io.lines(os.getenv("LINES")) do
    prepared[#prepared + 1] = method == "POST" and split_at_number(line) or wrk.format(method, line)
  end
end

function request()
  turn = turn % #prepared + 1
  if method ~= "POST" then return prepared[turn] end
  number = number + 1
  return wrk.format(method, path, nil, table.concat(prepared[turn], tostring(number)))
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "max": %d, "bytes": %d, ' ..
    '"refused": %d, "connect": %d, "read": %d, "write": %d, "timeout": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max, summary.bytes,
    errors.status, errors.connect, errors.read, errors.write, errors.timeout))
end
