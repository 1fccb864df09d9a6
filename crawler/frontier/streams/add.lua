-- Add a request, unless the job has seen it.
-- KEYS: seen, hosts. ARGV: prefix, fingerprint, host, priority, data. Returns 1 if it was added.
if redis.call('SADD', KEYS[1], ARGV[2]) == 0 then
    return 0
end
local levels = ARGV[1] .. 'levels:' .. ARGV[3]
local stream = ARGV[1] .. 'stream:' .. ARGV[4] .. ':' .. ARGV[3]
if redis.call('ZADD', levels, ARGV[4], ARGV[4]) == 1 then
    redis.call('XGROUP', 'CREATE', stream, 'workers', '0', 'MKSTREAM')
end
redis.call('XADD', stream, '*', 'fingerprint', ARGV[2], 'data', ARGV[5])
redis.call('HINCRBY', KEYS[2], ARGV[3], 1)
return 1
