-- Remove requests that are done. What another worker has acknowledged meanwhile is not counted twice.
-- KEYS: hosts. ARGV: prefix, then for each request its host, stream and entry. Returns how many were still open.
local done = 0
for i = 2, #ARGV, 3 do
    local host, stream = ARGV[i], ARGV[i + 1]
    if redis.call('EXISTS', stream) == 1 and redis.call('XACK', stream, 'workers', ARGV[i + 2]) == 1 then
        done = done + 1
        redis.call('XDEL', stream, ARGV[i + 2])
        if redis.call('XLEN', stream) == 0 then
            redis.call('DEL', stream)
            local level = string.match(string.sub(stream, #ARGV[1] + 1), '^stream:(-?%d+):')
            redis.call('ZREM', ARGV[1] .. 'levels:' .. host, level)
        end
        if redis.call('HINCRBY', KEYS[1], host, -1) == 0 then
            redis.call('HDEL', KEYS[1], host)
        end
    end
end
return done
