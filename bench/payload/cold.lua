-- A new object with each request: the path as given, and a number.
local count = 0
request = function()
  count = count + 1
  return wrk.format("GET", wrk.path .. count)
end
