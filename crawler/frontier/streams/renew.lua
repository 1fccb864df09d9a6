-- Keep hosts and leases for another while, unless another worker has taken them over.
-- KEYS: hosts, workers. ARGV: prefix, worker, number of hosts, for each host its name and its lock's life in ms, then
-- for each request its host, stream and entry.
local time = redis.call('TIME')
redis.call('ZADD', KEYS[2], time[1] * 1000 + math.floor(time[2] / 1000), ARGV[2])
local held, last = {}, 3 + 2 * ARGV[3]
for i = 4, last, 2 do
    local owner = ARGV[1] .. 'owner:' .. ARGV[i]
    if redis.call('GET', owner) == ARGV[2] then
        redis.call('PEXPIRE', owner, ARGV[i + 1])
        held[ARGV[i]] = true
    end
end
for i = last + 1, #ARGV, 3 do
    if held[ARGV[i]] and redis.call('EXISTS', ARGV[i + 1]) == 1 then
        redis.call('XCLAIM', ARGV[i + 1], 'workers', ARGV[2], 0, ARGV[i + 2], 'JUSTID')
    end
end
return 0
