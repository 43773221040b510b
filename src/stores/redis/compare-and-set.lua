-- Purpose: swap one document if it holds exactly what was expected. Reads and checks first, one write last:
--          an error on the way leaves nothing half done (Redis does not roll back).
-- KEYS[1]: the document
-- ARGV[1]: the value expected (never absent; absent to value is the server's own SET NX)
-- ARGV[2]: the value to set
-- ARGV[3]: when the server may forget it, milliseconds since the epoch
-- Result:  1 swapped, 0 not
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PXAT', ARGV[3])
return 1
