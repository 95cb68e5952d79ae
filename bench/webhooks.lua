-- Posts deliveries that were signed before, each once: lines of signature, tab, body in the file DELIVERIES.
local lines, at = {}, 0

function setup(thread)
   thread:set("number", counter or 0)
   counter = (counter or 0) + 1
end

function init()
   for line in io.lines(os.getenv("DELIVERIES") .. "." .. number) do
      lines[#lines + 1] = line
   end
end

function request()
   at = at + 1
   local line = lines[(at - 1) % #lines + 1]
   local tab = line:find("\t", 1, true)
   return wrk.format("POST", "/api/webhooks/whatsapp", {
      ["content-type"] = "application/json",
      ["x-hub-signature-256"] = line:sub(1, tab - 1),
   }, line:sub(tab + 1))
end

function done(summary, latency)
   io.write(string.format(
      '{"requests": %d, "seconds": %.3f, "p50_ms": %.3f, "p99_ms": %.3f, "worst_ms": %.3f, "errors": %d}\n',
      summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
      latency.max / 1e3, summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))
end
