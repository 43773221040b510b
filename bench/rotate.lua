-- Purpose: one refresh of the floor, whole: check, decide, rotate
-- KEYS[1]: the session, a hash
-- ARGV[1]: client id
-- ARGV[2]: generation presented
-- ARGV[3]: now, milliseconds since the epoch
-- ARGV[4]: retry window, milliseconds
-- ARGV[5]: idle lifetime, milliseconds
-- Result:  {current generation, subject, auth_time, scope, end} or nil where it is refused; a replay ends the session
local s = redis.call('HMGET', KEYS[1], 'client', 'generation', 'at', 'end', 'sub', 'auth', 'scope')
if not s[1] or s[1] ~= ARGV[1] then
  return nil
end
local presented, current, now = tonumber(ARGV[2]), tonumber(s[2]), tonumber(ARGV[3])
local ends = math.min(tonumber(s[4]), tonumber(s[3]) + tonumber(ARGV[5]))
if now >= ends then
  return nil
end
if presented == current then
  local last = math.min(tonumber(s[4]), now + tonumber(ARGV[5]))
  redis.call('HSET', KEYS[1], 'generation', presented + 1, 'at', ARGV[3])
  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', last))
  return { presented + 1, s[5], s[6], s[7], string.format('%.0f', last) }
end
if presented == current - 1 and now - tonumber(s[3]) <= tonumber(ARGV[4]) then
  return { current, s[5], s[6], s[7], string.format('%.0f', ends) }
end
redis.call('DEL', KEYS[1])
return nil
