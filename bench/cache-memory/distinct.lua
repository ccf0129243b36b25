-- A new key with each request but every tenth, which is for one of a thousand that are asked for all the time.
local keys, total, answered, name = 0, 0, 0, ''
init = function(args) total, name = tonumber(args[1]), args[2] end
local requests = 0
request = function()
  requests = requests + 1
  if requests % 10 == 0 then return wrk.format("GET", "/hot/" .. (requests / 10) % 1000) end
  keys = keys + 1
  return wrk.format("GET", "/" .. name .. "/" .. keys)
end
response = function()
  answered = answered + 1
  -- wrk itself would go on until its time is over: the runner interrupts it.
  if answered == total then io.stderr:write('all answered\n') end
end
