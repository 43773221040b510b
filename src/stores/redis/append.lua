-- Purpose: add one entry to the end of a log (a stream) and drop expired entries from its head. One write command
--          does both; at most ARGV[3] entries are dropped, so the work is bounded. The last one looked at stays.
-- KEYS[1]: the log
-- ARGV[1]: the entry
-- ARGV[2]: when the entry is over, milliseconds since the epoch
-- ARGV[3]: how many entries of the head may be dropped
-- Result:  the entry's position (stream id)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local head = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[3] + 1)
local oldest
for index, entry in ipairs(head) do
  oldest = entry[1]
  -- Fields in the order they are written below: x, expiresAt, e, entry.
  if tonumber(entry[2][2]) > now or index > tonumber(ARGV[3]) then
    break
  end
end
if oldest == nil then
  return redis.call('XADD', KEYS[1], '*', 'x', ARGV[2], 'e', ARGV[1])
end
return redis.call('XADD', KEYS[1], 'MINID', '=', oldest, '*', 'x', ARGV[2], 'e', ARGV[1])
