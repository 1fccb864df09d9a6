-- Drop a job, unless it is not over and another worker is at it.
-- KEYS: seen, hosts, workers. ARGV: prefix, worker, lease in ms. Returns 1 if it was dropped.
local time = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[3])
local others = redis.call('ZCARD', KEYS[3]) - (redis.call('ZSCORE', KEYS[3], ARGV[2]) and 1 or 0)
local hosts = redis.call('HKEYS', KEYS[2])
if #hosts > 0 and others > 0 then
    return 0
end
for _, host in ipairs(hosts) do
    local levels = ARGV[1] .. 'levels:' .. host
    for _, level in ipairs(redis.call('ZRANGE', levels, 0, -1)) do
        redis.call('DEL', ARGV[1] .. 'stream:' .. level .. ':' .. host)
    end
    redis.call('DEL', levels)
end
redis.call('DEL', KEYS[1], KEYS[2])
return 1
