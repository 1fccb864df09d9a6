-- List the hosts that are still to be left alone.
-- KEYS: pauses. Returns for each host its name and the ms that are left.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local found = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for i = 2, #found, 2 do
    found[i] = found[i] - now
end
return found
