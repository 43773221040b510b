-- Purpose: remove one document if it holds exactly what was expected
-- KEYS[1]: the document
-- ARGV[1]: the value expected
-- Result:  1 removed, 0 not
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('DEL', KEYS[1])
return 1
